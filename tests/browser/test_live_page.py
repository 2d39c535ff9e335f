"""The page of a server, in a real browser."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from modelserving.broker import EmbeddedKafka
from modelserving.kafka import Connection, make_producer
from modelserving.monitoring.overview import (
    AnnouncedServer,
    ClusterState,
    ClusterWatch,
    GroupState,
    TopicState,
    read_announced,
)
from modelserving.monitoring.overview.announced import servers_folder
from modelserving.records import Topics, encode_wine
from modelserving.web.page import PageState, Shares
from modelserving.web.page.system import draw_system
from modelserving.workshop.lab.timetable import read_timetable
from modelserving.workshop.processes.process import ServerProcess
from modelserving.workshop.slides.build import lay_out, source_folder
from modelserving.workshop.slides.deck import page as deck
from modelserving.workshop.slides.filling.figures import BenchmarkResults
from modelserving.workshop.slides.parts import SlideParts
from modelserving.workshop.slides.present import folder_server
from modelserving.workshop.slides.source import Block, Slide
from tests.contract.servers import constant_model, published
from tests.fakes import wine

pytestmark = [pytest.mark.browser, pytest.mark.broker]

HOSTILE = "<img src=x onerror=alert(1)>"
_MISPLACED = """() => {
  const svg = document.querySelector("svg.system"), { width, height } = svg.viewBox.baseVal;
  const boxes = [...svg.querySelectorAll("rect.topic, rect.group")].map((box) => box.getBBox());
  const outside = boxes.filter((b) => b.x < 0 || b.y < 0 || b.x + b.width > width || b.y + b.height > height);
  const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
  const wide = [...svg.querySelectorAll("g")].filter((g) => g.getBBox().width > 251);
  const overlaps = boxes.flatMap((a, number) => boxes.slice(number + 1).filter((b) => meet(a, b)));
  return [boxes.length, outside.length, overlaps.length, wide.length];
}"""


class Served(NamedTuple):
    """A server, and the way to its topics."""

    url: str
    connection: Connection
    topics: Topics
    home: Path

    def send(self, topic: str, *values: bytes) -> None:
        """Publish messages."""
        with make_producer(self.connection) as producer:
            for value in values:
                producer.send(topic, value=value, key=b"wine")
            producer.flush()


@pytest.fixture(scope="module")
def served(kafka: EmbeddedKafka) -> Iterator[Served]:
    """A real server with a model of a hostile name."""
    connection = kafka.start().connection
    prefix = f"t{secrets.token_hex(4)}"
    broker = {"KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers, "MODELSERVING_HOME": str(kafka.home)}
    with ServerProcess.start("stage", prefix, ("--port", "0", "--no-preload"), broker) as server:
        made = Served(server.url, connection, Topics().prefixed(prefix), kafka.home)
        made.send(made.topics.models, *published(constant_model(5.0, HOSTILE)))
        yield made


@pytest.fixture(scope="module")
def slide(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The slides, of which the first one shows that server."""
    if shutil.which("npm") is None:
        pytest.skip("npm, which brings reveal.js, is not installed")
    body = f"Look:\n\n{{live {served.url.rpartition(':')[2]}}}"
    block = Block("live", "Live", (Slide("live", "Live", 1.0, False, (body,), "Wait."),))
    day = read_timetable("full")
    text = deck((block,), day, SlideParts({}, BenchmarkResults(source_folder() / "results.json"), day))
    return lay_out(tmp_path_factory.mktemp("slides") / "deck", text)


def test_a_slide_shows_it_while_it_is_presented_and_a_picture_from_disk(page: Page, slide: Path) -> None:
    """`modelserving present` serves the slides from this machine's own address, which a server lets frame its page."""
    with folder_server(slide.parent) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        shown = page.frame_locator("iframe[title='The page of a server on this machine']")
        expect(shown.get_by_role("status")).to_have_text("serving")
        expect(shown.get_by_role("cell", name=HOSTILE)).to_have_count(1)
        server.shutdown()
    page.goto(slide.as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    expect(page.locator(".live svg[role=img]")).to_be_visible()
    assert page.locator("iframe").count() == 0


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_it_follows_the_server(
    served: Served, page: Page, complaints: list[str], hosts: set[str], scheme: str, width: int
) -> None:
    """Numbers go on while it is open; a hostile name is a text; it fits a narrow screen, dark or light."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(served.url)
    expect(page.get_by_role("status")).to_have_text("serving")
    expect(page.get_by_role("cell", name=HOSTILE)).to_have_count(1)
    scored = page.locator("dl div", has_text="scored").locator("dd").first
    before = int(scored.inner_text().replace(",", ""))
    served.send(served.topics.records, *[encode_wine(wine())] * 25)
    expect(scored).to_have_text(str(before + 25))
    told = re.compile(rf"^scores of wine: now .* from 5 to 5\. Models in use, .*{re.escape(HOSTILE)}")
    drawn = page.get_by_role("img", name=told)
    expect(drawn.locator("rect")).to_have_attribute("fill", "#0072b2")
    expect(page.get_by_role("img", name="from publishing to answer, wine, ms: now half within")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert complaints == []
    assert hosts <= {"127.0.0.1", ""}


def test_parts_of_a_whole_are_drawn_as_they_change(served: Served, page: Page, complaints: list[str]) -> None:
    """The shares of what came since the last second, in words beside the picture; a label may be called anything."""
    before, after = ({HOSTILE: 5, "good": 5, "__proto__": 0}, {HOSTILE: 6, "good": 8, "__proto__": 0})
    states = [
        PageState(title="Monitor", ok=True, phase="serving", shares=[Shares(title="labels of wine", counts=counts)])
        for counts in (before, after)
    ]
    stream = "".join(f"data: {state.model_dump_json()}\n\n" for state in states)
    page.route("**/live", lambda route: route.fulfill(content_type="text/event-stream", body=stream))
    page.goto(served.url)
    told = f"labels of wine, of those that came last: {HOSTILE}: 25 %, good: 75 %, __proto__: 0 %"
    picture = page.get_by_role("img", name=told)
    expect(picture).to_have_count(1)
    assert [len(path.get_attribute("d") or "") > 0 for path in picture.locator("path").all()] == [True, True, False]
    assert complaints == []


def test_it_says_what_it_reads_and_writes(served: Served) -> None:
    """In the file by which it is found; the broker says what it has read. So arrows go to topics that are there."""
    (here,) = (one for one in read_announced(servers_folder(served.home)) if one.url == served.url)
    own = served.topics
    assert (here.reads, here.writes) == ((own.records, own.models, own.control), (own.scored, own.dead_letters))
    with closing(ClusterWatch(served.connection)) as watch:
        drawn = draw_system([(here, None)], watch.look())
    lines = {box.name: box.lines for box in drawn.boxes if box.kind == "topic" and box.column >= 0}
    assert lines.keys() == set(own.names)
    assert lines[own.models] == ["0: 1"]


def test_the_running_system_is_drawn(served: Served, page: Page, complaints: list[str]) -> None:
    """Boxes that do not overlap, with a sentence for a screen reader; a list on a narrow screen; names are texts."""
    first = AnnouncedServer("http://127.0.0.1:5500", "stage", HOSTILE, 1, ("records", "models"), ("scored",))
    second = AnnouncedServer("http://127.0.0.1:5600", "monitor", "m", 2, ("records", "scored", "judged"), ("judged",))
    topics = tuple(TopicState(name, {0: 7, 1: 8}) for name in ("judged", "models", "other", "records", "scored"))
    cluster = ClusterState(topics, (GroupState(HOSTILE, "Stable", ("a",), {"records": 3}),))
    good = PageState(title="Model server", ok=True, phase="serving")
    drawn = draw_system([(first, good), (second, None)], cluster)
    state = PageState(title="Running system", ok=False, phase="not all is well", picture=drawn)
    body = f"data: {state.model_dump_json()}\n\n"
    page.route("**/live", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    page.goto(served.url)
    expect(
        page.get_by_role("img", name="m (monitor :5600 does not answer) reads records, scored, judged")
    ).to_be_visible()
    assert page.locator("svg.system title").filter(has_text=HOSTILE).count() == 1
    assert page.evaluate(_MISPLACED) == [7, 0, 0, 0]
    assert page.locator("svg.system path").count() == len(drawn.arrows) == 7
    assert page.locator("#picture").locator("[tabindex], a, button").count() == 0
    page.set_viewport_size({"width": 360, "height": 800})
    expect(page.locator("svg.system")).to_be_hidden()
    expect(page.get_by_role("listitem").filter(has_text=HOSTILE)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert complaints == []


def test_the_keyboard_pauses_it(served: Served, page: Page) -> None:
    """Tab reaches the button behind the link that skips; the space bar presses it."""
    page.goto(served.url)
    expect(page.get_by_role("status")).to_have_text("serving")
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")
