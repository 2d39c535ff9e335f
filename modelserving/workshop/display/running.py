"""The whole system behind a few buttons: client, broker, server and the live view, for a lesson's first five minutes.

What is killed or stopped here comes back by itself, as it does where something watches over servers.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, Any

from kafka.errors import KafkaError as KafkaClientError

from modelserving.config import data_folder
from modelserving.errors import ModelServingError
from modelserving.kafka import end_offsets
from modelserving.models.store.bundled import read_catalog
from modelserving.records import encode_descriptor
from modelserving.widgets import Condition, StageSnapshot, StageView
from modelserving.widgets.waiting import waiting
from modelserving.workshop.display.boxes import Box, Tone
from modelserving.workshop.processes.background import BackgroundTask
from modelserving.workshop.processes.child import ChildProcess
from modelserving.workshop.processes.process import ServerProcess

if TYPE_CHECKING:
    from modelserving.workshop.lesson.lesson import Lesson

BETTER = ("wine-random-forest", "wine-random-forest-onnx")
"""Models in turn, each nearer to the tasters than the client's first one."""
_BUTTONS = {
    "model": ("Send a better model", "arrow-up"),
    "server": ("Kill the server", "bolt"),
    "broker": ("Stop the broker", "power-off"),
}
_AWAY_S = 4.0
_WITHIN_S = 90.0


class RunningSystem:
    """A client that sends wines, a server that scores them, a view, and three buttons.

    Args:
        lesson: whose broker and topics are used; all of this ends with it.
        records_every_ms: milliseconds between two wines.
    """

    def __init__(self, lesson: Lesson, records_every_ms: int = 100) -> None:
        self._lesson = lesson
        if any(end_offsets(lesson.connection, lesson.topics.records).values()):  # of a system before this one
            for name in ("wine-records", "wine-models", "wine-scored"):
                lesson.topic(name)
        self._group = lesson.group("server")
        self._sent: list[str] = []
        self._gone: dict[str, StageSnapshot] = {}
        self._returning: dict[str, BackgroundTask] = {}
        pace = ("--records-every", str(records_every_ms), "--models-every", "3600000")
        client = ("client", "--prefix", lesson.prefix, *pace)
        self.client: ChildProcess = lesson.manage(lambda: ChildProcess(client), name="client")
        self.server: ServerProcess = lesson.manage(lambda: self._start_server("0"), name="server")
        self._port = self.server.url.rpartition(":")[2]
        self._buttons = self._make_buttons()
        controls = tuple(self._buttons.values())
        self.view: StageView = lesson.manage(
            lambda: StageView(lesson.connection, lesson.topics, self.server.url, controls=controls), name="view"
        )

    def close(self) -> None:
        """Stop client, server and view, and whatever was to bring one back. A second call does nothing."""
        with waiting("client and server to end"):
            for task in self._returning.values():
                task.stop(_WITHIN_S)
            for name in _BUTTONS:
                self._buttons[name].disabled = True
            self.view.close()
            self.client.close()
            self.server.close()

    def send_better_model(self) -> Box:
        """Send the next better model, as a message like any other."""
        name = BETTER[len(self._sent) % len(BETTER)]
        model = next(one for one in read_catalog(data_folder() / "models") if one.name == name)
        self._lesson.producer().send(self._lesson.topics.models, key=model.key, value=encode_descriptor(model)).get(20)
        self._sent.append(name)
        return Box("Sent", f"`{name}` is on its way: a message of {len(model.data):,} bytes.", Tone.GOOD)

    def kill_server(self) -> Box:
        """Kill the server's process, as a crash does. Another one is started after some seconds."""
        self._gone["server"] = self.view.snapshot()
        self.server.kill()
        self._behind("server", self._bring_back_server)
        return Box("Killed", f"Process {self.server.pid} is gone. A new one starts in {_AWAY_S:g} s.", Tone.WARN)

    def stop_broker(self) -> Box:
        """Stop the broker, and start it again after some seconds."""
        self._gone["broker"] = self.view.snapshot()
        if self._lesson.external:
            return self._lesson.stop_broker()
        self._behind("broker", self._bring_back_broker)
        return Box("Stopped", f"Kafka goes away now, and comes back in {_AWAY_S:g} s.", Tone.WARN)

    def see_better_model(self) -> StageSnapshot:
        """Wait until a better model has scored; it is sent now if nobody has clicked."""
        if not self._sent:
            self.send_better_model()
        wanted = set(self._sent)
        return self.view.wait_for(lambda s: s.model is not None and s.model.name in wanted, _WITHIN_S)

    def see_server_back(self) -> StageSnapshot:
        """Wait until wines are scored again after the server was killed; it is killed now if nobody has clicked."""
        return self._see_back("server", self.kill_server)

    def see_broker_back(self) -> StageSnapshot:
        """Wait until wines are scored again after the broker was stopped; it is stopped now if nobody has clicked."""
        return self._see_back("broker", self.stop_broker)

    def _see_back(self, what: str, take_away: Callable[[], Box]) -> StageSnapshot:
        if what not in self._gone:
            take_away()
        before = self._gone[what].scored
        with waiting(f"the {what} to be back, and for scores"):
            if what in self._returning:
                self._lesson.wait_for(lambda: self._returning[what].wait(0), f"the {what} to be back", _WITHIN_S)
            return self.view.wait_for(
                lambda s: s.condition is Condition.RUNNING and s.scored >= before + 20, within_s=_WITHIN_S
            )

    def _start_server(self, port: str) -> ServerProcess:
        # Scores come seconds sooner without all engines; what a better model needs is started while the old one serves.
        options = ("--group", self._group, "--port", port, "--no-preload")
        return ServerProcess.start("stage", self._lesson.prefix, options)

    def _bring_back_server(self, stop: Event) -> None:
        if not stop.wait(_AWAY_S):
            self.server = self._lesson.manage(lambda: self._start_server(self._port), name="server")

    def _bring_back_broker(self, stop: Event) -> None:
        self._lesson.stop_broker()
        stop.wait(_AWAY_S)
        self._lesson.start_broker()

    def _behind(self, what: str, function: Callable[[Event], Any]) -> None:
        """Do something behind the cells; its button rests meanwhile."""

        def run(stop: Event) -> None:
            self._buttons[what].disabled = True
            try:
                function(stop)
            finally:
                self._buttons[what].disabled = False

        self._returning[what] = self._lesson.background(run, f"bring back {what}")

    def _make_buttons(self) -> dict[str, Any]:
        import ipywidgets

        actions = {"model": self.send_better_model, "server": self.kill_server, "broker": self.stop_broker}
        said = ipywidgets.HTML(layout={"width": "100%"})
        buttons = {}
        for name, (words, icon) in _BUTTONS.items():
            buttons[name] = ipywidgets.Button(description=words, icon=icon, layout={"width": "13em"})
            buttons[name].on_click(lambda _, action=actions[name]: _show(action, said))
        return {**buttons, "said": said}


def _show(action: Callable[[], Box], said: Any) -> None:
    """Do what a button is for, and say beside the buttons what came of it."""
    try:
        said.value = action()._repr_html_()
    except (ModelServingError, KafkaClientError) as error:
        said.value = Box("That did not work", str(error), Tone.WARN)._repr_html_()
