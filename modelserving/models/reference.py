"""Models by reference: the message has a URI and a digest, the bytes are elsewhere.

A URI comes from a stranger, so nothing is read that was not allowed: files below one folder, and http(s) hosts by name.
What is read must have the digest that the message states, and end before a limit, in bytes and in seconds.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import url2pathname

from modelserving.errors import ConfigError, ModelRefused
from modelserving.records import ModelDescriptor

if TYPE_CHECKING:
    import httpx

__all__ = ["NOTHING_ALLOWED", "References"]

_PORTS = {"http": 80, "https": 443}
_CHUNK = 256 * 1024
_REDIRECTS = 3
_SILENT_S = 10.0
_ALLOW_FOLDER = "An operator allows a folder with --model-root or MODELSERVING_MODEL_ROOT."
_ALLOW_HOST = "An operator allows a host with --model-host or MODELSERVING_MODEL_HOSTS."


@dataclass(frozen=True, slots=True)
class References:
    """What may be read, and how much of it.

    Args:
        root: files in this folder and below; ``None``: no files.
        hosts: ``name``, ``name:port``, or an address, IPv6 in brackets; without a port, that of the scheme. Only what
            is listed is asked: another spelling of the same machine is another host.
        max_bytes: the largest model.
        seconds: the longest download.
    """

    root: Path | None = None
    hosts: tuple[str, ...] = ()
    max_bytes: int = 64 * 1024 * 1024
    seconds: float = 60.0

    def __post_init__(self) -> None:
        for host in self.hosts:
            _allowed_host(host)

    def fetch(self, descriptor: ModelDescriptor) -> ModelDescriptor:
        """The same model with its bytes; one that has them already comes back as it is.

        Raises:
            ModelRefused: its place is not allowed or cannot be read, or what is there is too large or not the model.
        """
        if descriptor.location is None:
            return descriptor
        name = f"model {descriptor.name!r}, by reference {descriptor.location!r}"
        if not descriptor.sha256:
            raise ModelRefused(f"{name}, states no SHA-256. Publish it with the digest of its bytes.")
        try:
            data = self._read(descriptor.location)
        except (OSError, ValueError, _Refusal) as error:
            raise ModelRefused(f"{name}: {error}") from error
        if hashlib.sha256(data).hexdigest() != descriptor.sha256.lower():
            raise ModelRefused(f"{name}: what is there does not have the stated SHA-256. Publish the model again.")
        return replace(descriptor, data=data, location=None)

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
        """The file that a URI names, after all links; its place is checked before anything is said about it."""
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

        deadline = time.monotonic() + self.seconds
        # No password of anybody goes along, and what is read is what was sent, not what it unpacks to.
        with httpx.Client(timeout=_SILENT_S, trust_env=False, headers={"Accept-Encoding": "identity"}) as client:
            for _ in range(_REDIRECTS + 1):
                self._check_host(uri)
                try:
                    with client.stream("GET", uri.geturl()) as response:
                        if response.next_request is None:
                            return self._collect(_body(response, deadline))
                        uri = urlsplit(urljoin(uri.geturl(), response.headers["location"]))
                except httpx.HTTPError as error:
                    raise _Refusal(f"it cannot be read: {type(error).__name__} {error}") from error
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


NOTHING_ALLOWED = References()
"""No files, no hosts: what a server reads that was not told otherwise."""


class _Refusal(Exception):
    """Why a place is not read; becomes a ``ModelRefused`` that names the model."""


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


def _body(response: httpx.Response, deadline: float) -> Iterator[bytes]:
    """What a host answers, as long as it answers in time."""
    if response.status_code != 200:
        raise _Refusal(f"the host answers {response.status_code} {response.reason_phrase}.")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise _Refusal("the host answers in a packed form that was not asked for.")
    for chunk in response.iter_raw(_CHUNK):
        if time.monotonic() > deadline:
            raise _Refusal("it takes too long.")
        yield chunk
