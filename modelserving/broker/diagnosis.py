"""Why the broker did not start, said plainly: from what Java and Kafka left in their logs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from modelserving.broker.layout import Layout
from modelserving.broker.state import NoFileLocks


@dataclass(frozen=True, slots=True)
class _Cause:
    """A known way to fail.

    Args:
        sign: what the logs say then.
        message: what a person is told; ``{data}`` and ``{folder}`` stand for the paths.
    """

    sign: re.Pattern[str]
    message: str


_CAUSES = (
    _Cause(
        re.compile(r"No space left on device|not enough space on the disk", re.IGNORECASE),
        "the disk that holds {folder} is full. Free some space, or point MODELSERVING_HOME at another disk.",
    ),
    _Cause(
        re.compile(
            r"Failed to acquire lock on file|A Kafka instance in another process or thread is using this directory"
        ),
        "another Kafka broker is using {data} now. Stop that one, or point MODELSERVING_HOME at a folder of your own.",
    ),
    _Cause(
        re.compile(r"Invalid cluster\.id|Stored node id .* doesn't match|InconsistentClusterId|InconsistentBrokerId"),
        "{data} holds the data of another Kafka broker. Move it away, or point MODELSERVING_HOME at another folder.",
    ),
    _Cause(
        re.compile(r"AccessDeniedException|Permission denied|Read-only file system|is not writable", re.IGNORECASE),
        "{folder} cannot be written. Give yourself the right to write there, or point MODELSERVING_HOME elsewhere.",
    ),
    _Cause(
        re.compile(
            # Not "OutOfMemoryError" alone: Java repeats its own flags, one of which has the word in it.
            r"Could not reserve enough space|Could not allocate|Cannot allocate memory|unable to allocate|"
            r"insufficient memory|java\.lang\.OutOfMemoryError|unable to create native thread",
            re.IGNORECASE,
        ),
        "there is too little memory: it needs about 400 MB. Close other programs, or other notebooks' kernels.",
    ),
    _Cause(
        re.compile(
            r"CorruptRecordException|InvalidRecordException|metadata\.version .* (too|not supported)",
            re.IGNORECASE,
        ),
        "its data in {data} is damaged, or a newer Kafka wrote it. Move it away; the next start makes an empty one.",
    ),
)
_TAKEN = re.compile(r"Address already in use|Socket server failed to bind", re.IGNORECASE)
_LOGGED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ")
_NOISE = re.compile(r"^(\s+at |Caused by: |\s*\.\.\. \d+ more)")


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log; none where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 400 * max(lines, 50)))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-lines:] if lines > 0 else []


def what_was_said(layout: Layout, since: int) -> list[str]:
    """What Java and the broker wrote in one start, oldest first.

    Args:
        layout: where their logs are.
        since: size of the broker's log before the start, bytes.
    """
    return [*tail(layout.jvm_log, 100), *_read_from(layout.log, since)[-400:]]


def _read_from(path: Path, offset: int) -> list[str]:
    try:
        with path.open("rb") as file:
            # A log that is shorter than before was rolled over: all of it is new.
            file.seek(offset if offset <= path.stat().st_size else 0)
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def port_was_taken(said: Sequence[str]) -> bool:
    """Whether another program took the port between the look and the leap."""
    return any(_TAKEN.search(line) for line in said)


def reached_kafka(said: Sequence[str]) -> bool:
    """Whether Java came as far as Kafka, so that a start-up cache is not to blame."""
    return any(_LOGGED.match(line) for line in said)


def explain_failure(layout: Layout, said: Sequence[str], exit_code: int | None) -> str:
    """A message for a broker that ended before it answered.

    Args:
        layout: its files.
        said: what it wrote in this start, oldest first.
        exit_code: of Java; ``None`` when it was ended for taking too long.
    """
    for cause in _CAUSES:
        if any(cause.sign.search(line) for line in said):
            why = cause.message.format(folder=layout.folder, data=layout.data)
            return f"the Kafka broker cannot start: {why}"
    if exit_code is not None and exit_code in {-9, 137}:
        why = "it was killed from outside; a system that runs out of memory does that. Close other programs."
        return f"the Kafka broker cannot start: {why}"
    ended = "did not answer in time" if exit_code is None else f"ended with status {exit_code} before it answered"
    last = "\n".join(f"  {line}" for line in [line for line in said if not _NOISE.match(line)][-8:]) or "  (nothing)"
    return f"the Kafka broker {ended}. Its log is {layout.log}; the last lines:\n{last}"


def explain_os_error(layout: Layout, error: Exception) -> str:
    """A message for a file that could not be written, or a Java that could not be run, on the way to a broker."""
    if isinstance(error, NoFileLocks):
        return (
            f"the Kafka broker cannot start: the disk that holds {layout.folder} knows no locks ({error.strerror}), as "
            "some that are mounted over a network, and without one two brokers could use the same data. Point "
            "MODELSERVING_HOME at a folder on a disk of this machine."
        )
    known = any(cause.sign.search(str(error)) for cause in _CAUSES)
    return explain_failure(layout, [str(error)], 1) if known else f"the Kafka broker cannot start: {error}."
