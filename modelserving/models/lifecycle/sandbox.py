"""A model is tried in a process of its own first, where it can neither hang nor starve the server.

Reading a model with suspicion (each format's ``guard``) keeps files and the network from it,
but not every way to compute for hours or to ask for all memory. So the servers' ``--trial`` builds each candidate in a
child process, checks and warms it up as the server would, and only then builds it in the server::

    try_model(descriptor)                       # returns, or raises with the reason
    python -m modelserving.models.lifecycle.sandbox 30 2048 # the child: descriptor on stdin, verdict as JSON on stdout

Each trial starts the model's engine anew, five seconds for TensorFlow: worth it for senders that are not trusted.

The time limit holds everywhere. The memory limit needs a system that limits the address space of a process, as Linux
does; Java's heap is limited by ``jvm.OPTIONS`` on every system. The child knows the formats that ``FACTORIES`` names
when it is imported, and none that was added to it in the server's memory.
"""

from __future__ import annotations

import faulthandler
import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from modelserving import errors
from modelserving.errors import ModelRefused, ModelServingError
from modelserving.models.formats.factory import find_factory
from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.build import build_candidate, own_probes
from modelserving.records import ModelDescriptor, RecordSchema, decode_descriptor, encode_descriptor
from modelserving.system.imports import leave_pandas_out
from modelserving.system.stopping import call

_START_SECONDS = 120.0
"""For Python and the engine, whose start is not the model's fault."""
_BATCH = 10_000
_OUT_OF_MEMORY = re.compile(r"\bOOM\b|OutOfMemory|bad_alloc|bad allocation|[Ff]ailed to allocate|MemoryError")


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What a candidate may take, beyond what its engine takes by itself.

    Args:
        seconds: to be built, checked, warmed up and to score 10,000 records.
        memory_mb: megabytes of address space.
    """

    seconds: float = 30.0
    memory_mb: int = 2048


def trial_then_build(
    descriptor: ModelDescriptor,
    limits: SandboxLimits = SandboxLimits(),
    schemas: Sequence[RecordSchema] | None = None,
) -> LoadedModel:
    """``build_candidate`` for senders that are not trusted; errors as that and ``try_model``."""
    try_model(descriptor, limits)
    return build_candidate(descriptor, schemas)


def try_model(descriptor: ModelDescriptor, limits: SandboxLimits = SandboxLimits()) -> None:
    """Build, check and warm up a model in a child process, which is gone afterwards.

    Args:
        descriptor: with its bytes.
        limits: what the model may take.

    Raises:
        ModelRefused: it took too long or too much memory, or crashed.
        ModelError: as ``build_candidate``.
        SetupError: the child could not start.
        StopWaiting: the model is not wanted any more; the child is gone.
    """
    command = [
        sys.executable,
        "-m",
        "modelserving.models.lifecycle.sandbox",
        str(limits.seconds),
        str(limits.memory_mb),
    ]
    with tempfile.TemporaryDirectory(prefix="modelserving-trial-", ignore_cleanup_errors=True) as folder:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder
        )
        with child:
            try:
                patience = _START_SECONDS + limits.seconds
                said, noise = call(partial(child.communicate, encode_descriptor(descriptor), timeout=patience))
            except subprocess.TimeoutExpired:
                raise ModelRefused(_too_long(descriptor.name, limits)) from None
            finally:
                child.kill()
    _judge(descriptor.name, limits, child.returncode, said.decode(errors="replace"), noise.decode(errors="replace"))


def _judge(name: str, limits: SandboxLimits, status: int, said: str, noise: str) -> None:
    """Raise what became of the child, or return if all was well.

    Args:
        name: of the model.
        limits: of the trial.
        status: the child's; negative for a signal.
        said: on stdout; the verdict is the last line, if there is one.
        noise: on stderr.
    """
    verdict = _read_verdict(said)
    if verdict is not None and verdict.ended_well:
        return
    reason = verdict.reason if verdict else ""
    if _OUT_OF_MEMORY.search(reason or noise):
        raise ModelRefused(
            f"model {name!r} wanted more than {limits.memory_mb:,} MB of memory when it was tried in a process of its "
            "own."
        )
    if verdict is not None:
        kind = getattr(errors, verdict.kind, ModelRefused)
        raise kind(reason)
    if "Timeout (" in noise or status == -getattr(signal, "SIGXCPU", 0):
        raise ModelRefused(_too_long(name, limits))
    if status < 0:
        raise ModelRefused(
            f"model {name!r} crashed its process with {_signal_name(-status)} when it was tried; perhaps it wanted "
            f"more than {limits.memory_mb:,} MB of memory."
        )
    last = noise.strip().splitlines()[-1:] or [f"status {status}"]
    raise ModelRefused(f"model {name!r} ended its process when it was tried: {last[0][:300]}")


def _too_long(name: str, limits: SandboxLimits) -> str:
    return f"model {name!r} took more than {limits.seconds:g} s when it was tried in a process of its own."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the child says of the model: the name of an error and its message; both empty if there was none."""

    kind: str = ""
    reason: str = ""

    @property
    def ended_well(self) -> bool:
        return not self.kind


def _read_verdict(said: str) -> _Verdict | None:
    for line in reversed(said.splitlines()):
        try:
            found = json.loads(line)
            return _Verdict(str(found["kind"]), str(found["reason"]))
        except (ValueError, LookupError, TypeError):
            continue  # an engine's own words
    return None


def _main() -> None:
    """The child."""
    leave_pandas_out()
    seconds, memory_mb = float(sys.argv[1]), int(sys.argv[2])
    verdict = _Verdict()
    try:
        descriptor = decode_descriptor(sys.stdin.buffer.read())
        find_factory(descriptor.type).preload()
        _limit(seconds, memory_mb)
        _try(descriptor)
    except MemoryError:
        verdict = _Verdict(ModelRefused.__name__, "MemoryError")
    except ModelServingError as error:
        verdict = _Verdict(type(error).__name__, str(error))
    faulthandler.cancel_dump_traceback_later()
    sys.stdout.write(f"\n{json.dumps({'kind': verdict.kind, 'reason': verdict.reason})}\n")
    sys.stdout.flush()
    os._exit(0)  # no engine may hold up the end


def _try(descriptor: ModelDescriptor) -> None:
    served = build_candidate(descriptor, ())  # whether it fits the records is for the parent to see
    served.model.score(own_probes(served.model).records.take([0] * _BATCH))
    served.close()


def _limit(seconds: float, memory_mb: int) -> None:
    """From here on: so many seconds, and so much more memory."""
    faulthandler.dump_traceback_later(seconds, exit=True)  # by a thread that needs nothing of Python
    try:
        import resource
    except ImportError:  # Windows
        return
    processors = os.cpu_count() or 1
    processor_seconds = math.ceil(time.process_time() + seconds * processors) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (processor_seconds, processor_seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    taken = _address_space()
    if taken:
        resource.setrlimit(resource.RLIMIT_AS, (taken + memory_mb * 1_000_000, resource.RLIM_INFINITY))


def _address_space() -> int:
    """Bytes that this process has taken; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    _main()
