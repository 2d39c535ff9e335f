"""``modelserving watch``: one page that follows all servers and the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelserving.commands.serve.launch import GroupServer, LaunchedServer, launch
from modelserving.commands.serve.options import ListenOptions, with_options
from modelserving.config import load_settings

if TYPE_CHECKING:
    from modelserving.kafka import Connection


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)


@with_options(ListenOptions, port=5950)
def watch(
    said: ListenOptions,
    server: Annotated[
        list[str] | None,
        typer.Option(help="URL of a server of another machine; repeatable. Those of this machine are found."),
    ] = None,
) -> None:
    """Show the running system on one page: servers, topics, groups and what waits. Ctrl-C ends it."""
    import anyio

    from modelserving.monitoring.overview import AnnouncedServer, ClusterWatch, read_announced
    from modelserving.monitoring.overview.announced import servers_folder
    from modelserving.web.overview import WATCH, make_overview_app

    given = [AnnouncedServer(url.rstrip("/"), "server", "") for url in server or ()]
    folder = servers_folder(load_settings().home)

    def find() -> list[AnnouncedServer]:
        return [*read_announced(folder), *given]

    def make(connection: Connection, member: GroupServer) -> LaunchedServer:
        cluster = ClusterWatch(connection)

        async def run() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                cluster.close()

        app = make_overview_app(find, cluster.look)
        return LaunchedServer(run, app, "Watching all servers of this machine", f"The running system: {member.url}/")

    launch(WATCH, said, make)
