"""What turned out to be true, days later; who was right.

::

    topic.py ─▶ quality.py ─▶ served.py    how good the answers were, by model
                          └─▶ judge.py     two models on the same records, with the doubt
    join.py                                as both come, on Kafka Streams, within a window
"""
