"""The page of the running system."""

from __future__ import annotations

from typing import Any

import anyio
import httpx

from modelserving.errors import ServerError
from modelserving.monitoring.overview import AnnouncedServer, ClusterState, GroupState, TopicState
from modelserving.web.overview import make_overview_app, show_system
from modelserving.web.page import PageState, PageTable

STAGE = AnnouncedServer("http://127.0.0.1:5500", "stage", "wine-stage", 1)
GONE = AnnouncedServer("http://127.0.0.1:5501", "actor", "wine-actor", 2)
CLUSTER = ClusterState(
    (TopicState("wine-records", {0: 40, 1: 2}),),
    (GroupState("wine-stage", "Stable", ("here-5500",), {"wine-records": 7}), GroupState("old", "Empty", (), {})),
)
MODELS = PageTable(title="Models", columns=["model"], rows=[["<tree>"]])


def answer(url: str, path: str, kind: Any) -> Any:
    """One server answers, the other does not."""
    if url == GONE.url:
        raise ServerError("gone")
    assert path == "/snapshot"
    return PageState(title="Model server", ok=True, phase="serving", numbers={"scored": 33}, tables=[MODELS])


def rows(state: PageState, title: str) -> list[list[str]]:
    """The rows of a table."""
    return next(table.rows for table in state.tables if table.title == title)


def test_servers_groups_and_topics_are_on_one_page() -> None:
    """What each has, and what all have together."""
    state = show_system([STAGE], CLUSTER, answer)
    assert (state.ok, state.details) == (True, [])
    assert state.numbers == {"servers": 1, "topics": 1, "groups": 2, "messages": 42, "waiting": 7, "scored": 33}
    assert rows(state, "Servers") == [["stage", "wine-stage", STAGE.url, "serving", "33", ""]]
    assert rows(state, "Models of stage at http://127.0.0.1:5500") == MODELS.rows
    assert rows(state, "Groups") == [
        ["wine-stage", "Stable", "here-5500", "wine-records", "7"],
        ["old", "Empty", "", "", "0"],
    ]
    assert rows(state, "Topics") == [["wine-records", "2", "42", "40 2"]]


def test_who_does_not_answer_is_named() -> None:
    """A server that was killed stays on the page, and so does the broker's absence; the others are shown."""
    state = show_system([STAGE, GONE], ClusterState(away="the broker is away"), answer)
    assert not state.ok
    assert state.details == ["the broker is away", "actor at http://127.0.0.1:5501 does not answer"]
    assert [row[3] for row in rows(state, "Servers")] == ["serving", "does not answer"]


def test_two_pages_do_not_ask_each_other() -> None:
    """Each would wait for the other; and without any server the page says what the broker has."""
    other = AnnouncedServer("http://127.0.0.1:5950", "watch", "watch", 3)
    app = make_overview_app(lambda: [other], lambda: CLUSTER)

    async def ask(*paths: str) -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
            return [await client.get(path) for path in paths]

    page, health, snapshot = anyio.run(ask, "/", "/healthz", "/snapshot")
    assert "text/html" in page.headers["content-type"]
    assert health.status_code == 200
    found = PageState.model_validate(snapshot.json())
    assert rows(found, "Servers") == []
    assert found.numbers["messages"] == 42
