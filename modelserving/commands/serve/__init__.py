"""``modelserving serve stage | actor | streams | speculative | monitor``.

::

    options.py ─▶ servers.py ─▶ launch.py      what all can be told; a command for each; bind, connect, serve
    speculative.py                             several models, and what is wanted of them
    monitor.py                                 looks, and scores nothing
"""

import typer

from modelserving.commands.serve import monitor, servers, speculative

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    servers.register(app)
    speculative.register(app)
    monitor.register()
