"""From a message about a model to the model in use, in reading order.

::

    topics.py ─▶ order.py                            read; the one order of models and commands
    history.py ─▶ reconcile.py ─▶ controller.py      what is desired, what has to be done for it, who does it
    fetch.py ─▶ build.py ─▶ sandbox.py               bytes; a model that is fit to serve; tried apart
    refusals.py                                      what is not fit, as a dead letter, once
    slots.py · shadow.py · state.py                  in use, beside it, and how they are doing
"""
