"""The files in which lessons remember, changed by several kernels."""

from __future__ import annotations

import errno
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from modelserving.broker import state
from modelserving.broker.state import FileLock
from modelserving.workshop.lesson import kept
from modelserving.workshop.lesson.exercise import Outcome, Verdict
from modelserving.workshop.lesson.kept import KeptFile
from modelserving.workshop.lesson.progress import Progress


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kernels have two lessons open: what one of them writes never takes back what the other one wrote."""
    monkeypatch.setattr(kept, "_ITS_TURN_WITHIN_S", 60)
    with ThreadPoolExecutor(4) as kernels:
        list(kernels.map(lambda _: Progress(tmp_path / "progress.json").note_hint("one"), range(40)))
    assert Progress(tmp_path / "progress.json").step("one").hints == 40


def test_a_full_disk_ends_no_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict is shown all the same; a warning names the file, and says that nothing is remembered."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, "write_atomically", full)
    with pytest.warns(RuntimeWarning, match=r"progress\.json cannot be written .*No space left.*not remembered"):
        Progress(tmp_path / "progress.json").note(Verdict("one", Outcome.PASSED, ""))


def test_a_lock_that_is_never_given_back_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that hangs with the lock in its hand must not take the others with it."""
    monkeypatch.setattr(kept, "_ITS_TURN_WITHIN_S", 0.05)
    with FileLock(tmp_path / "some.json.lock") as lock:
        assert lock.acquire()
        KeptFile(tmp_path / "some.json").change(lambda _: {"a": 1})
    assert KeptFile(tmp_path / "some.json").read() == {"a": 1}


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.ENOLCK])
def test_a_disk_without_locks_is_not_waited_for(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has the lock there: each change is made at once, and that there is none is said one time."""

    def refuse(_: int) -> None:
        raise OSError(number, "no locks here")

    monkeypatch.setattr(state, "_lock", refuse)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits for a lock that nobody has"))
    file = KeptFile(tmp_path / "some.json")

    def change_thrice() -> None:
        file.change(lambda kept: {**kept, "a": 1})
        file.change(lambda kept: {**kept, "b": 1})
        file.change(lambda kept: {**kept, "c": 1})

    with pytest.warns(RuntimeWarning, match="knows no locks") as said:
        change_thrice()
    assert file.read() == {"a": 1, "b": 1, "c": 1}
    assert len(said) == 1
