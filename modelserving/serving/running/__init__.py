"""What keeps a server going, and what it sees besides records.

::

    sessions.py        session after session, each from what was committed, until somebody ends it
    worker_thread.py   a thread for what blocks
    server.py          what every server says of itself, whatever scores in it
    asking.py          a client that asks the broker over and over
    watch.py           is the broker there, does reading go on
    membership.py      is this server in its group, who else works here
    gap_letters.py     what cannot be read: said, kept as a dead letter, counted
    inputs.py          are the topics that an engine reads there, and the same ones
    open_transactions.py
                       what waits for a transaction that nobody ends
    audit.py           which offsets were gone before anybody scored them
"""
