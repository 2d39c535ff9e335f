"""The presentation: from texts in ``presentation/slides`` to one folder that works from disk.

::

    presentation/slides/*.md ─▶ source ─▶ parts (filling/) ─▶ deck ─▶ index.html
    workshop/lab/timetable.toml ───────────────────────────────┘  ─▶ slides.pdf, one with notes

    source.py ─▶ parts.py ─▶ deck.py ─▶ build.py    texts, what becomes of them, the page, the folder and PDFs
    filling/ · fitting.py                           code, figures and samples by name; how large letters can be
    collect.py · organise.py                        figures from benchmarks; timetables for the README
    present.py · reveal.py                          shown from this machine, by reveal.js

Drawings that the lessons show, too, are in ``workshop/display/pictures/drawings.toml``.
"""
