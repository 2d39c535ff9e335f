"""Quix Streams beside our servers: the program in ``examples/quix``, run in the environment that has the library.

Quix Streams wants another pydantic than the workbook, so it has an environment of its own, which is an extra.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

from modelserving.config import checkout
from modelserving.errors import ServerError
from modelserving.kafka import list_topics, make_admin
from modelserving.widgets.waiting import waiting
from modelserving.workshop.lesson import lesson_topics
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.processes.apart import run_apart

PROGRAM = Path("examples/quix/serve.py")
"""The program, in the checkout."""

_MODULE = ".".join(PROGRAM.with_suffix("").parts)
_PATIENCE = 20
_SECONDS = 110


def find_quix(root: Path | None = None) -> Path | None:
    """The Python that has Quix Streams, or ``None`` where it was not set up.

    Args:
        root: the checkout; found by itself by default.
    """
    root = root or checkout()
    if root is None:
        return None
    python = root / ".venv-quix" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return python if python.exists() else None


def why_no_quix(lesson: LessonEnvironment) -> str | None:
    """Why the program cannot run here, and what to do about it; ``None`` if it can."""
    if lesson.connection.options:
        return "Your broker wants to know who you are, and this small program cannot say it. So it does not run here."
    if find_quix() is None:
        return (
            "Quix Streams is an extra, and it is not here. To get it, type `make setup-quix` in a terminal, in the "
            "folder of the workbook; then run this cell again, and those below. The lesson goes on without it."
        )
    return None


def run_quix(lesson: LessonEnvironment, model: Path, *, records: str, scored: str, count: int) -> None:
    """Let Quix Streams answer records, from the first one on, and wait for its end.

    What it keeps is deleted before and after, so that it can be run again: only its answers stay.

    Args:
        lesson: whose broker it is.
        model: an ONNX file.
        records: topic with wines.
        scored: topic for the answers.
        count: how many to answer.

    Raises:
        ServerError: it is not there, failed, or did not end in time; with its last lines.
    """
    python, root, group = find_quix(), checkout(), f"{lesson.prefix}-quix"
    if python is None or root is None:
        raise ServerError("Quix Streams is not here: `make setup-quix` in the folder of the workbook sets it up.")
    options = {
        "broker": lesson.connection.bootstrap_servers,
        "group": group,
        "records-topic": records,
        "scored-topic": scored,
        "model": model,
        "state": _state(lesson),
        "records": count,
        "patience": _PATIENCE,
    }
    _forget(lesson, group)
    try:
        _run([str(python), "-m", _MODULE, *(f"--{name}={value}" for name, value in options.items())], root)
    finally:
        _forget(lesson, group)


def _run(command: list[str], root: Path) -> None:
    try:
        with waiting("Quix Streams"):
            done = run_apart(command, timeout=_SECONDS, cwd=root)
    except subprocess.TimeoutExpired as error:
        raise ServerError(f"{PROGRAM} did not end within {_SECONDS} s.") from error
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise ServerError(f"{PROGRAM} ended with status {done.returncode}:\n{tail}")


def _forget(lesson: LessonEnvironment, group: str) -> None:
    """Delete its group, its changelogs, whose names begin in Quix Streams' own way, and its local state."""
    shutil.rmtree(_state(lesson), ignore_errors=True)
    topics = tuple(name for name in list_topics(lesson.connection) if name.startswith(f"changelog__{group}--"))
    with closing(make_admin(lesson.connection)) as admin:
        known = {
            found["group_id"] for found in lesson_topics.with_retries(admin.list_groups, "the broker's list of groups")
        }
        lesson_topics.delete(admin, lesson_topics.Leftovers(topics, tuple({group} & known)))


def _state(lesson: LessonEnvironment) -> Path:
    return lesson.folder / "quix"
