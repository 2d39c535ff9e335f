"""What shows a running system: ``modelserving dashboards``."""

import typer

from modelserving.commands.monitoring import dashboards

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    dashboards.register(app)
