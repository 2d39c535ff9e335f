"""The presentation: from texts in ``presentation/slides`` to one folder that works from disk.

::

    presentation/slides/*.md ─▶ source ─▶ parts (code, figures, drawing) ─▶ deck ─▶ index.html
    workshop/lab/timetable.toml ─────────────────────────────────────────────┘  ─▶ slides.pdf, one with notes
"""
