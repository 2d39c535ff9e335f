"""The HTTP face of the heater's server; without a broker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import anyio
import httpx

from modelserving.errors import ServerError
from modelserving.serving import Health, Phase
from modelserving.temperature.faces import make_heating_app
from modelserving.temperature.server import HeatingServer


class Heating:
    """As much of a server as its page asks."""

    streams = None

    def __init__(self, *, settled: bool) -> None:
        self.settled = settled

    def health(self) -> Health:
        return Health(self.settled, Phase.SERVING if self.settled else Phase.WAITING)

    def instances(self) -> tuple[Any, ...]:
        if not self.settled:
            raise ServerError("tasks are on the move.")
        return (SimpleNamespace(host="127.0.0.1", port=5700, partitions=(2, 0), stores=("controls",)),)


def look(server: Heating, path: str) -> httpx.Response:
    """Ask for a path."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(make_heating_app(cast("HeatingServer", server)))
        async with httpx.AsyncClient(transport=transport, base_url="http://heater") as client:
            return await client.get(path)

    return anyio.run(ask)


def test_its_page_shows_who_has_which_partitions() -> None:
    """As the page of every server does what that one does."""
    assert "<title>modelserving</title>" in look(Heating(settled=True), "/").text
    told = look(Heating(settled=True), "/snapshot").json()
    assert (told["title"], told["ok"], told["numbers"]) == ("Heater", True, {"instances": 1, "partitions": 2})
    assert told["tables"][0]["rows"] == [["127.0.0.1:5700", "0, 2", "controls"]]


def test_while_tasks_move_the_page_says_so() -> None:
    """It is there all the same."""
    told = look(Heating(settled=False), "/snapshot").json()
    assert (told["ok"], told["details"]) == (False, ["tasks are on the move."])
