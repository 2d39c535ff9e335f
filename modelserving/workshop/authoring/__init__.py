"""From the text of a lesson to its notebooks, and what every lesson has.

::

    source.py ─▶ derive.py       a lesson as text; its notebooks, one to work in and one with the solutions
    lint.py ─▶ minutes.py        what every lesson has, in its order; how long it takes to read
"""
