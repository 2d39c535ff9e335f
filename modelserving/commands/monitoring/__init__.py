"""What shows a running system.

::

    watch.py          ``modelserving watch``: one page for all servers and the broker
    dashboards.py     ``modelserving dashboards``: Grafana's dashboards, and what they ask
"""

import typer

from modelserving.commands.monitoring import dashboards, watch

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    watch.register(app)
    dashboards.register(app)
