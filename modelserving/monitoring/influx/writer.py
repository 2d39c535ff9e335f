"""The thread that sends lines to InfluxDB. Who adds lines never waits: what has no room is lost, and counted."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import httpx

log = logging.getLogger(__name__)

_BATCH = 5_000
_EVERY_S = 1.0
_LONGEST_PAUSE_S = 30.0
TIMEOUT = httpx.Timeout(10.0, connect=2.0)
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class InfluxTarget:
    """Where to.

    Args:
        url: of InfluxDB, for example ``http://127.0.0.1:8086``.
        database: of 1.x, which is made where it is not there; or bucket of 2.x, which is there.
        token: of 2.x; empty for 1.x without authentication.
        org: of 2.x.
    """

    url: str
    database: str
    token: str = ""
    org: str = ""

    @property
    def write_url(self) -> httpx.URL:
        """Where lines are sent to."""
        base = httpx.URL(self.url.rstrip("/"))
        if self.token or self.org:
            told = {"bucket": self.database, "org": self.org, "precision": "ns"}
            return base.copy_with(path=base.path.rstrip("/") + "/api/v2/write", params=told)
        return base.copy_with(path=base.path.rstrip("/") + "/write", params={"db": self.database, "precision": "ns"})

    @property
    def makes_database(self) -> bool:
        """Whether its database can be made here: 1.x."""
        return not (self.token or self.org)

    @property
    def query_url(self) -> str:
        """Where 1.x is asked, and told."""
        return f"{self.url.rstrip('/')}/query"

    @property
    def create_statement(self) -> str:
        """What makes the database of 1.x, whatever its name; one that is there stays as it is."""
        escaped = self.database.replace("\\", "\\\\").replace('"', '\\"')
        return f'CREATE DATABASE "{escaped}"'

    @property
    def headers(self) -> dict[str, str]:
        """What is sent with them."""
        return {"Authorization": f"Token {self.token}"} if self.token else {}


class InfluxWriter:
    """Sends lines once a second. While InfluxDB is away or slow, so many lines wait, and the oldest give way.

    Args:
        target: where to.
        room: how many lines may wait.
        every_s: seconds between two batches.
    """

    def __init__(self, target: InfluxTarget, room: int = 100_000, every_s: float = _EVERY_S) -> None:
        self._target = target
        self._lines: deque[str] = deque()
        self._room = room
        self._every_s = every_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="influx", daemon=True)
        self.written = 0
        self.lost = 0
        self._made = False
        self.problem = ""
        """Why nothing is written now; empty while it is."""

    def add(self, lines: Iterable[str | None]) -> None:
        """Take lines, at once."""
        with self._lock:
            self._lines.extend(line for line in lines if line is not None)
            while len(self._lines) > self._room:
                self._lines.popleft()
                self.lost += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Send what waits, once; then end."""
        self._stop.set()
        self._thread.join(TIMEOUT.read)

    def _work(self) -> None:
        pause = self._every_s
        with httpx.Client(timeout=TIMEOUT, trust_env=False, headers=self._target.headers) as client:
            while not self._stop.wait(pause):
                pause = self._every_s if self._flush(client) else min(2 * pause, _LONGEST_PAUSE_S)
            self._flush(client)

    def _flush(self, client: httpx.Client) -> bool:
        """Send all that waits, batch by batch; whether InfluxDB took part in it."""
        while batch := self._take():
            try:
                answer = client.post(self._target.write_url, content="\n".join(batch).encode())
            except httpx.HTTPError as error:
                return self._keep(batch, f"InfluxDB at {self._target.url} does not answer: {error!r}")
            if answer.status_code >= 500 or answer.status_code == 429:
                return self._keep(batch, f"InfluxDB at {self._target.url} says {answer.status_code}")
            if answer.status_code == _NOT_FOUND and self._make_database(client):
                self._return(batch)
            elif answer.is_error:
                self._say(f"InfluxDB does not take {len(batch)} lines: {answer.status_code} {answer.text[:300]}")
                self.lost += len(batch)
            else:
                self.written += len(batch)
                self.problem = ""
        return True

    def _take(self) -> list[str]:
        with self._lock:
            return [self._lines.popleft() for _ in range(min(_BATCH, len(self._lines)))]

    def _make_database(self, client: httpx.Client) -> bool:
        """Make the database, where it is said to be missing; whether it is there now. It is tried once."""
        if self._made or not self._target.makes_database:
            return False
        self._made = True
        try:
            return not refusal_of(client.post(self._target.query_url, params={"q": self._target.create_statement}))
        except httpx.HTTPError:
            return False

    def _keep(self, batch: list[str], why: str) -> bool:
        """Say what is wrong; the lines wait for the next time."""
        self._say(why)
        self._return(batch)
        return False

    def _return(self, batch: list[str]) -> None:
        """What could not be sent waits again, in front, as far as there is room."""
        with self._lock:
            room = max(0, self._room - len(self._lines))
            kept = batch[len(batch) - min(room, len(batch)) :]
            self.lost += len(batch) - len(kept)
            self._lines.extendleft(reversed(kept))

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem


def refusal_of(answer: httpx.Response) -> str:
    """Why a statement was not carried out; empty: it was. InfluxDB 1.x says no with status 200, too."""
    if answer.is_error:
        return f"{answer.status_code} {answer.text[:300]}"
    return answer.text[:300] if '"error"' in answer.text else ""
