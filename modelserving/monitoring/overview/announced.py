"""Where the servers of this machine listen: a file for each, as Prometheus finds them, for as long as it runs.

A file is one of Prometheus' ``file_sd_configs``: what finds the servers for a picture finds them for Prometheus, too.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil

from modelserving.system import write_atomically

log = logging.getLogger(__name__)

_PID, _READS, _WRITES = "__meta_pid", "__meta_reads", "__meta_writes"  # Prometheus drops what begins so


@dataclass(frozen=True, slots=True)
class AnnouncedServer:
    """A server of this machine.

    Args:
        url: where it listens.
        kind: what it is: ``stage``, ``monitor``.
        group: its consumer group.
        pid: its process; 0 for one that did not say.
        reads: topics that it reads; none where that is not known.
        writes: topics that it writes.
    """

    url: str
    kind: str
    group: str
    pid: int = 0
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self.pid > 0 and psutil.pid_exists(self.pid)


def servers_folder(home: Path) -> Path:
    """Where the files are.

    Args:
        home: the folder for everything that is written at run time.
    """
    return home / "servers"


@contextmanager
def announced(folder: Path, server: AnnouncedServer) -> Iterator[None]:
    """Say where a server listens, as long as this lasts. That it cannot be said is logged: the server serves.

    Whoever was killed could not take its file away; that is done here, too.
    """
    target = folder / f"{quote(server.group, '')}-{server.pid or os.getpid()}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _forget_the_gone(folder)
        write_atomically(target, json.dumps([_entry(server)]))
    except OSError as error:
        log.warning("nobody will find this server by itself: %s", error)
    try:
        yield
    finally:
        with suppress(OSError):
            target.unlink(missing_ok=True)


def read_announced(folder: Path) -> list[AnnouncedServer]:
    """The servers that say so; files that are none of ours, or half gone, are left out."""
    return [server for path in sorted(folder.glob("*.json")) for server in _read(path)]


def _entry(server: AnnouncedServer) -> dict[str, object]:
    labels = {"kind": server.kind, "group": server.group, _PID: str(server.pid or os.getpid())}
    labels |= {_READS: " ".join(server.reads), _WRITES: " ".join(server.writes)}  # no topic has a space in its name
    return {"targets": [urlsplit(server.url).netloc], "labels": labels}


def _read(path: Path) -> Iterator[AnnouncedServer]:
    try:
        for entry in json.loads(path.read_text(encoding="utf-8")):
            labels = entry["labels"]
            reads, writes = (tuple(labels.get(name, "").split()) for name in (_READS, _WRITES))
            for target in entry["targets"]:
                url = f"http://{target}"
                yield AnnouncedServer(url, labels["kind"], labels["group"], int(labels[_PID]), reads, writes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.debug("%s names no server: %r", path, error)


def _forget_the_gone(folder: Path) -> None:
    for path in folder.glob("*.json"):
        servers = list(_read(path))
        if servers and not any(server.running for server in servers):
            path.unlink(missing_ok=True)
