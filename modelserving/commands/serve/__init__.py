"""``modelserving serve stage | actor | streams | speculative | monitor | model``.

::

    options.py ─▶ servers.py ─▶ launch.py      what all can be told; a command for each; bind, connect, serve
    speculative.py                             several models, and what is wanted of them
    monitor.py                                 looks, and scores nothing
    model.py                                   models over HTTP, without Kafka
"""

import typer

from modelserving.commands.serve import model, monitor, servers, speculative

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    servers.register(app)
    speculative.register(app)
    monitor.register()
    model.register()
