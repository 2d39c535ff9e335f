"""Speculative execution: several models are asked at once, and each record gets one answer in time.

::

    answers.py ─▶ deciders.py ─▶ settings.py       what came, how one answer is made of it, and what is wanted
    collector.py · breaker.py                      the heart: no thread, no clock, no Kafka
    executor.py ─▶ starter.py                      an actor for each model; who asks them, and waits
    apart.py                                       a model in a process of its own
    control.py ─▶ server.py ─▶ faces.py            configured by a topic, served as the stage serves, asked by HTTP
"""
