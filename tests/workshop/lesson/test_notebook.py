"""What a notebook's kernel has before its first cell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_KERNEL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from modelserving.workshop.lesson.notebook import prepare_kernel
InteractiveShell.instance()
before = "numpy" in sys.modules
prepare_kernel()
print(before, "numpy" in sys.modules)
"""
_STOPPED = """
import signal, sys, time
from types import SimpleNamespace
from IPython.core.interactiveshell import InteractiveShell
from modelserving.workshop.lesson import notebook
shell = InteractiveShell.instance()
shell.user_ns["sleep"] = time.sleep
shell.kernel = SimpleNamespace()
notebook.prepare_kernel()
notebook.prepare_kernel()
print("CLOCKS", [shell.events.callbacks["pre_run_cell"].count(notebook._CLOCK.begin)])
shell.kernel.pre_handler_hook()
signal.raise_signal(signal.SIGINT)  # the kernel is not in the cell yet
shell.run_cell("sleep(60)")
shell.run_cell("import stopped_in_it; sleep(60)")
print("IMPORTED", vars(sys.modules["stopped_in_it"]).get("whole"))
shell.run_cell("import signal; from modelserving.system.interrupts import interrupts_held_back as held")
shell.run_cell("with held(): signal.raise_signal(signal.SIGINT)\\nprint('AFTER ALL')")
signal.raise_signal(signal.SIGINT)  # the cell has ended just now
shell.kernel.pre_handler_hook()
shell.run_cell("sleep(1); print('NEXT')")
shell.transform_ast = lambda code: signal.raise_signal(signal.SIGINT)
shell.run_cell("1 + 1")
"""
_ANSWERS = """
from IPython.core.interactiveshell import InteractiveShell
from modelserving.workshop.lesson.notebook import prepare_kernel, why_undefined
shell = InteractiveShell.instance()
prepare_kernel()
shell.run_cell("from types import SimpleNamespace as S\\nlesson = S(check=print)\\nlesson.check('hello', say_hello)")
shell.run_cell("def say_hello():\\n    return (")
print("SAID", why_undefined("say_hello"))
print("OTHER", why_undefined("hello"))
shell.run_cell("say_hello = missing")
print("SAID", why_undefined("say_hello"))
shell.run_cell("import sys\\nsay_hello = sys.missing\\nprint(say_hello)")
print("SAID", why_undefined("say_hello"))
shell.run_cell("def say_hello(): ...")
print("FINE", why_undefined("say_hello"))
shell.run_cell("say_hello(1)")
print("FINE", why_undefined("say_hello"))
shell.run_cell("def say_hello(): ...\\nsay_hello(1)")
print("FINE", why_undefined("say_hello"))
shell.run_cell("from kafka.errors import IllegalStateError\\nraise IllegalStateError('closed already!')")
shell.run_cell("raise IllegalStateError('not assigned')")
"""
_IN_SETUP = """
import signal, sys, threading
from types import SimpleNamespace
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.kernel = SimpleNamespace()
signal.signal(signal.SIGINT, signal.default_int_handler)  # as the kernel does before a cell
shell.run_cell("import modelserving.workshop; import stopped_in_it; import not_begun")
print("IMPORTED", vars(sys.modules.get("stopped_in_it")).get("whole"), "not_begun" in sys.modules)
shell.run_cell("import not_begun; print('NEXT', not_begun.whole)")
def show(*_, **__):
    for timer in [one for one in threading.enumerate() if isinstance(one, threading.Timer)]:
        timer.join(60)  # until it would be tried again
    print("SHOWN")
shell.showtraceback = show
shell.run_cell("del sys.modules['stopped_in_it']; import stopped_in_it; import time")
"""


def _run(code: str, folder: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120, cwd=folder
    )
    return done.stdout


def test_numpy_is_there_before_a_cell_can_be_stopped() -> None:
    """Stopped in the middle of its first import, it could not be imported again before a restart."""
    assert _run(_KERNEL).split()[-1] == "True"


def _modules(folder: Path) -> Path:
    """Two that can be imported, during the first of which somebody clicks on ■."""
    (folder / "stopped_in_it.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\nwhole = True\n")
    (folder / "not_begun.py").write_text("whole = True\n")
    return folder


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a kernel says that is stopped before a cell, in an import, and in IPython's own code."""
    return _run(_STOPPED, _modules(tmp_path_factory.mktemp("stopped")))


def test_a_stop_waits_for_the_code_of_a_cell_and_is_one_line(stopped: str) -> None:
    """Not in the kernel's own code, for the cell would get no answer; nor in an import, of which half would stay."""
    assert stopped.count("Stopped: by you") == 4
    assert "IMPORTED True" in stopped
    assert "Traceback" not in stopped


def test_the_cell_that_imports_the_workshop_stops_between_imports_already(tmp_path: Path) -> None:
    """In a kernel that the lab did not start: a set-up cell that is stopped leaves no module by half."""
    said = _run(_IN_SETUP, _modules(tmp_path))
    assert "IMPORTED True False" in said
    assert said.count("Stopped: by you") == 1
    assert "Traceback" not in said
    assert "NEXT True" in said
    assert "SHOWN" in said


def test_a_client_that_was_closed_is_one_line_with_what_to_do() -> None:
    """It was closed with its lesson."""
    said = _run(_ANSWERS)
    assert "closed already! Was the lesson closed? Run its set-up cell" in said
    assert "Traceback" not in said.partition("closed already!")[0].rpartition("FINE")[2]
    assert said.count("Was the lesson closed?") == 1  # the same error says other things, too
    assert "Traceback" in said.partition("closed already!")[2]


def test_a_stop_is_for_the_cell_at_work_and_no_later_one(stopped: str) -> None:
    """What was held back stops its own cell; where that has ended meanwhile, the next one goes on."""
    assert "AFTER ALL" not in stopped
    assert "NEXT" in stopped


def test_an_answer_whose_cell_failed_is_not_judged() -> None:
    """A syntax error leaves the answer of before, and saying anything about that one would mislead."""
    lines = _run(_ANSWERS).splitlines()
    said = [line for line in lines if line.startswith("SAID")]
    assert "`say_hello` is not defined: the cell with your answer was not run" in "\n".join(lines)
    assert "SyntaxError: " in said[0]
    assert "in its line 2" in said[0]
    assert "NameError: name 'missing' is not defined" in said[1]
    assert "module 'sys' has no attribute 'missing'" in said[2]


def test_an_answer_that_was_tried_in_vain_is_judged_all_the_same() -> None:
    """An error in a call of it, in another cell or below it, takes nothing of the answer away."""
    lines = _run(_ANSWERS).splitlines()
    assert [line for line in lines if line.startswith(("OTHER", "FINE"))] == ["OTHER ", *["FINE "] * 3]


def test_each_cell_has_one_clock_however_often_a_lesson_is_started(stopped: str) -> None:
    """A cell that takes long counts its seconds, in one line."""
    assert "CLOCKS [1]" in stopped
