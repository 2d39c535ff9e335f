"""Who answered, as a picture with a sentence; what the server says is counted moment by moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import httpx

from modelserving.widgets.speculative.chart import answers_frame, describe_answers, render_answers
from modelserving.widgets.speculative.feed import AnswersFeed, AnswersSnapshot


def said(smart: int, fast: int, **more: object) -> Mapping[str, Any]:
    blank = {"late": 0, "failed": 0, "left_out": 0, "waits": False, "took_p50_ms": 1.5}
    return {
        "deadline_ms": 50.0,
        "participants": [
            {**blank, "name": "smart", "chosen": smart, **more},
            {**blank, "name": "fast", "chosen": fast},
        ],
    }


class Server:
    """Says one thing after the other; ``None``: it does not answer."""

    def __init__(self, *answers: Mapping[str, Any] | None) -> None:
        self._answers = list(answers)
        self.now = 1000.0

    def ask(self, url: str) -> Mapping[str, Any]:
        assert url == "http://server/speculative/wine"
        found = self._answers.pop(0)
        if found is None:
            raise httpx.ConnectError("away")
        return found


def look(server: Server, times: int, step: float = 1.0) -> AnswersSnapshot:
    feed = AnswersFeed(lambda: "http://server/speculative/wine", server.ask, lambda: server.now)
    for _ in range(times):
        feed.look()
        server.now += step
    return feed.snapshot()


def test_the_growth_of_the_counts_is_whose_answers_left() -> None:
    """What was there before the view began is not counted."""
    snapshot = look(Server(said(10, 0), said(13, 1), said(13, 1), said(13, 5)), 4)
    assert [dict(moment.chosen) for moment in snapshot.moments] == [{"smart": 3, "fast": 1}, {"smart": 0, "fast": 4}]
    assert snapshot.share("fast") == 5 / 8
    assert not snapshot.away


def test_a_server_that_comes_back_begins_its_counts_anew() -> None:
    """While it is away the view says so; what it counted before is no growth."""
    server = Server(said(10, 0), said(12, 0), None)
    assert look(server, 3).away
    again = look(Server(said(10, 0), said(12, 0), None, said(2, 0), said(3, 0)), 5)
    assert sum(moment.chosen["smart"] for moment in again.moments) == 3


def test_what_is_long_ago_leaves_the_picture() -> None:
    """It looks back 24 seconds."""
    assert look(Server(said(0, 0), said(5, 0), said(5, 0)), 3, step=30.0).moments == ()


def test_the_picture_is_well_formed_and_says_what_it_shows() -> None:
    """Names come from a topic: they are escaped; trouble is in the sentence, and who is left out in the headline."""
    snapshot = look(Server(said(0, 0), said(1, 3, late=7, waits=True)), 2)
    ET.fromstring(render_answers(snapshot))
    assert describe_answers(snapshot) == (
        "Of the answers in the last 24 seconds: smart gave 25% (7 late), fast gave 75%. Deadline 50 ms."
    )
    assert answers_frame(snapshot).headline == "Left out for now: smart"


def test_before_the_first_answer_there_is_a_picture_too() -> None:
    """It says that the server does not answer."""
    snapshot = AnswersSnapshot(0.0)
    ET.fromstring(render_answers(snapshot))
    assert answers_frame(snapshot).headline == "The server does not answer"
