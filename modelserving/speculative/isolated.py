"""A model in a process of its own: whatever it does, and for however long, it does not hold this interpreter.

The engines of the formats that this package brings let go of the interpreter while they compute. A model that is
Python, or that may hang, does not: ``modelserving serve speculative --isolate NAME``. The child builds the model as the
server would (``python -m modelserving.speculative.isolated``), and is started again when it has ended::

    server   records, pickled ─▶ stdin   child
             values and a line of JSON ◀─ stdout        nothing of the child's is unpickled
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType
from typing import IO, Any

import numpy as np

from modelserving.errors import ScoringError
from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.build import Builder, build_candidate
from modelserving.models.model import Records, Scores
from modelserving.records import ModelDescriptor, decode_descriptor, encode_descriptor
from modelserving.system.imports import leave_pandas_out

_SIZES = struct.Struct("<QQ")
_START_SECONDS = 120.0
_SECONDS = 10.0


def build_isolated(
    descriptor: ModelDescriptor, names: tuple[str, ...] = ("*",), build: Builder = build_candidate
) -> LoadedModel:
    """Build and check a model; then let a child process do the scoring, if it is one of ``names``.

    Args:
        descriptor: of the model.
        names: the data types whose models go into a process of their own; ``*``: all.
        build: builds and checks it.

    Raises:
        As ``build``; and ``ScoringError``: the child does not start.
    """
    served = build(descriptor)
    if not {"*", served.info.data_type} & set(names):
        return served
    inner = served.model
    apart = ProcessModel(descriptor, inner.inputs)
    inner.close()
    return replace(served, model=apart)


class ProcessModel:
    """A model whose scoring is done by a child process.

    Args:
        descriptor: of the model, with its bytes.
        inputs: of the model.
        seconds: for one batch; then the child is ended, and the next batch starts another one.

    Raises:
        ScoringError: the child does not start.
    """

    def __init__(self, descriptor: ModelDescriptor, inputs: tuple[str, ...], seconds: float = _SECONDS) -> None:
        self._descriptor = descriptor
        self._inputs = inputs
        self._seconds = seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = self._start()

    @property
    def inputs(self) -> tuple[str, ...]:
        """As of the model itself."""
        return self._inputs

    @property
    def pid(self) -> int | None:
        """The child's; ``None`` while there is none."""
        return self._child.pid if self._child else None

    def score(self, records: Records) -> Scores:
        """Score a batch in the child.

        Raises:
            ScoringError: the model failed, took too long, or its process ended.
        """
        with self._lock:
            if self._child is None:
                self._child = self._start()
            said, values = self._ask(self._child, pickle.dumps(records), self._seconds)
        if said["error"]:
            raise ScoringError(said["error"])
        return Scores(
            np.frombuffer(values, dtype=np.float64),
            MappingProxyType({int(row): reason for row, reason in said["problems"].items()}),
            None if said["labels"] is None else np.array(said["labels"], dtype=object),
            {name: np.array(column) for name, column in said["outputs"].items()},
        )

    def to_bytes(self) -> bytes:
        """The bytes that it was made of."""
        return self._descriptor.data

    def close(self) -> None:
        """End the child. A second call does nothing."""
        child, self._child = self._child, None
        if child is not None:
            _end(child)

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "modelserving.speculative.isolated"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        said, _ = self._ask(child, encode_descriptor(self._descriptor), _START_SECONDS)
        if said["error"]:
            _end(child)
            raise ScoringError(f"a process for model {self._descriptor.name!r} does not start: {said['error']}")
        return child

    def _ask(self, child: subprocess.Popen[bytes], message: bytes, seconds: float) -> tuple[Mapping[str, Any], bytes]:
        assert child.stdin is not None
        assert child.stdout is not None
        too_long = threading.Event()

        def end() -> None:
            too_long.set()
            child.kill()

        watch = threading.Timer(seconds, end)
        watch.daemon = True
        watch.start()
        try:
            _write(child.stdin, message)
            line, values = _read(child.stdout)
            return json.loads(line), values
        except (OSError, EOFError) as error:
            self._child = None
            _end(child)
            why = f"took more than {seconds:g} s" if too_long.is_set() else f"ended with {child.returncode}"
            raise ScoringError(
                f"the process of model {self._descriptor.name!r} {why}; the next batch starts another."
            ) from error
        finally:
            watch.cancel()


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(OSError):  # what could not be written any more
                pipe.close()


def _write(pipe: IO[bytes], first: bytes, second: bytes = b"") -> None:
    pipe.write(_SIZES.pack(len(first), len(second)) + first + second)
    pipe.flush()


def _read(pipe: IO[bytes]) -> tuple[bytes, bytes]:
    sizes = _SIZES.unpack(_exactly(pipe, _SIZES.size))
    first, second = (_exactly(pipe, size) for size in sizes)
    return first, second


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    found = pipe.read(size)
    if len(found) < size:
        raise EOFError
    return found


def _main() -> None:
    """The child: a descriptor, then batch after batch, until the server is gone. What engines print goes to stderr."""
    leave_pandas_out()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        served = build_candidate(decode_descriptor(_read(sys.stdin.buffer)[0]))
    except Exception as error:  # noqa: BLE001 - whatever an engine raises; the server is told
        _write(out, _report(error))
        return
    _write(out, _report())
    while True:
        try:
            message, _ = _read(sys.stdin.buffer)
        except EOFError:
            os._exit(0)  # an engine's threads keep nobody
        try:
            scores = served.model.score(pickle.loads(message))  # noqa: S301 - the server's own words
        except Exception as error:  # noqa: BLE001 - as above
            _write(out, _report(error))
        else:
            _write(out, _tell(scores), np.ascontiguousarray(scores.values, dtype=np.float64).tobytes())


def _report(error: Exception | None = None) -> bytes:
    return json.dumps({"error": f"{error}" if error is not None else ""}).encode()


def _tell(scores: Scores) -> bytes:
    labels = None if scores.labels is None else scores.labels.tolist()
    outputs = {name: column.tolist() for name, column in scores.outputs.items()}
    return json.dumps({"error": "", "problems": dict(scores.problems), "labels": labels, "outputs": outputs}).encode()


if __name__ == "__main__":
    _main()
