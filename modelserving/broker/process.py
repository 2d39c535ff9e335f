"""The Java process of the broker: format once, start, wait until it answers, end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

import psutil

from modelserving import jars
from modelserving.broker.configuration import java_arguments, logging_properties, server_properties
from modelserving.broker.diagnosis import explain_failure, tail
from modelserving.broker.layout import Layout
from modelserving.broker.state import Identity, Running, is_locked_by_java
from modelserving.errors import BrokerStartError
from modelserving.startup_cache import StartupCache

END_WITHIN_S = 30.0
"""How long a broker may take to end before it is killed."""
_FORMAT_WITHIN_S = 120
_PR_SET_PDEATHSIG = 1
_METADATA = struct.pack(">hhih", 3, 2, 1, -1) + struct.pack(">i", 0)
_REPLY_AT_MOST = 4096


def check_data(layout: Layout) -> None:
    """Refuse a data folder that this broker did not make, or that another one has open.

    Kafka itself looks at its lock only after it has written to the cluster's metadata: too late for the other one.

    Raises:
        BrokerStartError: it belongs to another broker, is in use, or is no data folder at all.
    """
    if is_locked_by_java(layout.data / ".lock"):
        raise BrokerStartError(
            f"the Kafka broker cannot start: another Kafka broker is using {layout.data} now. "
            "Stop that one, or point MODELSERVING_HOME at a folder of your own."
        )
    if not layout.data.exists() or not any(layout.data.iterdir()):
        return
    identity = Identity.read(layout.identity)
    made_of = _cluster_id(layout.data / "meta.properties")
    if identity is None or made_of is None or made_of != identity.cluster_id:
        whose = f"the data of another Kafka broker (cluster id {made_of})" if made_of else "files that are not ours"
        raise BrokerStartError(
            f"the Kafka broker cannot start: {layout.data} holds {whose}. "
            "Move that folder away, or point MODELSERVING_HOME at another one."
        )


def _cluster_id(meta: Path) -> str | None:
    try:
        lines = meta.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return next((line.partition("=")[2].strip() for line in lines if line.startswith("cluster.id=")), None)


def was_killed(layout: Layout) -> bool:
    """Whether there is data, and the last broker had no time to say so that it ended well."""
    return (layout.data / "meta.properties").is_file() and not (layout.data / ".kafka_cleanshutdown").is_file()


def format_data(layout: Layout, port: int, controller_port: int, cache: StartupCache | None = None) -> None:
    """Make a data folder, unless there is one. It appears whole, or not at all.

    Args:
        layout: its files.
        port: for clients.
        controller_port: for the broker itself.
        cache: to use if it is there.

    Raises:
        BrokerStartError: Java or Kafka failed; with the end of what they said.
        SetupError: a jar, or Java, is missing.
    """
    if (layout.data / "meta.properties").is_file():
        return
    cluster_id = urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=").replace("-", "a")
    code = 1
    # The second time without the cache, in case that one is broken.
    for flags in {tuple(cache.flags_to_use()) if cache else (): None, (): None}:
        shutil.rmtree(layout.new_data, ignore_errors=True)
        _write_files(layout, server_properties(layout.new_data, port, controller_port), flags)
        command = [*_java(layout), "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(layout.properties)]
        with layout.jvm_log.open("wb") as said:
            code = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=_FORMAT_WITHIN_S, check=False
            ).returncode
        if code == 0:
            break
    if code:
        raise BrokerStartError(explain_failure(layout, tail(layout.jvm_log, 60), code))
    Identity(cluster_id, port).write(layout.identity)
    if layout.data.exists():
        layout.data.rmdir()
    layout.new_data.rename(layout.data)


def spawn(
    layout: Layout, port: int, controller_port: int, cache: StartupCache | None, recording: Path
) -> subprocess.Popen[bytes]:
    """Start the broker; on Linux it dies with the thread that calls this, however that dies.

    Args:
        layout: its files.
        port: for clients.
        controller_port: for itself.
        cache: to use or to record; ``None`` for a plain start.
        recording: where a new cache goes.

    Raises:
        SetupError: a jar, or Java, is missing.
        OSError: Java cannot be started, or a file cannot be written.
    """
    settings = server_properties(layout.data, port, controller_port, after_crash=was_killed(layout))
    _write_files(layout, settings, cache.flags(recording) if cache else ())
    command = [*_java(layout), "kafka.Kafka", str(layout.properties)]
    with layout.jvm_log.open("wb") as said:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **_bound_to_us())


def _java(layout: Layout) -> list[str]:
    return [str(jars.java()), f"@{layout.arguments}"]


def _write_files(layout: Layout, settings: str, flags: Sequence[str] = ()) -> None:
    class_path = os.pathsep.join(str(jar) for jar in jars.class_path("broker"))
    layout.properties.write_text(settings, encoding="ascii")
    layout.logging.write_text(logging_properties(layout), encoding="ascii")
    layout.arguments.write_bytes(os.fsencode(java_arguments(layout, class_path, flags)))


class _Options(TypedDict, total=False):
    creationflags: int
    preexec_fn: Callable[[], None]


if sys.platform == "win32":

    def _bound_to_us() -> _Options:
        """No window. What outlives us on Windows, the next start ends."""
        return {"creationflags": subprocess.CREATE_NO_WINDOW}

elif sys.platform == "linux":

    def _bound_to_us() -> _Options:
        """Have Linux kill the child when our thread ends, however it ends; this runs between fork and exec."""
        libc = ctypes.CDLL(None, use_errno=True)
        parent = os.getpid()

        def ask() -> None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

        return {"preexec_fn": ask}

else:

    def _bound_to_us() -> _Options:
        """Nothing. What outlives us, the next start ends."""
        return {}


def serves(layout: Layout, port: int) -> bool:
    """Whether the broker of these data answers at a loopback port; another broker that has taken the port does not."""
    identity = Identity.read(layout.identity)
    return identity is not None and cluster_at(port) == identity.cluster_id


def cluster_at(port: int, within_s: float = 1.0) -> str | None:
    """The id of the cluster whose broker answers at a loopback port, or ``None`` where none does, or may serve yet.

    An open port is not enough: it opens before the broker may serve, and it may be another program's, or another
    broker's. The request is Kafka's Metadata, version 2, for no topic; twenty bytes do not need a client library.
    """
    deadline = time.monotonic() + within_s
    with (
        contextlib.suppress(OSError, struct.error, UnicodeDecodeError),
        socket.create_connection(("127.0.0.1", port), within_s) as connection,
    ):
        connection.sendall(struct.pack(">i", len(_METADATA)) + _METADATA)
        (size,) = struct.unpack(">i", _receive(connection, 4, deadline))
        return _cluster_in(_receive(connection, min(size, _REPLY_AT_MOST), deadline))
    return None


def _receive(connection: socket.socket, size: int, deadline: float) -> bytes:
    received = b""
    while len(received) < size:
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        if not (part := connection.recv(size - len(received))):
            break
        received += part
    return received


def _cluster_in(reply: bytes) -> str | None:
    """The cluster id of a Metadata reply that names at least one live broker."""
    _, brokers = struct.unpack_from(">ii", reply)
    at = 8
    for _ in range(brokers):
        at += 4  # its number
        at = _after_string(reply, at) + 4  # its host and port
        at = _after_string(reply, at)  # its rack
    end = _after_string(reply, at)
    return reply[at + 2 : end].decode() if brokers > 0 else None


def _after_string(reply: bytes, at: int) -> int:
    """Where a string ends: its length, -1 for none, and then so many bytes."""
    (length,) = struct.unpack_from(">h", reply, at)
    return at + 2 + max(0, int(length))


def end_left_over(layout: Layout) -> bool:
    """End a Java that outlived its supervisor, if there is one and it is ours.

    Returns:
        Whether there was one.
    """
    left = Running.read(layout.state)
    java = left.broker.find(str(layout.arguments)) if left and left.broker else None
    if java is None or left is None or left.broker is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        java.terminate()
        if not left.broker.wait_until_gone(END_WITHIN_S):
            java.kill()
            left.broker.wait_until_gone(END_WITHIN_S)
    return True
