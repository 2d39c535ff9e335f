"""Files that the next start can trust, and a lock that dies with its holder."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from modelserving.broker.state import FileLock, Identity, Running, Worker

RUNNING = Running(Worker(10, 1.5), Worker(11, 2.5), 4711, "secret", 9092, 3.5)


@pytest.mark.parametrize("running", [RUNNING, Running(Worker(10, 1.5), None, 1, "", 2, 3.0)])
def test_state_comes_back_as_it_went(tmp_path: Path, running: Running) -> None:
    """A state that was written is read as the same."""
    running.write(tmp_path / "state")
    assert Running.read(tmp_path / "state") == running
    assert RUNNING.bootstrap_servers == "127.0.0.1:9092"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"supervisor": 1}', '{"port": "x", "cluster_id": ""}'])
def test_torn_file_is_no_state(tmp_path: Path, text: str) -> None:
    """A file that is torn, empty or of something else counts as none."""
    (tmp_path / "file").write_text(text)
    assert Running.read(tmp_path / "file") is None
    assert Identity.read(tmp_path / "file") is None
    assert Running.read(tmp_path / "none") is None


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX rights")
def test_token_is_for_this_user_alone(tmp_path: Path) -> None:
    """The state file, which has the token in it, cannot be read by others."""
    RUNNING.write(tmp_path / "state")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o600


def test_worker_is_found_by_number_time_and_mark() -> None:
    """A process is taken for the one of the file only if number, start time and command line agree."""
    us = psutil.Process()
    mark = us.cmdline()[-1]
    assert Worker.of(us.pid).find(mark) is not None
    assert Worker(us.pid, us.create_time() - 60).find(mark) is None
    assert Worker.of(us.pid).find("no such word on our command line") is None


def test_lock_is_exclusive_and_dies_with_its_holder(tmp_path: Path) -> None:
    """Two cannot hold it; ``kill -9`` of the holder frees it."""
    path = tmp_path / "lock"
    script = (
        "import sys; from pathlib import Path; from modelserving.broker.state import FileLock\n"
        "lock = FileLock(Path(sys.argv[1])); print(lock.acquire(), flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(path)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder,
        FileLock(path) as lock,
    ):
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert not lock.acquire()
        holder.kill()
        holder.communicate()
        assert lock.acquire()
    with FileLock(path) as again:
        assert again.acquire()
