"""What lessons show: boxes, source, diagrams."""
