"""What a serving actor has, as data.

::

    transfer.py      models as bytes, on their way to a disk or to another process; one model in several hands
    persistence.py   the slots of a data type on disk
    shadowing.py     what the shadow still has to do
"""
