"""From a message about a model to the model in use, in reading order.

::

    topics.py ─▶ history.py ─▶ reconcile.py ─▶ controller.py     read, ordered, what is desired, who makes it so
    fetch.py ─▶ build.py ─▶ sandbox.py                           bytes, a model that is fit to serve, tried apart
    probes.py                                                    records to try a model with
    refusals.py                                          what is not fit, as a dead letter, once
    slots.py · shadow.py · state.py                              in use, beside it, and how they are doing
"""
