"""A real schema registry beside the broker: Apicurio, on the Java and the broker that the project brings.

It is a program of its own, not in the lock of the libraries: brought on request, taken only with its digest. What is
registered is kept on a topic of the broker, so it outlasts the registry.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from modelserving import jars
from modelserving.errors import RegistryUnavailable, SetupError
from modelserving.kafka import Connection
from modelserving.system.ports import free_port
from modelserving.system.waiting import poll

ARCHIVE = jars.Jar(
    "io.apicurio",
    "apicurio-registry-app",
    "3.3.3",
    "8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63",
    158_577_952,
)
"""The program: Apache-2.0, 159 MB, 170 MB unpacked."""
PATH = "/apis/ccompat/v7"
"""Where it speaks Confluent's interface."""
_START_SECONDS = 180.0
_END_SECONDS = 20.0
_HEAP = "-Xmx512m"
_LINES = 15


def is_installed() -> bool:
    """Whether the program is there."""
    return (_folder() / "quarkus-run.jar").is_file()


def install_registry(progress: Callable[[str], None]) -> None:
    """Bring the program, unless it is there; it appears whole, or not at all.

    Args:
        progress: told what happens, a line at a time.

    Raises:
        SetupError: no network, a wrong digest, or a folder that cannot be written.
    """
    target = _folder()
    if is_installed():
        progress(f"Apicurio Registry {ARCHIVE.version} is there.")
        return
    progress(f"Apicurio Registry {ARCHIVE.version}: {ARCHIVE.size / 1e6:.0f} MB to get.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="incoming-", dir=target.parent) as staging:
            packed = _fetch(Path(staging))
            unpacked = Path(staging) / "unpacked"
            with tarfile.open(packed) as archive:
                archive.extractall(unpacked, filter="data")
            shutil.rmtree(target, ignore_errors=True)
            unpacked.rename(target)
    except (OSError, tarfile.TarError) as error:
        raise SetupError(f"cannot unpack the registry to {target}: {error}. Free space there, or try again.") from error


def _fetch(folder: Path) -> Path:
    """The packed program, from the repositories that the libraries come from."""
    from requests import RequestException

    component = jars.maven(folder).project(ARCHIVE.group, ARCHIVE.artifact).at_version(ARCHIVE.version)
    try:
        packed: Path = component.artifact(classifier="all", packaging="tar.gz").resolve()
    except (RequestException, RuntimeError) as error:
        raise SetupError(f"cannot download Apicurio Registry ({error}). Connect, and try again.") from error
    with packed.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != ARCHIVE.sha256:
        raise SetupError(f"{packed.name} arrived with SHA-256 {digest}, but {ARCHIVE.sha256} is wanted. Try again.")
    return packed


@contextmanager
def run_registry(connection: Connection, port: int, log: Path) -> Iterator[str]:
    """Run it on loopback for as long as the block lasts.

    Args:
        connection: to the broker on whose topic schemas are kept; without TLS or a password.
        port: where it listens; 0 for any.
        log: where it writes what it does.

    Yields:
        The address of Confluent's interface.

    Raises:
        SetupError: it is not installed.
        RegistryUnavailable: it has ended, or did not answer in time; with the end of its log.
    """
    if not is_installed():
        raise SetupError("Apicurio Registry is not here. Run `modelserving registry install` (159 MB).")
    port = port or free_port()
    url = f"http://127.0.0.1:{port}{PATH}"
    settings = {
        "quarkus.http.host": "127.0.0.1",
        "quarkus.http.port": str(port),
        "quarkus.management.host": "127.0.0.1",
        "quarkus.management.port": str(free_port()),
        "apicurio.storage.kind": "kafkasql",
        "apicurio.kafkasql.bootstrap.servers": connection.bootstrap_servers,
    }
    options = [f"-D{name}={value}" for name, value in settings.items()]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        command = [str(jars.java()), _HEAP, "-XX:+UseSerialGC", *options, "-jar", "quarkus-run.jar"]
        process = subprocess.Popen(command, cwd=_folder(), stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            _wait(process, url, log)
            yield url
        finally:
            _end(process)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            raise RegistryUnavailable(f"the schema registry has ended at its start: {_tail(log)}")
        try:
            return httpx.get(f"{url}/subjects", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    if not poll(answers, _START_SECONDS):
        raise RegistryUnavailable(f"the schema registry has not answered in {_START_SECONDS:g} s: {_tail(log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES:]
    return os.linesep.join(lines) or "it has said nothing."


def _folder() -> Path:
    return jars.jars_folder().parent / "registry" / f"apicurio-{ARCHIVE.version}"
