"""What the pictures of the heater's and the speculative view are taken of: their servers, and somebody to serve.

Each has a broker of its own: their topics do not belong into the picture of the pipeline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import replace

from modelserving.config import data_folder
from modelserving.kafka import Connection, create_topics
from modelserving.models.admin.publish import publish_model
from modelserving.models.store.bundled import read_catalog
from modelserving.records import TemperatureControl, Topics
from modelserving.speculative.control import create_settings_topic, send_settings
from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings
from modelserving.temperature import HEATING_TOPICS, Room, Simulator
from modelserving.temperature.simulator import send_control
from modelserving.widgets.heater.chart import heater_frame
from modelserving.widgets.heater.feed import HeaterFeed
from modelserving.widgets.live import Frame
from modelserving.widgets.speculative.chart import answers_frame
from modelserving.widgets.speculative.feed import AnswersFeed
from modelserving.workshop.processes.child import ChildProcess
from modelserving.workshop.processes.process import ServerProcess
from tests.waiting import wait_until

_SETTLED = 60
"""Readings after which the rooms surely listen."""
_SEVERAL = Topics().prefixed("several")
_ASKED = {"wine-smart": "wine-random-forest", "wine-fast": "wine-linear-regression"}


@contextmanager
def heating(connection: Connection, environ: Mapping[str, str]) -> Iterator[Callable[[], Frame]]:
    """Three rooms that get warm; gives what their view shows."""
    stop = threading.Event()
    with ExitStack() as stack:
        stack.enter_context(ServerProcess.start("temperature", "", ("--port", "5700"), environ))
        rooms = Simulator(connection, [Room(n, 14.0 + 2 * n) for n in (1, 2, 3)], speed=3000, every_s=0.1)
        living = threading.Thread(target=rooms.run, args=(stop,), daemon=True)
        feed = stack.enter_context(closing(HeaterFeed(connection, HEATING_TOPICS)))
        feed.start()
        living.start()
        stack.callback(living.join, 20)
        stack.callback(stop.set)
        wait_until(lambda: rooms.sent > _SETTLED, "the first readings")  # a heater obeys what comes from now on
        for number in (1, 2, 3):
            send_control(connection, TemperatureControl(number, 19.0 + number, 0.5, 0.5))
        yield lambda: heater_frame(feed.snapshot())


@contextmanager
def asking_several(connection: Connection, environ: Mapping[str, str]) -> Iterator[Callable[[], Frame]]:
    """A forest that is preferred, and a line that answers when it is late; gives what their view shows."""
    create_topics(connection, _SEVERAL)
    create_settings_topic(connection, _SEVERAL)
    known = {model.name: model for model in read_catalog(data_folder() / "models")}
    for data_type, name in _ASKED.items():
        publish_model(connection, _SEVERAL, replace(known[name], data_type=data_type))
    slow, fast = (ParticipantSettings(name) for name in _ASKED)
    slow = replace(slow, slowed_ms=45.0)
    send_settings(connection, _SEVERAL, "wine", SpeculativeSettings("wine", (slow, fast), 50.0))
    with ExitStack() as stack:
        options = ("--no-preload", "--port", "5650")
        server = stack.enter_context(ServerProcess.start("speculative", "several", options, environ))
        client = ("client", "--prefix", "several", "--records-every", "50", "--models-every", "3600000")
        stack.enter_context(ChildProcess(client, environ))
        feed = stack.enter_context(closing(AnswersFeed(lambda: f"{server.url}/speculative/wine")))
        feed.start()
        yield lambda: answers_frame(feed.snapshot())


OTHERS: Mapping[str, Callable[[Connection, Mapping[str, str]], AbstractContextManager[Callable[[], Frame]]]] = {
    "HeaterView": heating,
    "AnswersView": asking_several,
}
"""Views by their names: what they show, made with a broker and the variables of a process that uses it."""
