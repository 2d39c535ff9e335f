"""Pictures of single lessons: topologies beside each other, windows, a stream and its table, actors and mailboxes.

``shared`` has drawings that slides show, too; ``drawing`` draws them from text.
"""
