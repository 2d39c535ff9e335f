"""Pictures of single lessons: topologies beside each other, records in their windows, a stream and its table."""
