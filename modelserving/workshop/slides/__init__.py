"""The presentation: from texts in ``presentation/slides`` to one folder that works from disk.

::

    presentation/slides/*.md ─▶ source ─▶ parts (filling/) ─▶ deck ─▶ index.html
    workshop/lab/timetable.toml ───────────────────────────────┘  ─▶ slides.pdf, one with notes

Drawings that the lessons show, too, are in ``workshop/display/pictures/drawings.toml``.
"""
