"""What shows a running system: ``modelserving watch``, ``modelserving dashboards``."""

import typer

from modelserving.commands.monitoring import dashboards, watch

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    watch.register(app)
    dashboards.register(app)
