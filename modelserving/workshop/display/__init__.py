"""What lessons show.

::

    boxes.py · show.py · reading.py         boxes and tables; source; a few records
    questions.py ─▶ predictions.py          what is asked before a cell runs, and what happened
    figures.py · lag.py                     still figures; a group's lag over time
    diagrams.py · byte_map.py · pictures/   the pipeline, a message, and pictures of single lessons
    flow.py · running.py · page.py          a producer and a consumer; the whole system; a server's page
"""
