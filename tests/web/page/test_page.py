"""The page at ``/``, asked without a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import anyio
import httpx
import numpy as np
import pytest

from modelserving.models.info import Slots, SlotsUpdate
from modelserving.records import ScoredRun
from modelserving.serving import BatchOutcome, Counts, Phase
from modelserving.web import bind, make_app, serve_app, url_of
from modelserving.web.page import show_server
from modelserving.web.page.live import _events, _Looked
from tests.fakes import FakeServer, served_by


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A server with models in all slots."""
    made = FakeServer(counts=Counts(7, 1, 2), lag={0: 3, 1: 4})
    made.meter.add(BatchOutcome(dead=(("decode", "DecodeError"),) * 2))
    first, hostile, beside = (served_by(name=name) for name in ("first", "<script>alert(1)</script>", "beside"))
    made.slots.apply(SlotsUpdate("wine", Slots(hostile, first, beside, 5.0)))
    yield made
    made.slots.close()


def get(server: FakeServer, path: str) -> httpx.Response:
    """The answer to a request."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=make_app(server))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.get(path)

    return anyio.run(ask)


def test_it_comes_from_the_server_alone(server: FakeServer) -> None:
    """No other host is asked, and no script but its own may run, whatever a model is called."""
    page = get(server, "/")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    for path in re.findall(r'(?:src|href)="(/page[^"]+)"', page.text):
        found = get(server, path)
        assert found.status_code == 200
        assert not re.search(r"https?://(?!www\.w3\.org)", found.text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", get(server, "/page.js").text)


def test_it_shows_numbers_models_and_dead_letters(server: FakeServer) -> None:
    """As ``/state`` has them; names as they are."""
    state = get(server, "/snapshot").json()
    assert state["numbers"] == {"scored": 7, "skipped": 1, "dead letters": 2, "waiting": 7, "models refused": 0}
    models, dead = state["tables"]
    assert [row[1:3] for row in models["rows"]] == [
        ["current", "<script>alert(1)</script>"],
        ["shadow 5 %", "beside"],
        ["previous", "first"],
    ]
    assert all(len(row) == len(models["columns"]) for row in models["rows"])
    assert dead["rows"] == [["decode", "DecodeError", "2"]]


def test_it_shows_what_was_answered_lately(server: FakeServer) -> None:
    """Scores, and how long records waited, on the ground of the model that answered; labels as shares of a whole."""
    run = ScoredRun(
        ("wine", "m", "2", "d", 9, 5_000_000),
        np.array([4.0, 6.0, np.nan]),
        np.zeros(3, np.int64),
        np.array([1, 2, 3]),
        np.array([1, 2, 3]),
        [(None, ()), (None, ()), ("good", ())],
    )
    server.meter.add(BatchOutcome(answers=(run,)))
    scores, waited, waiting = show_server(server).trends
    assert (scores.lines, scores.ground) == ({"mean": 5.0, "highest": 6.0, "lowest": 4.0}, "m 2")
    assert waited.lines == {"half within": 3.0, "99 of 100 within": 4.0}
    assert waiting.lines == {"waiting": 7.0}
    assert [shares.counts for shares in show_server(server).shares] == [{"good": 1}]


def test_it_says_when_the_server_does_not_serve(server: FakeServer) -> None:
    """And what it does meanwhile."""
    server.phase = Phase.WAITING
    state = show_server(server)
    assert (state.ok, state.phase) == (False, "waiting for the broker")


def test_a_server_ends_without_a_word_although_a_page_is_open(
    server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The stream ends with it: no traceback in the terminal of whoever presses Ctrl-C."""

    async def scenario() -> None:
        bound = bind("127.0.0.1", 0)
        seen = anyio.Event()

        async def look() -> None:
            async with (
                httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=10)) as client,
                client.stream("GET", url_of(bound) + "/live") as events,
            ):
                async for _ in events.aiter_lines():
                    seen.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look)
            await serve_app(anyio.sleep_forever, make_app(server), bound, seen.wait)
            tasks.cancel_scope.cancel()

    anyio.run(scenario)
    assert "Traceback" not in caplog.text


def test_events_come_one_after_the_other_and_a_viewer_that_goes_makes_room(server: FakeServer) -> None:
    """However many look, the server is asked once a second."""
    looks: list[int] = []

    def look() -> object:
        looks.append(1)
        return show_server(server)

    async def follow() -> None:
        viewers = anyio.Semaphore(1)
        looked = _Looked(look)  # type: ignore[arg-type]
        for _ in range(3):
            viewers.acquire_nowait()
            events = _events(looked, viewers)
            event = await anext(events)
            await events.aclose()  # type: ignore[attr-defined]
            assert event.endswith("\n\n")
            assert json.loads(event.removeprefix("data: "))["numbers"]["scored"] == 7
        assert viewers.value == 1

    anyio.run(follow)
    assert len(looks) < 3
