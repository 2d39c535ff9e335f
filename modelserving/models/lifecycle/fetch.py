"""Models by reference: the message has a URI and a digest, the bytes are elsewhere.

A URI comes from a stranger, so nothing is read that was not allowed: files below one folder, and http(s) hosts by name.
What is read must have the digest that the message states, and end before a limit, in bytes and in seconds.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import url2pathname

from modelserving.errors import ConfigError, ModelRefused, ModelUnreachable
from modelserving.models.formats.remote.description import read_description
from modelserving.records import ModelDescriptor, ModelType

if TYPE_CHECKING:
    import httpx

_PORTS = {"http": 80, "https": 443}
_CHUNK = 256 * 1024
_REDIRECTS = 3
_SILENT_S = 10.0
_FAILS = 500
_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")
_FINAL = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)
_ALLOW_FOLDER = "An operator allows a folder with --model-root or MODELSERVING_MODEL_ROOT."
_ALLOW_HOST = "An operator allows a host with --model-host or MODELSERVING_MODEL_HOSTS."


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What may be read, and how much of it.

    Args:
        root: files in this folder and below; ``None``: no files.
        hosts: ``name``, ``name:port``, or an address, IPv6 in brackets; without a port, that of the scheme. Only what
            is listed is asked: another spelling of the same machine is another host.
        max_bytes: the largest model.
        seconds: the longest download, redirects included. Only looking up a host's name and connecting to it may go on
            a little longer: they have limits of their own.
        pauses: for whoever fetches, seconds before each further try when a source does not answer.
    """

    root: Path | None = None
    hosts: tuple[str, ...] = ()
    max_bytes: int = 64 * 1024 * 1024
    seconds: float = 60.0
    pauses: tuple[float, ...] = (1.0, 3.0)

    def __post_init__(self) -> None:
        for host in self.hosts:
            _allowed_host(host)

    def fetch(self, descriptor: ModelDescriptor) -> ModelDescriptor:
        """The same model with its bytes; one that has them already comes back as it is.

        Raises:
            ModelUnreachable: its source does not answer, or says that it cannot: it may the next time.
            ModelRefused: its source is not allowed or has nothing to read, or what is there is too large, too slow or
                not the model.
        """
        if descriptor.location is None:
            self._check_remote(descriptor)
            return descriptor
        name = f"model {descriptor.name!r}, by reference {descriptor.location!r}"
        if not descriptor.sha256:
            raise ModelRefused(f"{name}, states no SHA-256. Publish it with the digest of its bytes.")
        try:
            data = self._read(descriptor.location)
        except (OSError, ValueError, _Refusal) as error:
            raise (ModelUnreachable if _may_pass(error) else ModelRefused)(f"{name}: {error}") from error
        if hashlib.sha256(data).hexdigest() != descriptor.sha256.lower():
            raise ModelRefused(f"{name}: what is there does not have the stated SHA-256. Publish the model again.")
        found = replace(descriptor, data=data, location=None)
        self._check_remote(found)
        return found

    def _check_remote(self, descriptor: ModelDescriptor) -> None:
        """A remote model is asked at a host; a stranger's message must not choose which."""
        if descriptor.type is not ModelType.REMOTE:
            return
        remote = read_description(descriptor.data).remote
        try:
            self._check_host(urlsplit(remote))
        except _Refusal as error:
            raise ModelRefused(f"model {descriptor.name!r}, which is asked at {remote!r}: {error}") from error

    def _read(self, location: str) -> bytes:
        uri = urlsplit(location)
        if uri.scheme == "file":
            return self._collect(_read_file(self._allowed_file(uri)))
        if uri.scheme in _PORTS:
            return self._download(uri)
        raise _Refusal(f"a URI that begins with {uri.scheme!r} is not read; file:, http: and https: are.")

    def _collect(self, chunks: Iterable[bytes]) -> bytes:
        """All of it, if there is not too much of it."""
        data = bytearray()
        for chunk in chunks:
            data += chunk
            if len(data) > self.max_bytes:
                raise _Refusal(f"it has more than {self.max_bytes} bytes, the most that is read.")
        return bytes(data)

    def _allowed_file(self, uri: SplitResult) -> Path:
        """The file that a URI names, after all links; its path is checked before anything is said about it."""
        if self.root is None:
            raise _Refusal(f"files are not allowed here. {_ALLOW_FOLDER}")
        if uri.netloc not in ("", "localhost") or uri.query or uri.fragment:
            raise _Refusal("a file is named as file:///folder/name, on this machine.")
        path = Path(url2pathname(uri.path)).resolve()
        if not path.is_absolute() or not path.is_relative_to(self.root.resolve()):
            raise _Refusal(f"it is outside of the folder that is allowed. {_ALLOW_FOLDER}")
        return path

    def _download(self, uri: SplitResult) -> bytes:
        import httpx

        # No password of anybody goes along, and what is read is what was sent, not what it unpacks to. No connection is
        # kept for a second request: the one that was made last is the one that the watch has to end.
        client = httpx.Client(
            trust_env=False,
            headers={"Accept-Encoding": "identity"},
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        with client, _DownloadLimit(self.seconds) as watch:
            for _ in range(_REDIRECTS + 1):
                self._check_host(uri)
                timeout = min(_SILENT_S, watch.left())
                try:
                    with client.stream(
                        "GET", uri.geturl(), timeout=timeout, extensions={"trace": watch.note}
                    ) as response:
                        if response.next_request is None:
                            return self._collect(_body(response, watch))
                        uri = urlsplit(urljoin(uri.geturl(), response.headers["location"]))
                except httpx.HTTPError as error:
                    watch.left()
                    raise _Absence(f"it cannot be read: {type(error).__name__} {error}") from error
        raise _Refusal(f"it was redirected more than {_REDIRECTS} times.")

    def _check_host(self, uri: SplitResult) -> None:
        if uri.scheme not in _PORTS:
            raise _Refusal(f"it is redirected to {uri.scheme!r}, which is not read.")
        if uri.username is not None or uri.password is not None:
            raise _Refusal("a URI with a user name or a password is not read.")
        asked = _host(uri.hostname or ""), uri.port or _PORTS[uri.scheme]
        for host in self.hosts:
            name, port = _allowed_host(host)
            if asked == (name, port or _PORTS[uri.scheme]):
                return
        raise _Refusal(f"the host {asked[0]}:{asked[1]} is not allowed. {_ALLOW_HOST}")


NOTHING_ALLOWED = FetchPolicy()
"""No files, no hosts: what a server reads that was not told otherwise."""


class _Refusal(Exception):
    """Why a source is not read; becomes a ``ModelRefused`` that names the model."""


class _Absence(_Refusal):
    """Why a source is not read now; it may be different the next time."""


def _may_pass(error: Exception) -> bool:
    """Whether it may be different the next time. A file that is not there is not there; a disk may come back."""
    return isinstance(error, _Absence) or (isinstance(error, OSError) and not isinstance(error, _FINAL))


class _DownloadLimit:
    """Ends a download when its time is over.

    HTTPX limits the time of each read, and a host that sends a byte now and then never reaches that limit. So a timer
    shuts the connection down, whatever is being read from it: the reading thread finds that it has ended.

    Args:
        seconds: how long it may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()

    def left(self) -> float:
        """How many seconds are left; more than 0.

        Raises:
            _Refusal: none. It is a limit like that of the bytes, and no reason to begin again.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise _Refusal(f"it takes too long: more than {self._seconds:g} seconds.")
        return left

    def note(self, event: str, facts: Mapping[str, Any]) -> None:
        """What HTTPX tells of its work: here, which connection there is now."""
        if event in _CONNECTED:
            self._socket = facts["return_value"].get_extra_info("socket")
            if time.monotonic() >= self._end:  # the timer came before there was anything to end
                self._hang_up()

    def _hang_up(self) -> None:
        if self._socket is not None:
            # Below TLS: its own way of ending would wait for the host, and must not be gone by another thread.
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _allowed_host(host: str) -> tuple[str, int | None]:
    """An entry of the list, as name and port.

    Raises:
        ConfigError: it is neither.
    """
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"{host!r} is no host that models could come from: {error}.") from error
    if not name or parts.path or parts.username is not None or "*" in host:
        raise ConfigError(f"{host!r} is no host that models could come from. Give name, name:port or [address]:port.")
    return _host(name), port


def _host(name: str) -> str:
    """A host as it is compared: an address in its one form, a name in lower case."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower().rstrip(".")


def _read_file(path: Path) -> Iterator[bytes]:
    """A plain file, chunk by chunk; not a pipe, which would never end, nor a device."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise _Refusal("it is not a file.")
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _body(response: httpx.Response, watch: _DownloadLimit) -> Iterator[bytes]:
    """What a host answers, as it comes, as long as it answers in time."""
    if response.status_code != 200:
        reason = f"the host answers {response.status_code} {response.reason_phrase}."
        raise _Absence(reason) if response.status_code >= _FAILS else _Refusal(reason)
    if response.headers.get("content-encoding", "identity") != "identity":
        raise _Refusal("the host answers in a packed form that was not asked for.")
    for chunk in response.iter_raw():
        watch.left()
        yield chunk
    watch.left()  # a body without a length has ended too when the connection was shut down
