"""``modelserving ...``: the command line. Each command is a few lines; the work is done in the packages."""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

import typer
from rich.text import Text

from modelserving.commands import broker, data, demo, monitoring, schemas, serve, slides, streams, temperature, workshop
from modelserving.commands.console import make_console, spell_what_cannot_be_shown
from modelserving.commands.records import deadletters, pipeline, scoring
from modelserving.errors import ModelServingError, first_error
from modelserving.system.imports import leave_pandas_out
from modelserving.system.leaving import leave
from modelserving.terminal import PlainFormatter, printable

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    name="modelserving",
    help="Serve machine-learning models inside streaming microservices on Apache Kafka.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

_LONGEST = 300
_COMMANDS = (
    workshop, demo, broker, pipeline, serve, streams, scoring, schemas, deadletters, data, temperature, slides,
    monitoring,
)  # fmt: skip

for commands in _COMMANDS:
    commands.register(app)


def main() -> NoReturn:
    """Run a command, and end the process with its status: Java's threads have no part in that."""
    leave_pandas_out()
    spell_what_cannot_be_shown()
    leave(run())


def run() -> int:
    """Run a command. What goes wrong is one message, not a traceback; the exit status is then 1.

    Typer itself takes care of a reader of our output that has seen enough: `modelserving reader | head`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    try:
        return _run()
    except Exception as error:  # noqa: BLE001 - as the interpreter does, but for its end
        if type(error).__module__.startswith("kafka."):  # it is not imported here, which takes long
            return _fail(f"the broker gave no good answer; is it well? Try again. ({str(error)[:_LONGEST]})")
        sys.excepthook(*sys.exc_info())
        return 1


def _run() -> int:
    """The exit status of a command."""
    try:
        app(prog_name="modelserving")
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            make_console(stderr=True).print(end.code, soft_wrap=True)
            return 1
        return end.code or 0
    except ModelServingError as error:
        return _fail(error)
    except ExceptionGroup as group:  # tasks that ran side by side: one of them failed, perhaps with a reason of ours
        ours, others = group.split(ModelServingError)
        if ours is None or others is not None:
            raise
        return _fail(first_error(ours))
    except KeyboardInterrupt:
        return 130
    return 0


def _fail(error: BaseException | str) -> int:
    make_console(stderr=True).print(
        Text.assemble(("error:", "red"), " " + printable(str(error), keep="\n\t")), soft_wrap=True
    )
    return 1
