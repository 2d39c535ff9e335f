"""The user's end of the way to the supervisor: find it or start it, hold a lease, ask it things."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from modelserving.broker.diagnosis import explain_os_error, tail
from modelserving.broker.layout import Layout
from modelserving.broker.protocol import SUPERVISOR, TAKEN, Ask, SupervisorOrder, SupervisorReply
from modelserving.broker.state import FileLock, Running
from modelserving.errors import BrokerStartError
from modelserving.system.closing import Closing
from modelserving.system.waiting import poll

_START_WITHIN_S = 300.0
_END_WITHIN_S = 180.0
_LOOK_EVERY_S = 0.05
_LOST_AT_MOST = 3
if sys.platform == "win32":
    _APART = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    _APART = 0


@dataclass(frozen=True, slots=True)
class _SupervisorAnswer:
    """One line from the supervisor.

    Args:
        reply: its first word.
        value: the JSON after it, or ``None``.
    """

    reply: SupervisorReply
    value: object


class LeaseConnection(Closing):
    """A connection to a supervisor. A lease is held as long as it is open.

    Args:
        connection: open to the supervisor's loopback port.
        token: from its state file.
    """

    def __init__(self, connection: socket.socket, token: str) -> None:
        self._connection = connection
        self._file = connection.makefile("r", encoding="utf-8")
        self._token = token

    def ask(self, what: Ask, within_s: float) -> _SupervisorAnswer | None:
        """Ask, and wait for the answer; ``None`` when the supervisor ended instead, or is too late."""
        try:
            self._connection.settimeout(within_s)
            self._connection.sendall(f"{self._token} {what}\n".encode())
            word, _, value = self._file.readline().strip().partition(" ")
            return _SupervisorAnswer(SupervisorReply(word), json.loads(value) if value else None) if word else None
        except (OSError, ValueError):
            return None

    def wait_for_end(self, within_s: float = _END_WITHIN_S) -> bool:
        """Wait until the supervisor has ended, and its broker before it; ``False`` when it takes too long."""
        try:
            self._connection.settimeout(within_s)
            while self._file.readline():
                pass
        except TimeoutError:
            return False
        except (OSError, ValueError):
            return True
        return True

    def is_open(self) -> bool:
        """Whether the supervisor is still there."""
        try:
            self._connection.settimeout(0)
            return self._connection.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        """Hang up. A second call does nothing."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._connection.close()


def call(layout: Layout) -> LeaseConnection | None:
    """Reach the supervisor of a folder, or ``None`` where none listens."""
    running = Running.read(layout.state)
    if running is None:
        return None
    try:
        return LeaseConnection(socket.create_connection(("127.0.0.1", running.lease_port), 5.0), running.token)
    except OSError:
        return None


def supervised(layout: Layout) -> bool:
    """Whether a supervisor lives, even one that cannot be reached (any more, or yet)."""
    if not layout.lock.exists():
        return False
    with FileLock(layout.lock) as lock:
        return not lock.acquire()


def take_lease(order: SupervisorOrder) -> LeaseConnection:
    """Find the running broker or start one, and hold a lease on it.

    Returns:
        The open line; the broker answers.

    Raises:
        BrokerStartError: it cannot start.
    """
    deadline = time.monotonic() + _START_WITHIN_S
    lost = 0
    while lost < _LOST_AT_MOST:
        # While another process starts or ends the same broker there is nothing to wait on but its state.
        left = deadline - time.monotonic()
        line = poll(lambda: call(order.layout) or start_supervisor(order), left, _LOOK_EVERY_S) if left > 0 else None
        if line is None:
            break
        answer = line.ask(Ask.LEASE, deadline - time.monotonic())
        if answer and answer.reply is SupervisorReply.READY:
            return line
        line.wait_for_end()
        line.close()
        if answer and answer.reply is SupervisorReply.FAILED:
            raise BrokerStartError(str(answer.value))
        lost += answer is None
    last = "".join(f"\n  {said}" for said in tail(order.layout.supervisor_log, 5))
    raise BrokerStartError(
        f"the Kafka broker did not start. Its log is {order.layout.log}. "
        f"`modelserving broker stop` ends whatever is left of it; then try again.{last}"
    )


def start_supervisor(order: SupervisorOrder) -> LeaseConnection | None:
    """Start a supervisor, unless another one has the folder.

    Raises:
        BrokerStartError: the folder cannot be written, or the supervisor failed.
    """
    layout = order.layout
    try:
        layout.folder.mkdir(parents=True, exist_ok=True)
        if supervised(layout):
            return None
        with layout.supervisor_log.open("wb") as complaints:
            supervisor = _spawn(order, complaints.fileno())
    except OSError as error:
        raise BrokerStartError(explain_os_error(layout, error)) from error
    assert supervisor.stdout is not None
    with supervisor.stdout as said:
        port, _, token = said.readline().decode().strip().partition(" ")
    # Reaps the supervisor whenever it ends, for this process may go on for hours and keep a zombie.
    threading.Thread(target=supervisor.wait, name="reap-supervisor", daemon=True).start()
    if token:
        return LeaseConnection(socket.create_connection(("127.0.0.1", int(port)), 5.0), token)
    if supervisor.wait(10) == TAKEN:
        return None
    last = "\n".join(f"  {line}" for line in tail(layout.supervisor_log, 5))
    raise BrokerStartError(
        f"the Kafka broker cannot start: its supervisor ended with status {supervisor.returncode}:\n{last}"
    )


def _spawn(order: SupervisorOrder, complaints: int) -> subprocess.Popen[bytes]:
    """Start it apart from this terminal, so that Ctrl-C here does not reach it."""
    command = [sys.executable, "-m", SUPERVISOR, *order.arguments()]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=complaints,
        creationflags=_APART,
        start_new_session=True,
    )
