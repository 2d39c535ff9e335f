"""A lesson in a kernel: its topics, its exercises, progress and reset."""
