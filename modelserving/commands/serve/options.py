"""What all `modelserving serve ...` commands can be told, written once, and given to each of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from modelserving.commands.options import Prefix, Topic, UntilStdinCloses

Framed: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--framed", help="Each record begins with the number of its schema in the registry, as Confluent writes it."
    ),
]
RecordsRegistry: TypeAlias = Annotated[
    str,
    typer.Option(
        help="A registry with Confluent's REST interface, for records that name their schema by number. None: "
        "SCHEMA_REGISTRY_URL, or else, with --framed, the schemas' topic."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenOptions:
    """The options of every server, whatever it serves. Two are hidden: for a parent process."""

    host: Annotated[str, typer.Option(help="Address to listen on for HTTP; think before you leave loopback.")] = (
        "127.0.0.1"
    )
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port for HTTP; if it is taken, the next free one, and that is said.")
    ] = 5500
    prefix: Prefix = ""
    group: Annotated[str, typer.Option(help="Consumer group; servers of one group share the records.")] = ""
    instance: Annotated[str, typer.Option(help="Name of this server in the group; none: host and port.")] = ""
    announce_to: Annotated[Path | None, typer.Option("--announce", hidden=True)] = None
    until_stdin_closes: UntilStdinCloses = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions(ListenOptions):
    """The options of every server of models."""

    schema: Annotated[
        list[Path] | None,
        typer.Option(
            help="What the records are: a schema file (JSON, .proto, .desc, .avsc) or a folder of them; repeatable. "
            "None: the workbook's own."
        ),
    ] = None
    framed: Framed = False
    framed_answers: Annotated[
        bool,
        typer.Option(
            "--framed-answers",
            help="Write answers as Confluent's clients do, behind the number of their schema; the registry gets it "
            "under the topic's name and -value.",
        ),
    ] = False
    schema_registry: RecordsRegistry = ""
    topic: Topic = ""
    scored_topic: Annotated[str, typer.Option(help="Topic of the answers, if it has another name.")] = ""
    models_topic: Annotated[str, typer.Option(help="Topic of the models, if it has another name.")] = ""
    dead_letters_topic: Annotated[str, typer.Option(help="Topic of dead letters, if it has another name.")] = ""
    control_topic: Annotated[str, typer.Option(help="Topic of the commands, if it has another name.")] = ""
    max_records: Annotated[int, typer.Option(min=1, help="The most records in a batch.")] = 10_000
    preload: Annotated[
        bool, typer.Option(help="Start the engines of all formats first, or each with its first model.")
    ] = True
    model_root: Annotated[
        Path | None,
        typer.Option(help="Models by reference may be files below this folder; none: below the repository."),
    ] = None
    model_host: Annotated[
        list[str] | None,
        typer.Option(help="Models by reference may be on this http(s) host, name or name:port; repeatable."),
    ] = None
    trial: Annotated[
        bool,
        typer.Option(
            "--trial",
            help="For senders that are not trusted: try each model in a process of its own first, where it has 30 "
            "seconds and 2 GB. Takes a second, five for TensorFlow.",
        ),
    ] = False


def with_options(kind: type[ListenOptions], **defaults: object) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options, before its own.

    The command takes them as its first argument, all in one; on the command line each stands for itself. Typer knows a
    command by its signature, so that is where they are written.

    Args:
        kind: which options.
        defaults: where this command's differ, by name.
    """
    fields = inspect.signature(kind, eval_str=True).parameters.values()
    options = [one.replace(default=defaults.get(one.name, one.default)) for one in fields]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**said: Any) -> None:
            command(kind(**{one.name: said.pop(one.name) for one in options}), **said)

        _, *own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*options, *own)]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    return decorate
