"""One page for the running system: its servers, and what the broker has. All of it is asked, nothing is remembered.

::

    /           the page          /snapshot    the same as JSON
    /healthz    whether the broker and all servers answer
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from fastapi import FastAPI, Response

from modelserving.errors import ServerError
from modelserving.monitoring.metrics import Exposition
from modelserving.monitoring.overview import AnnouncedServer, ClusterState, GroupState
from modelserving.serving import Health
from modelserving.web.app import add_errors, add_metrics, begin_app
from modelserving.web.page import PageState, PageTable, add_page
from modelserving.web.page.system import ServerAnswer, draw_system
from modelserving.web.peer_client import AskPeer, ask
from modelserving.web.schemas import HealthState, show_health

WATCH = "watch"
"""The kind of server that this page is of: none of those that it asks, or two of them would ask each other."""
_MOST = 16


def make_overview_app(servers: Callable[[], Sequence[AnnouncedServer]], cluster: Callable[[], ClusterState]) -> FastAPI:
    """Make the application.

    Args:
        servers: which there are now.
        cluster: what the broker has now; called by one thread at a time.
    """
    app = begin_app("Running system")
    add_errors(app)
    look = partial(_look, servers, cluster)
    snapshot = add_page(app, look)

    @app.get("/healthz", summary="Whether the broker and all servers answer", responses={503: {"model": HealthState}})
    def healthz(response: Response) -> HealthState:
        found = snapshot()
        return show_health(Health(found.ok, found.phase, tuple(found.details)), response)

    add_metrics(app, Exposition())
    return app


def _look(servers: Callable[[], Sequence[AnnouncedServer]], cluster: Callable[[], ClusterState]) -> PageState:
    return show_system([one for one in servers() if one.kind != WATCH], cluster())


def show_system(servers: Sequence[AnnouncedServer], cluster: ClusterState, ask: AskPeer[PageState] = ask) -> PageState:
    """What the page shows.

    Args:
        servers: which are asked, all at the same time.
        cluster: what the broker has.
        ask: asks one of them.
    """
    answers = _ask_all(servers, ask)
    silent = [f"{one.kind} at {one.url} does not answer" for one, found in answers if found is None]
    troubled = [
        f"{one.kind} at {one.url}: {detail}"
        for one, found in answers
        if found is not None
        for detail in (found.details or ([] if found.ok else [found.phase]))
    ]
    lags = [sum(group.lag.values()) for group in cluster.groups]
    ends = [sum(topic.ends.values()) for topic in cluster.topics]
    well = not cluster.away and all(found is not None and found.ok for _, found in answers)
    return PageState(
        title="Running system",
        ok=well,
        phase="all answer" if well else "not all is well",
        details=[*([cluster.away] if cluster.away else []), *silent, *troubled],
        numbers={
            "servers": len(answers) - len(silent),
            "topics": len(cluster.topics),
            "groups": len(cluster.groups),
            "messages": sum(ends),
            "waiting": sum(lags),
            "scored": sum(found.numbers.get("scored", 0) for _, found in answers if found is not None),
        },
        rates=["messages"],
        picture=draw_system(answers, cluster),
        tables=[_servers(answers), *map(_models, answers), _groups(cluster.groups), _topics(cluster)],
    )


def _ask_all(servers: Sequence[AnnouncedServer], ask: AskPeer[PageState]) -> list[ServerAnswer]:
    if not servers:
        return []
    with ThreadPoolExecutor(min(len(servers), _MOST), thread_name_prefix="looking") as threads:
        return list(zip(servers, threads.map(lambda one: _answer(one, ask), servers), strict=True))


def _answer(server: AnnouncedServer, ask: AskPeer[PageState]) -> PageState | None:
    try:
        return ask(server.url, "/snapshot", PageState)
    except ServerError:
        return None


def _servers(answers: Sequence[ServerAnswer]) -> PageTable:
    rows = [
        [
            one.kind,
            one.group,
            one.url,
            "does not answer" if found is None else found.phase,
            *(("", "") if found is None else (f"{found.numbers.get(name, '')}" for name in ("scored", "dead letters"))),
        ]
        for one, found in answers
    ]
    return PageTable(
        title="Servers", columns=["kind", "group", "address", "phase", "scored", "dead letters"], rows=rows
    )


def _models(answer: ServerAnswer) -> PageTable:
    """The models of one server, as it shows them itself."""
    server, found = answer
    own = next((one for one in found.tables if one.title == "Models"), None) if found is not None else None
    title = f"Models of {server.kind} at {server.url}"
    return PageTable(title=title, columns=own.columns if own else [], rows=own.rows if own else [])


def _groups(groups: Sequence[GroupState]) -> PageTable:
    rows = [
        [one.name, one.state, ", ".join(one.members), topic, f"{lag}"]
        for one in groups
        for topic, lag in sorted(one.lag.items()) or [("", 0)]
    ]
    return PageTable(title="Groups", columns=["group", "state", "members", "reads", "waiting"], rows=rows)


def _topics(cluster: ClusterState) -> PageTable:
    rows = [
        [one.name, f"{len(one.ends)}", f"{sum(one.ends.values())}", " ".join(map(str, one.ends.values()))]
        for one in cluster.topics
    ]
    return PageTable(title="Topics", columns=["topic", "partitions", "messages", "ends by partition"], rows=rows)
