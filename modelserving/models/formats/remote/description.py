"""Where a remote model is, and how it is asked: a small JSON text, which travels as any other model does.

::

    {"remote": "http://127.0.0.1:8080", "protocol": "v2", "model": "income", "columns": {"age": "FP64"}}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from modelserving.errors import ModelFormatError
from modelserving.records import FEATURES
from modelserving.system.nesting import read_json

KINDS = {
    "BOOL": "?",
    "INT8": "i1",
    "INT16": "i2",
    "INT32": "i4",
    "INT64": "i8",
    "UINT8": "u1",
    "UINT16": "u2",
    "UINT32": "u4",
    "UINT64": "u8",
    "FP16": "f2",
    "FP32": "f4",
    "FP64": "f8",
    "BYTES": "O",
}
"""The protocol's types of elements, and NumPy's."""
_PROTOCOLS = ("v2", "tensorflow")
_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class RemoteDescription:
    """A remote model.

    Args:
        remote: where the service is: ``http(s)://host:port``.
        model: its name there.
        protocol: ``v2``, the Open Inference Protocol that MLServer, Triton and KServe speak, or ``tensorflow``, the
            REST form of TensorFlow Serving.
        version: of the model there; empty: the service chooses.
        columns: fields of the records, each with the protocol's type of it.
        tensor: name of the one input that takes all columns as a matrix; empty: each column is an input by itself.
        output: the output that answers; empty: the only one, or the first.
        timeout_s: for one request.
        wait_s: how long a batch waits for a service that is away. Meanwhile nothing is read; then the batch's records
            become dead letters, and the next one waits anew.
        batch: the most records in one request.
    """

    remote: str
    model: str
    protocol: str = "v2"
    version: str = ""
    columns: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(FEATURES, "FP64"))
    tensor: str = ""
    output: str = ""
    timeout_s: float = 5.0
    wait_s: float = 30.0
    batch: int = 1_000

    @property
    def base(self) -> str:
        """The URL of the model, without what is asked of it."""
        root = "v1" if self.protocol == "tensorflow" else "v2"
        version = f"/versions/{quote(self.version, '')}" if self.version else ""
        return f"{self.remote.rstrip('/')}/{root}/models/{quote(self.model, '')}{version}"


def read_description(data: bytes) -> RemoteDescription:
    """Read the JSON text.

    Raises:
        ModelFormatError: it is none, a field is missing, unknown or out of range.
    """
    try:
        said = read_json(data)
    except ValueError as error:
        raise ModelFormatError(f"a remote model is described by a JSON object; this is none: {error}.") from error
    if not isinstance(said, dict):
        raise ModelFormatError(f"a remote model is described by a JSON object; this is a {type(said).__name__}.")
    known = RemoteDescription.__dataclass_fields__
    if unknown := said.keys() - known.keys():
        raise ModelFormatError(f"a remote model has no field {min(unknown)!r}. Known: {', '.join(known)}.")
    for name in ("remote", "model"):
        if not isinstance(said.get(name), str) or not said[name]:
            raise ModelFormatError(f"a remote model names its {name!r}, a text.")
    if isinstance(said.get("columns"), list):
        said["columns"] = dict.fromkeys(said["columns"], "FP64")
    _check(said)
    return RemoteDescription(**said)


def _check(said: Mapping[str, Any]) -> None:
    _check_address(said["remote"])
    if said.get("protocol", "v2") not in _PROTOCOLS:
        raise ModelFormatError(f"a remote model speaks {' or '.join(_PROTOCOLS)}, not {said['protocol']!r}.")
    _check_columns(said.get("columns", {"any": "FP64"}), said.get("tensor", ""))
    for name in ("version", "tensor", "output"):
        if not isinstance(said.get(name, ""), str):
            raise ModelFormatError(f"{name!r} of a remote model is a text.")
    for name in ("timeout_s", "wait_s", "batch"):
        if not _is_positive(said.get(name, 1)):
            raise ModelFormatError(f"{name!r} of a remote model is a number above 0, not {said[name]!r}.")
    if not isinstance(said.get("batch", 1), int):
        raise ModelFormatError("'batch' of a remote model is a whole number.")


def _check_columns(columns: object, tensor: object) -> None:
    if not isinstance(columns, dict) or not columns:
        raise ModelFormatError("the columns of a remote model are names with types, at least one.")
    for name, kind in columns.items():
        if kind not in KINDS:
            raise ModelFormatError(f"column {name!r} of a remote model is {kind!r}. Known: {', '.join(KINDS)}.")
    if tensor and len(set(columns.values())) > 1:
        raise ModelFormatError("the columns of one tensor are of one type.")


def _check_address(remote: str) -> None:
    url = urlsplit(remote)
    if url.scheme not in _SCHEMES or not url.hostname or url.query or url.fragment:
        raise ModelFormatError(f"a remote model is at http://host:port or https://host:port, not at {remote!r}.")
    if url.username is not None or url.password is not None:
        raise ModelFormatError("a remote model's URL has no user name and no password: everybody reads the topic.")


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0
