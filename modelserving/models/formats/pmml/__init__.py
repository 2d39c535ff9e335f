"""PMML, scored by PMML4S in the JVM of this process.

::

    document.py ─▶ guard.py ─▶ repair.py ─▶ model.py ─▶ loop.py     read, weighed, put right, loaded, scored in batches
    fields.py · faults.py                         inputs and answers; what the engine would answer wrongly
    expressions.py · required.py · texts.py       what is missing; what may not be; functions on text
    engine.py · cells.py                          the engine's model, and what its calls take
    kinds/                                        where engines read a kind of model, or of value, differently
"""
