"""A lesson in a kernel: its topics, its exercises, progress and reset.

::

    lesson.py ─▶ environment.py ─▶ lesson_topics.py      what a notebook has; what it stands on; its topics and groups
    exercise.py ─▶ limit.py · panel.py · progress.py     an answer is judged, in time, shown, remembered
    kept.py                                              the file of what is remembered, for several kernels at once
    simulate.py                                          what a server would make of messages, without one
    notebook.py ─▶ stopping.py · reset.py                what only a kernel has, ■ above all; starting again
"""
