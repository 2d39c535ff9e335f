"""Take the pictures of README and guide from what really runs: ``make pictures``.

A broker, a client, a server of models, a monitor that is told truths, the page of them all, and the live views of the
notebooks; each in a real browser, light and dark. The pictures in ``docs/pictures`` are replaced.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from modelserving.broker import EmbeddedKafka
from modelserving.kafka import Connection
from modelserving.kafka.admin import end_offsets
from modelserving.monitoring.replay.answers import RecordPosition
from modelserving.monitoring.truth.topic import Truth, create_truth_topic, send_truths
from modelserving.records import TOPICS
from modelserving.svg import escape
from modelserving.system.ports import free_port
from modelserving.widgets.live import Frame
from modelserving.widgets.stage.chart import stage_frame
from modelserving.widgets.stage.feed import ScoreFeed
from modelserving.widgets.topic.chart import topic_frame
from modelserving.widgets.topic.feed import TopicFeed
from modelserving.workshop.processes.child import ChildProcess
from modelserving.workshop.processes.process import ServerProcess
from modelserving.workshop.slides.build import find_browser
from tests.browser.conftest import FLAGS
from tests.browser.other_views import OTHERS
from tests.waiting import wait_until

FOLDER = Path("docs") / "pictures"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LARGEST = 100_000
"""Bytes of a picture."""
_GROWING_S = 40.0
"""So long it runs before the pictures are taken, so that there is something in the charts."""
_PATIENCE_MS = 60_000


@dataclass(frozen=True, slots=True)
class View:
    """A view that is taken.

    Args:
        name: of its files, before ``-light.png`` and ``-dark.png``.
        shows: whose page it is, or which live view of the notebooks.
        width: of the screen, CSS pixels.
        ready: what is seen once there is something to see: a selector.
        last: what stands at the end of the picture.
    """

    name: str
    shows: str
    width: int
    ready: str
    last: str = "body"


VIEWS = (
    View("server", "stage", 1100, "#tables td"),
    View("overview", "watch", 1280, "svg.system .group", "#picture"),
    View("overview-narrow", "watch", 400, ".says li", "#picture"),
    View("monitor", "monitor", 1000, "#charts svg.key"),
    View("scores", "StageView", 800, "svg path"),
    View("topic", "TopicView", 800, "svg rect"),
    View("heater", "HeaterView", 800, "svg polyline"),
    View("speculative", "AnswersView", 800, "svg rect"),
)


def files_of(view: View) -> list[str]:
    """The names of its pictures."""
    return [f"{view.name}-{scheme}.png" for scheme in SCHEMES]


def main() -> None:
    """Take them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        with running() as (connection, urls):
            pages = {view: opened(browser, view, urls.get(view.shows, "about:blank")) for view in VIEWS}
            frames = grow(connection, urls["stage"])
            for view, page in pages.items():
                if view.shows not in OTHERS:
                    take(page, view, frames.get(view.shows))
        for view, page in pages.items():
            if view.shows in OTHERS:
                take(page, view, other(view.shows))
        browser.close()


def other(name: str) -> Frame:
    """What a live view shows of a system of its own."""
    with broker() as (connection, environ), OTHERS[name](connection, environ) as look:
        time.sleep(_GROWING_S)
        return look()


def take(page: Page, view: View, frame: Frame | None) -> None:
    """Write the pictures of a page; of a live view's, which is shown as a page first."""
    if frame is not None:
        page.set_content(page_of(frame))
    page.wait_for_selector(view.ready, timeout=_PATIENCE_MS)
    for name, scheme in zip(files_of(view), SCHEMES, strict=True):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        sys.stdout.write(f"{FOLDER / name}: {write(taken(page, view), name):,} bytes\n")


@contextmanager
def broker() -> Iterator[tuple[Connection, Mapping[str, str]]]:
    """A broker, and the variables of a process that uses it."""
    with TemporaryDirectory() as folder, EmbeddedKafka(home=Path(folder), port=0) as kafka:
        yield kafka.connection, {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "MODELSERVING_HOME": folder}


@contextmanager
def running() -> Iterator[tuple[Connection, Mapping[str, str]]]:
    """The system that is taken: the way to its broker, and where the page of each server is, by kind."""
    with ExitStack() as stack:
        connection, environ = stack.enter_context(broker())
        urls = {"watch": f"http://127.0.0.1:{free_port()}"}
        for kind, port in (("stage", 5500), ("monitor", 5600)):
            server = stack.enter_context(ServerProcess.start(kind, "", ("--port", f"{port}"), environ))
            urls[kind] = server.url
        client = ("client", "--keyed", "--records-every", "40", "--models-every", "15000", "--faults", "0.01")
        stack.enter_context(ChildProcess(client, environ))
        stack.enter_context(ChildProcess(("watch", "--port", urls["watch"].rpartition(":")[2]), environ))
        wait_until(lambda: answers(urls["watch"]), "the page of all servers", _PATIENCE_MS / 1000)
        yield connection, urls


def answers(url: str) -> bool:
    """Whether somebody listens there."""
    try:
        return httpx.get(f"{url}/snapshot", timeout=10).is_success
    except httpx.HTTPError:
        return False


def opened(browser: Browser, view: View, url: str) -> Page:
    """The page of a server, which follows it from now on."""
    page = browser.new_page(viewport={"width": view.width, "height": 300})
    page.goto(url, timeout=_PATIENCE_MS)
    return page


def grow(connection: Connection, server: str) -> Mapping[str, Frame]:
    """Let it run for a while, and tell the truth of what was scored; what the live views show of that."""
    create_truth_topic(connection, TOPICS)
    with (
        closing(ScoreFeed(connection, TOPICS, server)) as scores,
        closing(TopicFeed(connection, TOPICS.records, "modelserving-stage")) as topic,
    ):
        scores.start()
        topic.start()
        until, told = time.monotonic() + _GROWING_S, 0
        while time.monotonic() < until:
            end = end_offsets(connection, TOPICS.records).get(0, 0)
            send_truths(connection, TOPICS, [Truth(5.0 + at % 3, RecordPosition(0, at)) for at in range(told, end)])
            told = end
            time.sleep(1)
        return {"StageView": stage_frame(scores.snapshot()), "TopicView": topic_frame(topic.snapshot())}


def page_of(frame: Frame) -> str:
    """A live view as a notebook shows it: a picture, and the same in words."""
    head = '<meta name="color-scheme" content="light dark"><style>body{font:15px sans-serif}</style>'
    return f"<!doctype html>{head}{frame.svg}<p>{escape(frame.sentence)}</p>"


def taken(page: Page, view: View) -> bytes:
    """The page from its top to the last of what is shown, as PNG."""
    page.wait_for_timeout(300)  # another colour scheme is painted
    box = page.locator(view.last).bounding_box()
    assert box is not None
    clip = {"x": 0.0, "y": 0.0, "width": float(view.width), "height": box["y"] + box["height"] + 16}
    return page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]


def write(picture: bytes, name: str) -> int:
    """Write a picture with a palette, for a page has few colours; how many bytes.

    Raises:
        SystemExit: more than ``LARGEST``.
    """
    with Image.open(BytesIO(picture)) as taken:
        taken.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(FOLDER / name, optimize=True)
    size = (FOLDER / name).stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{name} is larger than {LARGEST:,} bytes: take less of the page.")
    return size


if __name__ == "__main__":
    main()
