"""Between Python and the engine's Java.

::

    proxies.py · values.py · threads.py       objects, values and threads of one side as the other's
    failures.py                               Python errors on their way through Java
    batches.py ─▶ collector.py                processors that are given many records at a time
    delegates.py · lambdas.py                 what the engine knows by a class name; bare functions for its interfaces
    clients/                                  the engine's consumers, which pass over what cannot be read
    partition.py · logging.py · security.py   small seams: a partitioner, the log, the way into a cluster
"""
