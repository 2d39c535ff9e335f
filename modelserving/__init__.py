"""Serve machine-learning models inside streaming microservices on Apache Kafka.

The way of a record, and the package that each step lives in::

    client ─▶ *-records ─▶ serving ─▶ stage, actors or streams_server ─▶ serving ─▶ *-scored ─▶ web, widgets, monitoring
    client ─▶ *-models  ─▶ models: build, check, warm up, swap  ──┘

All packages, from the lowest to the highest, are in ``docs/architecture.md``. The modules here belong to none of them::

    cli.py · __main__.py           the command line           config.py      the one module that reads the environment
    errors.py                      every error, by name       demo.py        the main job in one process
    jars.py · jvm.py               Java: its libraries, and the one machine of a process
    startup_cache.py               what Java has loaded once, so that it starts faster
    statistics.py · svg.py         durations as a histogram; the one writer of pictures
    terminal.py                    texts of strangers, so that a terminal shows them and does not obey
"""

__version__ = "0.1.0"
