"""The process between the broker and its users: it owns Java, and ends it when nobody holds a lease any more.

A user holds a lease as long as its connection to the supervisor is open. The system closes that connection when the
user ends, whatever ends it, ``kill -9`` included; so no broker outlives its users. The supervisor is in a session of
its own, so that Ctrl-C in a terminal goes to the user alone.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import psutil

from modelserving import jars
from modelserving.broker.callers import Caller, Callers
from modelserving.broker.diagnosis import (
    explain_failure,
    explain_os_error,
    port_was_taken,
    reached_kafka,
    what_was_said,
)
from modelserving.broker.ports import choose_port
from modelserving.broker.process import END_WITHIN_S, check_data, end_left_over, format_data, serves, spawn
from modelserving.broker.protocol import TAKEN, Ask, SupervisorOrder, SupervisorReply
from modelserving.broker.state import FileLock, Identity, Running, Worker
from modelserving.errors import ModelServingError
from modelserving.startup_cache import StartupCache
from modelserving.system.ports import free_port
from modelserving.system.waiting import poll

_ANSWER_WITHIN_S = 120.0
_FIRST_LEASE_WITHIN_S = 10.0
_RECORD_WITHIN_S = 120.0
_LOOK_EVERY_S = 0.02
_LAUNCHES = 4

_Event = Literal["ready", "late", "ended", "stop"]


class Supervisor:
    """One broker and its leases. One thread decides; a second one only watches Java.

    Args:
        order: what to do.
    """

    def __init__(self, order: SupervisorOrder) -> None:
        self._order = order
        self._layout = order.layout
        self._phase: Literal["starting", "ready", "closing", "failed"] = "starting"
        self._detached = order.detached
        self._token = secrets.token_hex(16)
        self._selector = selectors.DefaultSelector()
        self._callers = Callers(self._selector, self._token)
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._wake, self._woken = socket.socketpair()
        self._deadline: float | None = time.monotonic() + _FIRST_LEASE_WITHIN_S
        self._java: subprocess.Popen[bytes] | None = None
        self._running: Running | None = None
        self._cache: StartupCache | None = None
        self._cache_was_there = False
        self._recording = self._layout.folder / "recording.aot"
        self._served = self._late = self._distrusted = False
        self._failure = ""
        self._launches = self._log_start = 0

    def run(self) -> None:
        """Start the broker, serve its users, end it with the last of them."""
        listener = socket.create_server(("127.0.0.1", 0))
        lease_port: int = listener.getsockname()[1]
        with listener, self._wake, self._woken, self._selector:
            self._selector.register(listener, selectors.EVENT_READ)
            self._selector.register(self._woken, selectors.EVENT_READ)
            signal.signal(signal.SIGTERM, lambda *_: self._post("stop"))
            _announce(f"{lease_port} {self._token}")
            try:
                self._launch(lease_port)
                while not self._is_over():
                    self._take_turn(listener)
            finally:
                self._clean_up()

    def _is_over(self) -> bool:
        if self._phase == "failed":
            return self._is_overdue()
        return self._phase == "closing" and self._java is None

    def _is_overdue(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    def _take_turn(self, listener: socket.socket) -> None:
        """Wait for the next thing that happens, and deal with it."""
        patience = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        for key, _ in self._selector.select(patience):
            if key.fileobj is listener:
                self._callers.admit(listener.accept()[0])
            elif key.fileobj is self._woken:
                self._woken.recv(64)
            else:
                self._read_requests(key.data)
        while not self._events.empty():
            self._react(self._events.get())
        if self._phase != "failed" and self._is_overdue():
            self._on_deadline()

    def _launch(self, lease_port: int) -> None:
        """Start Java once; what is wrong before it runs is told to the callers."""
        self._launches += 1
        layout = self._layout
        try:
            check_data(layout)
            identity = Identity.read(layout.identity)
            port, own = choose_port(self._order.port, identity.port if identity else None), free_port()
            self._cache = self._find_cache()
            format_data(layout, port, own, self._cache)
            self._cache_was_there = self._cache is not None and self._cache.path.is_file()
            self._log_start = layout.log.stat().st_size if layout.log.exists() else 0
            java = self._java = spawn(layout, port, own, self._cache, self._recording)
            us, broker = Worker.of(os.getpid()), _find_worker(java.pid)
            self._running = Running(us, broker, lease_port, self._token, port, time.time())
            self._running.write(layout.state)
        except (ModelServingError, OSError, subprocess.TimeoutExpired) as error:
            self._fail(str(error) if isinstance(error, ModelServingError) else explain_os_error(layout, error))
            return
        threading.Thread(target=self._watch, args=(java, port), daemon=True).start()

    def _find_cache(self) -> StartupCache | None:
        if self._order.cache is None or self._distrusted:
            return None
        return StartupCache.of(self._order.cache, jars.java(), jars.class_path("broker"))

    def _watch(self, java: subprocess.Popen[bytes], port: int) -> None:
        """Report when the broker answers, and when Java is gone; on a thread of its own."""

        def news() -> _Event | None:
            return "ended" if java.poll() is not None else "ready" if serves(self._layout, port) else None

        found = poll(news, _ANSWER_WITHIN_S, _LOOK_EVERY_S) or "late"
        if found != "ended":
            self._post(found)
        java.wait()
        self._post("ended")

    def _post(self, event: _Event) -> None:
        self._events.put(event)
        with contextlib.suppress(OSError):
            self._wake.send(b"!")

    def _react(self, event: _Event) -> None:
        if event == "ready" and self._phase == "starting":
            self._on_ready()
        elif event == "late" and self._java:
            self._late = True
            self._java.kill()
        elif event == "stop":
            self._end()
        elif event == "ended":
            self._on_java_ended()

    def _on_ready(self) -> None:
        """The broker answers: remember its port, and tell all who wait."""
        self._phase, self._served = "ready", True
        identity = Identity.read(self._layout.identity)
        if identity and self._running and identity.port != self._running.port:
            replace(identity, port=self._running.port).write(self._layout.identity)
        self._callers.tell_waiting(SupervisorReply.READY)

    def _on_java_ended(self) -> None:
        """Java is gone: as wanted, by accident, or before it ever answered."""
        java, self._java = self._java, None
        if self._served and self._cache is not None and not self._cache_was_there:
            self._cache.keep(self._recording)
        if self._phase == "starting" and java is not None:
            self._try_again(None if self._late else java.returncode)
        elif self._phase == "ready":
            self._phase = "closing"

    def _try_again(self, exit_code: int | None) -> None:
        """A port that was taken in between, or a cache that does not fit, is no reason to give up."""
        said = what_was_said(self._layout, self._log_start)
        again = not self._late and port_was_taken(said)  # one that was asked for is looked at again before
        if self._cache and self._cache_was_there and not reached_kafka(said):
            self._cache.drop()
            again = self._distrusted = True
        if again and self._launches < _LAUNCHES and self._running:
            self._launch(self._running.lease_port)
        else:
            self._fail(explain_failure(self._layout, said, exit_code))

    def _fail(self, message: str) -> None:
        """Tell everyone who waits; stay a moment for the one who started us and may not have asked yet."""
        self._phase, self._failure = "failed", message
        told = self._callers.tell_waiting(SupervisorReply.FAILED, message)
        self._deadline = time.monotonic() + (0 if told else _FIRST_LEASE_WITHIN_S)

    def _end(self) -> None:
        """Ask the broker to end; a deadline sees to it."""
        if self._phase in {"closing", "failed"}:
            return
        self._phase = "closing"
        if self._java:
            self._java.terminate()
        records = self._cache is not None and not self._cache_was_there
        self._deadline = time.monotonic() + (_RECORD_WITHIN_S if records else END_WITHIN_S)

    def _on_deadline(self) -> None:
        self._deadline = None
        if self._phase == "closing" and self._java:
            self._java.kill()
        else:
            self._end_if_unused()

    def _end_if_unused(self) -> None:
        if not self._detached and not self._callers.leases:
            self._end()

    def _clean_up(self) -> None:
        """However this ends: no Java, no file that says there is one, and every caller hears it."""
        if self._java and self._java.poll() is None:
            self._java.kill()
            self._java.wait()
        for file in (*self._layout.folder.glob("recording.aot*"), self._layout.state):
            with contextlib.suppress(OSError):
                file.unlink()
        self._callers.close()

    def _read_requests(self, caller: Caller) -> None:
        held = caller.leased
        for ask in self._callers.read(caller):
            self._answer(caller, ask)
        if held and not caller.leased:
            self._end_if_unused()

    def _answer(self, caller: Caller, ask: Ask) -> None:
        if ask is Ask.LEASE:
            self._grant_lease(caller)
        elif ask is Ask.RELEASE:
            caller.leased = False
            self._end_if_unused()
            caller.tell(SupervisorReply.CLOSING if self._phase == "closing" else SupervisorReply.RELEASED)
        elif ask is Ask.KEEP and self._phase != "closing":
            self._detached = True
            caller.tell(SupervisorReply.KEPT)
        elif ask is Ask.STATUS:
            caller.tell(SupervisorReply.STATUS, {"leases": self._callers.leases, "detached": self._detached})
        else:
            self._end()
            caller.tell(SupervisorReply.CLOSING)

    def _grant_lease(self, caller: Caller) -> None:
        if self._phase == "closing":
            caller.tell(SupervisorReply.CLOSING)
        elif self._phase == "failed":
            caller.tell(SupervisorReply.FAILED, self._failure)
            self._deadline = time.monotonic()
        else:
            self._deadline = None
            caller.leased, caller.waiting = True, self._phase == "starting"
            if not caller.waiting:
                caller.tell(SupervisorReply.READY)


def _find_worker(pid: int) -> Worker | None:
    try:
        return Worker.of(pid)
    except psutil.NoSuchProcess:
        return None


def _announce(line: str) -> None:
    """Tell the starter, who reads our output until it is closed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError):
        os.write(1, f"{line}\n".encode())
    os.dup2(nowhere, 1)
    os.close(nowhere)


def main(arguments: Sequence[str]) -> int:
    """Be the supervisor of a folder, unless there is one."""
    order = SupervisorOrder.parse(arguments)
    with FileLock(order.layout.lock) as lock:
        try:
            if not lock.acquire():
                return TAKEN
        except OSError as error:
            sys.stderr.write(f"{explain_os_error(order.layout, error)}\n")
            return 1
        end_left_over(order.layout)
        Supervisor(order).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
