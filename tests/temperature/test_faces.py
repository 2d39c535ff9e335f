"""The HTTP face of the heater's server; without a broker."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import httpx

from modelserving.errors import ServerError
from modelserving.serving import Health, Phase
from modelserving.streams_server.instances import Instance
from modelserving.temperature.faces import ControlState, make_heating_app
from modelserving.temperature.server import HeatingOptions, HeatingServer
from modelserving.web.peer_client import AskPeer, UnknownToPeer
from modelserving.web.peer_client import ask as ask_instance


class Heating:
    """As much of a server as its page asks."""

    streams = None
    options = HeatingOptions(Path(), url="http://127.0.0.1:5700")

    def __init__(self, *, settled: bool = True, holder_port: int = 5700) -> None:
        self.settled = settled
        self.unreadable = Counter({"sensor": 3})
        self.holder_port = holder_port

    def health(self) -> Health:
        return Health(self.settled, Phase.SERVING if self.settled else Phase.WAITING)

    def instances(self) -> tuple[Any, ...]:
        if not self.settled:
            raise ServerError("tasks are on the move.")
        return (SimpleNamespace(host="127.0.0.1", port=5700, partitions=(2, 0), stores=("controls",)),)

    def holder(self, sensor: int) -> Instance:
        return Instance("127.0.0.1", self.holder_port)

    def control(self, sensor: int) -> None:
        return None


def look(
    server: Heating, path: str, ask_peer: AskPeer[ControlState] = ask_instance, method: str = "GET"
) -> httpx.Response:
    """Ask for a path."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(make_heating_app(cast("HeatingServer", server), ask_peer))
        async with httpx.AsyncClient(transport=transport, base_url="http://heater") as client:
            return await client.request(method, path)

    return anyio.run(ask)


def test_its_page_shows_who_has_which_partitions() -> None:
    """As the page of every server does what that one does."""
    assert "<title>modelserving</title>" in look(Heating(settled=True), "/").text
    told = look(Heating(settled=True), "/snapshot").json()
    assert (told["title"], told["ok"], told["numbers"]) == (
        "Heater",
        True,
        {"instances": 1, "partitions": 2, "unreadable": 3},
    )
    assert told["tables"][0]["rows"] == [["127.0.0.1:5700", "0, 2", "controls"]]


def test_a_probe_may_ask_for_the_head_of_any_path() -> None:
    """As of every other server; a path of its own for it made each look at the API a warning in the terminal."""
    for path in ("/healthz", "/metrics", "/"):
        response = look(Heating(), path, method="HEAD")
        assert (response.status_code, response.content) == (200, b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert look(Heating(), "/openapi.json").status_code == 200


def test_while_tasks_move_the_page_says_so() -> None:
    """It is there all the same."""
    told = look(Heating(settled=False), "/snapshot").json()
    assert (told["ok"], told["details"]) == (False, ["tasks are on the move."])


def test_a_sensor_that_nobody_has_set_is_unknown_whichever_instance_is_asked() -> None:
    """404 of the one that would have it, and of one that asks it: asking again would not help."""

    def unknown(url: str, path: str, kind: type[ControlState]) -> ControlState:
        assert (url, path) == ("http://127.0.0.1:5701", "/state/99/here")
        raise UnknownToPeer(f"the instance at {url} says: nothing is wanted at sensor 99")

    for answer in (look(Heating(), "/state/99"), look(Heating(holder_port=5701), "/state/99", unknown)):
        assert answer.status_code == 404
        assert "nothing is wanted at sensor 99" in answer.json()["detail"]


def test_an_instance_says_nothing_of_a_sensor_that_another_has() -> None:
    """503, and where it is: whoever asked knew an older distribution."""
    answer = look(Heating(holder_port=5701), "/state/99/here")
    assert answer.status_code == 503
    assert "sensor 99 is at http://127.0.0.1:5701, not here" in answer.json()["detail"]
