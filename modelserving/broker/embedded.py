"""A real Kafka broker on this machine, shared by everything in a checkout, and gone when nobody uses it.

::

    with EmbeddedKafka() as kafka:
        print(kafka.bootstrap_servers)
"""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import psutil

from modelserving import jars
from modelserving.broker.diagnosis import tail
from modelserving.broker.layout import Layout
from modelserving.broker.leases import LeaseConnection, call, take_lease
from modelserving.broker.process import end_left_over, serves
from modelserving.broker.protocol import SUPERVISOR, Ask, SupervisorOrder, SupervisorReply
from modelserving.broker.state import Running
from modelserving.config import Settings, load_settings
from modelserving.errors import BrokerStartError
from modelserving.kafka.clients import Connection, connect
from modelserving.startup_cache import StartupCache

_ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class BrokerStatus:
    """A running embedded broker.

    Args:
        bootstrap_servers: its address, ``127.0.0.1:port``.
        pid: of Java.
        supervisor_pid: of the Python process that owns it.
        since: when it was started, in UTC.
        data_folder: where its topics are.
        log: its log file.
        leases: how many use it now.
        detached: whether it stays when nobody does.
        version: of Kafka.
    """

    bootstrap_servers: str
    pid: int
    supervisor_pid: int
    since: datetime
    data_folder: Path
    log: Path
    leases: int
    detached: bool
    version: str


class EmbeddedKafka:
    """A lease on the embedded broker of a home folder. The first one starts it, the last one ends it.

    The first start takes a few seconds, later ones one or two. Data survives.
    When this process dies in whatever way, its lease goes with it. Not for use by several threads at once.

    Args:
        home: whose broker; the settings' own by default. All users of one home share one broker.
        port: where it shall listen on 127.0.0.1: a number that must be free, 0 for any, ``None`` for the last one, or
            9092, or the next free one. Only the one who starts the broker has a say.
        detached: leave the broker running after ``close``; ``stop`` ends it.
        cached: use Java's start-up cache, and write it at the end of the first run.
    """

    def __init__(
        self, *, home: Path | None = None, port: int | None = None, detached: bool = False, cached: bool = True
    ) -> None:
        self._layout = _layout(home)
        self._order = SupervisorOrder(self._layout, port, detached, jars.jars_folder() if cached else None)
        self._line: LeaseConnection | None = None
        self._running: Running | None = None

    @property
    def home(self) -> Path:
        """Whose broker it is."""
        return self._layout.folder.parent

    @property
    def bootstrap_servers(self) -> str:
        """The broker's address, ``127.0.0.1:port``.

        Raises:
            BrokerStartError: it was not started.
        """
        if self._running is None:
            raise BrokerStartError(
                "the Kafka broker is not started: use it as `with EmbeddedKafka() as kafka:`, or call start()."
            )
        return self._running.bootstrap_servers

    @property
    def connection(self) -> Connection:
        """The same for the client factories."""
        return Connection(self.bootstrap_servers)

    def start(self) -> Self:
        """Find the broker or start it, and hold a lease. A second call does nothing, unless the broker ended since.

        Raises:
            BrokerStartError: it cannot start; the message says why and what to do.
            SetupError: a jar, or Java, is missing.
        """
        if self._line is not None and self._is_serving(self._line):
            return self
        self._hang_up()
        jars.class_path("broker")
        jars.java()
        self._line = take_lease(self._order)
        running = self._running = Running.read(self._layout.state)
        if running is None:
            self._hang_up()
            raise BrokerStartError(f"the Kafka broker ended as soon as it had started. Its log is {self._layout.log}.")
        try:
            self._check_port(running.port)
            if self._order.detached:
                self._line.ask(Ask.KEEP, _ANSWER_WITHIN_S)
        except BrokerStartError:
            self.close()
            raise
        return self

    def _is_serving(self, line: LeaseConnection) -> bool:
        """Whether what is leased still answers. If not, its supervisor is about to notice, and hangs up."""
        running = Running.read(self._layout.state)
        serving = running is not None and serves(self._layout, running.port)
        return line.is_open() and (serving or not line.wait_for_end(5))

    def _check_port(self, port: int) -> None:
        if self._order.port and self._order.port != port:
            raise BrokerStartError(
                f"the Kafka broker of {self._layout.folder} already runs on port {port}, not {self._order.port}. "
                "Use that one, or stop it first (`modelserving broker stop`)."
            )

    def stop(self) -> None:
        """End the broker now, for all who use it. Data stays; ``start`` brings it back on the same port."""
        stop(self.home)
        self._hang_up()

    def close(self) -> None:
        """Give the lease back; the last one ends the broker and waits for its end. A second call does nothing."""
        line = self._line
        if line is not None:
            answer = line.ask(Ask.RELEASE, _ANSWER_WITHIN_S)
            if answer and answer.reply is SupervisorReply.CLOSING and line.wait_for_end() and self._running:
                self._running.supervisor.wait_until_gone(_ANSWER_WITHIN_S)
        self._hang_up()

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_line", None) is not None:
            warnings.warn(f"{self!r} was not closed; use it in a with statement", ResourceWarning, stacklevel=2)
            self._hang_up()


def start_detached(home: Path | None = None, port: int | None = None) -> BrokerStatus:
    """Start the broker, or find it, and have it stay until ``stop``.

    Raises:
        As ``EmbeddedKafka.start``.
    """
    with EmbeddedKafka(home=home, port=port, detached=True):
        found = status(home)
    if found is None:
        raise BrokerStartError(f"the Kafka broker ended as soon as it had started. Its log is {log_path(home)}.")
    return found


def stop(home: Path | None = None) -> bool:
    """End the broker, whoever uses it: cleanly if its supervisor listens, by force if not.

    Returns:
        Whether there was one.
    """
    layout = _layout(home)
    running, line = Running.read(layout.state), call(layout)
    if running and line:
        with line:
            if line.ask(Ask.STOP, _ANSWER_WITHIN_S) and line.wait_for_end():
                running.supervisor.wait_until_gone(_ANSWER_WITHIN_S)
                return True
    ended = _kill_supervisor(layout)
    return end_left_over(layout) or ended


def _kill_supervisor(layout: Layout) -> bool:
    """End a supervisor that does not answer; what it owned is left over then."""
    running = Running.read(layout.state)
    found = running.supervisor.find(SUPERVISOR) if running else None
    if running is None or found is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        found.kill()
        running.supervisor.wait_until_gone(_ANSWER_WITHIN_S)
    return True


def status(home: Path | None = None) -> BrokerStatus | None:
    """What runs now, or ``None``."""
    layout = _layout(home)
    running, line = Running.read(layout.state), call(layout)
    if running is None or line is None or running.broker is None:
        return None
    with line:
        answer = line.ask(Ask.STATUS, _ANSWER_WITHIN_S)
    if answer is None or not isinstance(answer.value, dict):
        return None
    return BrokerStatus(
        bootstrap_servers=running.bootstrap_servers,
        pid=running.broker.pid,
        supervisor_pid=running.supervisor.pid,
        since=datetime.fromtimestamp(running.since, UTC),
        data_folder=layout.data,
        log=layout.log,
        leases=int(answer.value["leases"]),
        detached=bool(answer.value["detached"]),
        version=next(jar.version for jar in jars.locked_jars() if jar.artifact == "kafka-clients"),
    )


def log_path(home: Path | None = None) -> Path:
    """The broker's log file, which need not exist yet."""
    return _layout(home).log


def read_log(lines: int = 50, home: Path | None = None) -> list[str]:
    """The last lines of the broker's log; none where it never ran."""
    return tail(log_path(home), lines)


def prepare(progress: Callable[[str], None]) -> None:
    """Record Java's start-up cache with a broker that nobody uses, so that already the first real one starts fast.

    A part of set-up, about ten seconds; nothing is done when there is a cache that fits, or where none can be written.

    Args:
        progress: told what happens, a line at a time.

    Raises:
        BrokerStartError, SetupError: as ``EmbeddedKafka.start``.
    """
    if not StartupCache.of(jars.jars_folder(), jars.java(), jars.class_path("broker")).is_missing:
        progress("Kafka broker: nothing to prepare.")
        return
    progress("Kafka broker: starting it once, so that it starts three times as fast from now on.")
    with tempfile.TemporaryDirectory(prefix="modelserving-") as folder, EmbeddedKafka(home=Path(folder), port=0):
        pass


@contextlib.contextmanager
def use_broker(settings: Settings | None = None) -> Iterator[Connection]:
    """The broker that the settings mean: the external cluster that they name, or else a lease on the embedded one.

    Raises:
        ConfigError, BrokerStartError, SetupError: as ``connect`` and ``EmbeddedKafka.start``.
    """
    meant = settings or load_settings()
    if meant.bootstrap_servers is not None:
        yield connect(meant)
        return
    with EmbeddedKafka(home=meant.home) as kafka:
        yield kafka.connection


def _layout(home: Path | None) -> Layout:
    return Layout.of(home or load_settings().home)
