"""Speculative execution: several models are asked at once, and each record gets one answer in time.

::

    answers.py ─▶ deciders.py ─▶ settings.py       what came, how one answer is made of it, and what is wanted
    collector.py · health.py                       decides each record once; who is left out: no thread, no Kafka
    executor.py ─▶ starter.py ─▶ outcome.py        an actor for each model; who asks them, and waits; what is published
    isolated.py · tracking.py                      a model in a process of its own; how good models turn out to be
    control.py ─▶ server.py                        configured by a topic, served as the stage serves
"""
