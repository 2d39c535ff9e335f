"""``modelserving models ...``: models in use, from outside. They work while no server runs, and with any number.

::

    use.py        list, publish, promote, rollback, shadow, retire, who
    backtest.py   backtest: what a model would have answered
    judging.py    truth, quality: what turned out to be true; and what promote --if-better-by asks for
    registry.py   pull and push: an MLflow registry
    admin.py      what they share: broker, topics, repository
    table.py      models as a table that fits the terminal
"""

from __future__ import annotations

import typer

from modelserving.commands.models import backtest, judging, registry, use

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    use.register(app)
    backtest.register(app)
    judging.register(app)
    registry.register(app)
