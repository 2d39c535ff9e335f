"""The whole system behind a few buttons, without a broker: what is taken away comes back, unless all is closed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest

from modelserving.workshop.display import running
from modelserving.workshop.display.running import RunningSystem
from modelserving.workshop.lesson.lesson import Lesson
from modelserving.workshop.processes.background import BackgroundTask
from tests.waiting import wait_until


class _Part:
    """A client, server or view: it notes that it was ended."""

    url = "http://127.0.0.1:1"
    pid = 1
    made: list[_Part]

    def __init__(self, *_: object, **__: object) -> None:
        self.ended = False
        self.made.append(self)

    @classmethod
    def start(cls, *_: object) -> _Part:
        return cls()

    def snapshot(self) -> None:
        """Nothing was seen."""

    def close(self) -> None:
        self.ended = True

    kill = close


class _Lesson:
    """The ground that a system stands on."""

    connection, prefix, external = None, "lesson-00", False
    topics = SimpleNamespace(records="records")

    def group(self, name: str) -> str:
        return name

    def manage(self, make: Callable[[], Any], name: str) -> Any:
        return make()

    def background(self, function: Callable[[Event], object], name: str) -> BackgroundTask:
        return BackgroundTask(function, name).__enter__()


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> RunningSystem:
    """A system of parts that only note what becomes of them."""
    monkeypatch.setattr(_Part, "made", [], raising=False)
    monkeypatch.setattr(running, "end_offsets", lambda *_: {})
    for name in ("ChildProcess", "ServerProcess", "StageView"):
        monkeypatch.setattr(running, name, _Part)
    return RunningSystem(cast("Lesson", _Lesson()))


def test_a_server_that_was_killed_comes_back(system: RunningSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does where something watches over servers; its button rests meanwhile."""
    monkeypatch.setattr(running, "_AWAY_S", 0.0)
    system.kill_server()
    wait_until(lambda: len(_Part.made) == 4, "another server")
    wait_until(lambda: not system._buttons["server"].disabled, "its button to be there again")
    assert not cast("Any", system.server).ended


def test_a_system_that_is_closed_brings_nothing_back(system: RunningSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever kills the server and closes at once leaves no server behind; buttons of what is closed do nothing."""
    monkeypatch.setattr(running, "_AWAY_S", 3600.0)
    system.kill_server()
    system.close()
    assert not system._returning["server"].running
    assert len(_Part.made) == 3
    assert all(part.ended for part in _Part.made)
    assert [system._buttons[name].disabled for name in ("model", "server", "broker")] == [True] * 3
