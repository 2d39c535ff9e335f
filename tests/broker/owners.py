"""Brokers that tests may kill: held by processes that may be killed too."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from modelserving.system import poll

_OWN = """
import json, sys
from pathlib import Path
from modelserving.errors import ModelServingError
from modelserving.broker import EmbeddedKafka, status
home, before = Path(sys.argv[1]), sys.argv[2]
exec(before)
try:
    with EmbeddedKafka(home=home, port=0):
        found = status(home)
        print(json.dumps([found.bootstrap_servers, found.pid, found.supervisor_pid]), flush=True)
        sys.stdin.read()
except ModelServingError as error:
    print(json.dumps(str(error)), flush=True)
"""


def wait_until(holds: Callable[[], bool], what: str, within_s: float = 60) -> None:
    """Wait for a condition, or fail saying which one."""
    assert poll(holds, within_s, 0.02), f"not within {within_s} s: {what}"


def is_gone(pid: int) -> bool:
    """Whether a process has ended, whether or not somebody has asked for its status."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@dataclass(frozen=True, slots=True)
class Owned:
    """The broker of an owner."""

    bootstrap_servers: str
    java: int
    supervisor: int

    @property
    def port(self) -> int:
        return int(self.bootstrap_servers.rpartition(":")[2])

    def all_gone(self) -> bool:
        return is_gone(self.java) and is_gone(self.supervisor)


class Owner:
    """Another Python process that holds a lease until it is told to end, or is killed."""

    def __init__(self, home: Path, before: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _OWN, str(home), before], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def hear(self) -> Owned | str:
        """What it got: a broker, or a message."""
        assert self._process.stdout is not None
        said = json.loads(self._process.stdout.readline())
        return said if isinstance(said, str) else Owned(*said)

    def owned(self) -> Owned:
        """The broker that it got."""
        said = self.hear()
        assert isinstance(said, Owned), said
        return said

    def kill(self) -> None:
        """``kill -9``."""
        self._process.kill()
        self._process.communicate()

    def close(self) -> None:
        """End it in peace, if it still lives."""
        if self._process.returncode is None:
            self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
