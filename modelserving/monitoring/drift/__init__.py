"""Whether records, and answers to them, are still spread as they were.

::

    detector.py ─▶ columns.py     one column: numbers, or categories
    alarms.py                     what is seen, kept for who looks; and what is done about it
"""
