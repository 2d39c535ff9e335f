"""``modelserving schema | publish | ask | new | run | registry``: records of one's own, from a file to a service.

::

    schema.py      infer, register, list, show, check
    registries.py  which registry is meant, and what a schema on a command line names
    publish.py     records of a file onto a topic; one record, and its answer
    new.py         a folder that is a service, and running it
    apicurio.py    a real registry beside the broker
"""

from __future__ import annotations

import typer

from modelserving.commands.schemas import apicurio, new, publish, schema

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    schema.register(app)
    publish.register(app)
    new.register(app)
    apicurio.register(app)
