"""Who runs, on disk: small files, written whole or not at all, that the next start can trust."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from modelserving.system import poll, write_atomically
from modelserving.system.closing import Closing


@dataclass(frozen=True, slots=True)
class Worker:
    """A process, told apart from a later one that got the same number.

    Args:
        pid: its number.
        created: when it was made, seconds since 1970.
    """

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Worker:
        """The process that has this number now."""
        return cls(pid, psutil.Process(pid).create_time())

    def find(self, mark: str) -> psutil.Process | None:
        """The process, if it still lives and ``mark`` is on its command line; else ``None``."""
        try:
            process = psutil.Process(self.pid)
            # Clocks are adjusted, so a start time may be read back a little off; a pid is not reused within a second.
            same = abs(process.create_time() - self.created) < 1 and any(mark in word for word in process.cmdline())
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None

    def wait_until_gone(self, within_s: float) -> bool:
        """Wait for its end; ``False`` when it takes longer."""
        return poll(lambda: self.find("") is None, within_s, 0.01)


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays the same over restarts.

    Args:
        cluster_id: that the data folder was formatted with.
        port: that the broker listened on last.
    """

    cluster_id: str
    port: int

    @classmethod
    def read(cls, path: Path) -> Identity | None:
        """Read it, or ``None`` where there is none (or a torn one)."""
        fields = _read(path)
        try:
            return cls(str(fields["cluster_id"]), int(str(fields["port"])))
        except (KeyError, ValueError):
            return None

    def write(self, path: Path) -> None:
        """Write it whole."""
        write_atomically(path, json.dumps(asdict(self)))


@dataclass(frozen=True, slots=True)
class Running:
    """A supervisor, and the broker that it owns.

    Args:
        supervisor: the Python process.
        broker: the Java process; ``None`` while there is none yet.
        lease_port: where the supervisor listens on loopback.
        token: what a caller must say first, so that other users of the machine are not heard.
        port: of the broker.
        since: when it was started, seconds since 1970.
    """

    supervisor: Worker
    broker: Worker | None
    lease_port: int
    token: str
    port: int
    since: float

    @property
    def bootstrap_servers(self) -> str:
        """The broker's address."""
        return f"127.0.0.1:{self.port}"

    @classmethod
    def read(cls, path: Path) -> Running | None:
        """Read it, or ``None`` where there is none (or a torn one)."""
        fields = _read(path)
        try:
            return cls(
                supervisor=_worker(fields["supervisor"]),
                broker=_worker(fields["broker"]) if fields["broker"] else None,
                lease_port=int(str(fields["lease_port"])),
                token=str(fields["token"]),
                port=int(str(fields["port"])),
                since=float(str(fields["since"])),
            )
        except (KeyError, ValueError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Write it whole, readable for this user alone: the token is in it."""
        write_atomically(path, json.dumps(asdict(self)), mode=0o600)


def _read(path: Path) -> Mapping[str, object]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _worker(fields: object) -> Worker:
    if not isinstance(fields, dict):
        raise TypeError("no process")
    return Worker(int(fields["pid"]), float(fields["created"]))


_WITHOUT_LOCKS = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENOLCK})
"""How a file system answers that knows no locks, some that are mounted over a network among them."""


class NoFileLocks(OSError):
    """A file system knows no locks: nobody has it, and waiting is in vain."""


class FileLock(Closing):
    """A lock between processes, which the system itself gives back when its holder dies, however it dies.

    Args:
        path: an empty file for it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Take it, or return ``False`` at once when another process has it.

        Raises:
            NoFileLocks: its file system knows none.
            OSError: the file cannot be opened.
        """
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(file)
        except OSError as error:
            os.close(file)
            if error.errno in _WITHOUT_LOCKS:
                raise NoFileLocks(error.errno, error.strerror, str(self._path)) from error
            return False
        self._file = file
        return True

    def close(self) -> None:
        """Give it back. A second call does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def is_locked_by_java(path: Path) -> bool:
    """Whether a Java program, a broker say, holds a lock on a file."""
    try:
        file = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        _lock_as_java(file)
    except OSError as error:
        return error.errno not in _WITHOUT_LOCKS
    finally:
        os.close(file)
    return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    _lock_as_java = _lock
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _lock_as_java(file: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
