"""Pictures of single lessons: topologies, windows, a stream and its table, mailboxes, a rebalance, a store and its log.

``shared`` has drawings that slides show, too; ``drawing`` draws them from text.
"""
