"""Whether records, and answers to them, are still spread as they were.

::

    detector.py ─▶ columns.py     one column, value by value; all columns of all data types, and their alarms
"""
