"""The commands of ``modelserving``, by subject. Each module imports its engines only when a command runs."""
