"""Pictures of single lessons: topologies beside each other, windows, a stream and its table, actors and mailboxes."""
