"""Asks a server four times a second whose answers it took: counts, and how they grew."""

from __future__ import annotations

import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import httpx

from modelserving.widgets.feed import LiveFeed

WINDOW_S = 24.0
"""How far back the picture looks, seconds."""
_PAUSE_S = 0.25
_ASK_S = 2.0
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx's own takes 15 ms to load them, for each question


@dataclass(frozen=True, slots=True)
class ParticipantSeen:
    """A model that is asked, as the server tells of it; counts are of records, since the server began.

    Args:
        name: of the participant.
        chosen: its answer was taken.
        late: it answered too late.
        failed: it could not answer.
        left_out: it was not asked.
        waits: it is left out now.
        took_p50_ms: half of its answers came so long after the record, milliseconds.
    """

    name: str
    chosen: int = 0
    late: int = 0
    failed: int = 0
    left_out: int = 0
    waits: bool = False
    took_p50_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Answered:
    """Whose answers left in a moment.

    Args:
        at_s: when, seconds since 1970.
        chosen: how many of whom, by name.
    """

    at_s: float
    chosen: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AnswersSnapshot:
    """How things stand.

    Args:
        now_s: seconds since 1970.
        away: the server does not answer.
        deadline_ms: as the settings say; 0: all are waited for.
        participants: the preferred one first.
        moments: the last ``WINDOW_S`` seconds, oldest first.
    """

    now_s: float
    away: bool = True
    deadline_ms: float = 0.0
    participants: tuple[ParticipantSeen, ...] = ()
    moments: tuple[Answered, ...] = field(default=())

    def share(self, name: str) -> float:
        """Which share of the answers in the picture were a participant's, 0 to 1; 0 while there are none."""
        total = sum(sum(moment.chosen.values()) for moment in self.moments)
        return sum(moment.chosen.get(name, 0) for moment in self.moments) / total if total else 0.0


AskServer = Callable[[str], Mapping[str, Any]]


def ask_server(url: str) -> Mapping[str, Any]:
    """The JSON object at an address of this machine, which no proxy stands before."""
    answer = httpx.get(url, timeout=_ASK_S, verify=_NO_CERTIFICATES, trust_env=False)
    found: Mapping[str, Any] = answer.raise_for_status().json()
    return found


class AnswersFeed(LiveFeed):
    """A source of snapshots.

    Args:
        url: of ``/speculative/<type>`` at the server; a function, since a server that comes back may be elsewhere.
        ask: gets what is there.
        clock: seconds since 1970.
    """

    def __init__(
        self, url: Callable[[], str], ask: AskServer = ask_server, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(**{"watch-answers": self._run})
        self._url, self._ask, self._clock = url, ask, clock
        self._lock = threading.Lock()
        self._last: Mapping[str, int] | None = None
        self._moments: deque[Answered] = deque()
        self._seen = AnswersSnapshot(clock())

    def snapshot(self) -> AnswersSnapshot:
        """How things stood when the server was asked last."""
        with self._lock:
            return self._seen

    def look(self) -> None:
        """Ask once."""
        now_s = self._clock()
        try:
            said = self._ask(self._url())
        except (httpx.HTTPError, ValueError):
            said = None
        with self._lock:
            self._seen = self._note(now_s, said)

    def _note(self, now_s: float, said: Mapping[str, Any] | None) -> AnswersSnapshot:
        while self._moments and self._moments[0].at_s < now_s - WINDOW_S:
            self._moments.popleft()
        if said is None:
            self._last = None
            seen = self._seen
            return AnswersSnapshot(now_s, True, seen.deadline_ms, seen.participants, tuple(self._moments))
        participants = tuple(
            ParticipantSeen(**{name: one[name] for name in ParticipantSeen.__slots__}) for one in said["participants"]
        )
        chosen = {one.name: one.chosen for one in participants}
        if self._last is not None:
            grown = {name: max(0, count - self._last.get(name, 0)) for name, count in chosen.items()}
            if any(grown.values()):
                self._moments.append(Answered(now_s, MappingProxyType(grown)))
        self._last = chosen
        return AnswersSnapshot(now_s, False, float(said["deadline_ms"]), participants, tuple(self._moments))

    def _run(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(_PAUSE_S)
