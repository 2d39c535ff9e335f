"""The presentation: from texts in ``presentation/slides`` to one folder that works from disk.

::

    presentation/slides/NN-name.md ─▶ source ─▶ parts (code, figures, drawing, pictures) ─▶ deck ─▶ build/slides/index.html
    workshop/lab/timetable.toml    ───────────────────────────────────────────────────────┘ ─▶ slides.pdf, with notes, too
"""
