"""A stretch of the log, scored again.

::

    window.py      from where to where
    answers.py     answers side by side
    backtest.py    what a model would have answered, compared with what was served
"""
