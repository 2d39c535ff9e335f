"""Pictures of single lessons.

::

    shared.py ─▶ drawing.py            drawings that slides show, too, made of text
    tables.py · windows.py             a stream and its table; records and their windows
    mailbox_view.py ─▶ mailboxes.py    actors and what waits for them
    rebalance.py · changelog.py        who had which partition; a store and its log
    beside.py                          pictures side by side
"""
