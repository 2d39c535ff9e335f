"""Commands about records: write and read them, score a file of them, look at those that failed.

::

    pipeline.py ─▶ reading.py   ``client``, ``reader``, and what the reader prints
    scoring.py                  ``score``: a model and a file, with no broker between them
    deadletters.py              ``deadletters list | show | replay``
"""
