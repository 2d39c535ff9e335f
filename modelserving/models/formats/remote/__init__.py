"""Remote: a model that is a service somewhere else, and is asked for each batch.

::

    description.py ─▶ protocols.py     where it is and how it is asked; a request, and what an answer means
                      service.py       asks: time-out, retry, circuit breaker
                      model.py         the model and its factory
"""
