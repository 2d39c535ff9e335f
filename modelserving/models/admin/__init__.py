"""Models from outside, while no server needs to run.

::

    describe.py ─▶ publish.py     a file becomes a message, and is sent
    listing.py                    what the topics and the repository know
    loading.py ─▶ score.py        a model and a file of records, no broker
"""
