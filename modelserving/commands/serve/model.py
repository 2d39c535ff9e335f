"""``modelserving serve model``: models behind HTTP, without Kafka."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer

from modelserving.commands.options import UntilStdinCloses
from modelserving.commands.serve.servers import serve_app as servers
from modelserving.config import data_folder, load_settings
from modelserving.errors import ConfigError

_ANY = "any"
"""Data type of a model that is served by itself: nothing asks for it."""


def register() -> None:
    """Add the command."""
    servers.command()(model)


def model(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]FILE...",
            help="Models: files, or names of the workbook's; each is served under its name, or the one before the `=`.",
        ),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on; think before you leave loopback.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; if it is taken, the next free one, and that is said.")
    ] = 5800,
    data: Annotated[Path | None, typer.Option(help="Folder with the workbook's models; none: the checkout's.")] = None,
    announce_to: Annotated[Path | None, typer.Option("--announce", hidden=True)] = None,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Serve models over HTTP: Open Inference Protocol v2, and TensorFlow Serving's REST form. Ctrl-C ends it.

    No broker is needed. A server of records asks such a service when it is sent a model of the type `remote`.
    """
    import anyio

    from modelserving.commands.console import make_console
    from modelserving.models.admin.describe import About, find_model
    from modelserving.models.formats.factory import create
    from modelserving.models.lifecycle.build import build_candidate
    from modelserving.monitoring.overview import AnnouncedServer, announced
    from modelserving.monitoring.overview.announced import servers_folder
    from modelserving.system.ports import holder_of
    from modelserving.web import announce, bind, serve_app, stdin_closed, until_signal, url_of
    from modelserving.web.inference import InferenceModel, make_inference_app

    console = make_console()
    with ExitStack() as stack:
        models: dict[str, InferenceModel] = {}
        for said in files:
            name, file = _split(said)
            # A file serves whatever records are sent to it; the workbook's own models know theirs.
            about = About(_ANY if Path(file).exists() else "", name)
            described = find_model(file, data_folder(data) / "models", about)
            if described.name in models:
                raise ConfigError(f"two models are called {described.name!r}. Give one another name: NAME={file}.")
            # Without golden records there is nothing to check it with; its records may be of any kind.
            built = build_candidate(described).model if described.golden else create(described)
            stack.callback(built.close)
            models[described.name] = InferenceModel(built, described.type.slug, described.version or "1")
        bound = stack.enter_context(closing(bind(host, port)))
        found, url = bound.getsockname()[1], url_of(bound)
        if port not in (0, found):
            console.print(f"Port {port} is taken{holder_of(port)}: this server is at port {found}.")
        if announce_to is not None:
            announce(announce_to, url)
        for name in models:
            console.print(f"{url}/v2/models/{name}/infer")
        console.print(f"API: {url}/docs   Ctrl-C ends it.")
        stops = [until_signal, *([stdin_closed] if until_stdin_closes else [])]
        here = AnnouncedServer(url, "model", "", os.getpid())
        stack.enter_context(announced(servers_folder(load_settings().home), here))
        anyio.run(serve_app, anyio.sleep_forever, make_inference_app(models), bound, *stops)
    console.print("The server has stopped.")


def _split(said: str) -> tuple[str, str]:
    """The name, if one is given, and the file."""
    name, equals, file = said.partition("=")
    return (name, file) if equals and not Path(said).exists() else ("", said)
