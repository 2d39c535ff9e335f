"""``modelserving ...``: the command line. Each command is a few lines; the work is done in the packages."""

from __future__ import annotations

import logging
import sys

import typer
from rich.console import Console
from rich.markup import escape

from modelserving.commands import broker, data, demo, pipeline, scoring, workshop
from modelserving.errors import ModelServingError

__all__ = ["app", "main"]

app = typer.Typer(
    name="modelserving",
    help="Serve machine-learning models inside streaming microservices on Apache Kafka.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

for commands in (workshop, demo, broker, pipeline, scoring, data):
    commands.register(app)


def main() -> None:
    """Run a command. What goes wrong is one message, not a traceback; the exit status is then 1."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        app()
    except ModelServingError as error:
        Console(stderr=True, highlight=False).print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has seen enough: `modelserving reader | head`
        sys.stderr.close()
        sys.exit(0)
