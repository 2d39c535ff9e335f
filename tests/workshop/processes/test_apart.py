"""Children of a lesson stand apart from its kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from modelserving.workshop.processes.apart import run_apart
from tests.waiting import wait_until

GRANDCHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(60)
"""


def test_a_child_is_in_a_group_of_its_own() -> None:
    """An interrupt goes to the kernel's whole group."""
    done = run_apart([sys.executable, "-c", "import os; print(os.getpgrp())"], timeout=60)
    assert int(done.stdout) != os.getpgrp()
    assert done.returncode == 0


def test_the_whole_group_ends_when_its_time_is_over(tmp_path: Path) -> None:
    """Nothing that the child has started is left behind."""
    noted = tmp_path / "pid"
    with pytest.raises(subprocess.TimeoutExpired):
        run_apart([sys.executable, "-c", GRANDCHILD, str(noted)], timeout=3)
    left = int(noted.read_text())
    wait_until(
        lambda: not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE, "the grandchild"
    )


def test_every_child_of_a_lesson_is_started_apart() -> None:
    """No module of the workshop starts one in the kernel's own group."""
    folder = Path(__file__).parents[3] / "modelserving" / "workshop" / "processes"
    for path in folder.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "subprocess.run(" not in text.replace("``subprocess.run``", ""), path
        assert text.count("subprocess.Popen(") == text.count("**APART,"), path
