"""What a notebook's kernel has before its first cell."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

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
import signal
from types import SimpleNamespace
from IPython.core.interactiveshell import InteractiveShell
from modelserving.workshop.lesson import notebook
shell = InteractiveShell.instance()
shell.kernel = SimpleNamespace()
notebook.prepare_kernel()
notebook.prepare_kernel()
print("CLOCKS", [shell.events.callbacks["pre_run_cell"].count(notebook._CLOCK.begin)])
shell.kernel.pre_handler_hook()
signal.raise_signal(signal.SIGINT)  # the kernel is not in the cell yet
shell.run_cell("import time; time.sleep(60)")
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
shell.run_cell("def say_hello(): ...")
print("FINE", why_undefined("say_hello"))
"""


@cache
def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def test_numpy_is_there_before_a_cell_can_be_stopped() -> None:
    """Stopped in the middle of its first import, it could not be imported again before a restart."""
    assert _run(_KERNEL).split()[-1] == "True"


def test_a_stop_waits_for_the_code_of_a_cell_and_is_one_line() -> None:
    """The kernel's own code is not interrupted, for its cell would get no answer. IPython's own gives one line, too."""
    said = _run(_STOPPED)
    assert said.count("Stopped: by you") == 2
    assert "Traceback" not in said


def test_an_answer_whose_cell_failed_is_not_judged() -> None:
    """A syntax error leaves the answer of before, and saying anything about that one would mislead."""
    lines = _run(_ANSWERS).splitlines()
    said = [line for line in lines if line.startswith("SAID")]
    assert "`say_hello` is not defined: the cell with your answer was not run" in "\n".join(lines)
    assert "SyntaxError: " in said[0]
    assert "in its line 2" in said[0]
    assert "NameError: name 'missing' is not defined" in said[1]
    assert [line for line in lines if line.startswith(("OTHER", "FINE"))] == ["OTHER ", "FINE "]


def test_each_cell_has_one_clock_however_often_a_lesson_is_started() -> None:
    """A cell that takes long counts its seconds, in one line."""
    assert "CLOCKS [1]" in _run(_STOPPED)
