"""PMML, scored by PMML4S in the JVM of this process.

::

    document.py ─▶ guard.py ─▶ repair.py ─▶ model.py ─▶ loop.py     read, weighed, put right, loaded, scored in batches
"""
