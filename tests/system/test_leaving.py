"""The end of a process whose threads do not end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_CALLED_FROM_JAVA = """
import time
from modelserving import jvm
from modelserving.kstreams.bridge.proxies import implement
from modelserving.kstreams.bridge.threads import call_as_daemon
from modelserving.system.leaving import leave

def work():
    began.append(1)
    {work}

def begin():
    task = implement("java.lang.Runnable", run=work)
    for _ in range(4):
        thread = jvm.java_class("java.lang.Thread")(task)
        thread.setDaemon(True)
        thread.start()
    return task

began = []
kept = call_as_daemon(begin)
while len(began) < 4:
    time.sleep(0.01)
"""


_COMES_AND_GOES = """
import sys, time
import jpype
from modelserving import jvm
from modelserving.kstreams.bridge.proxies import implement
from modelserving.system.leaving import leave

thread = jvm.java_class("java.lang.Thread")
began = []

def work():
    began.append(1)
    thread.sleep(jpype.JLong(1))
    thread.sleep(jpype.JLong(1))

def daemon(task):
    made = thread(task)
    made.setDaemon(True)
    return made

threads = implement("java.util.concurrent.ThreadFactory", newThread=daemon)
pool = jvm.java_class("java.util.concurrent.ScheduledThreadPoolExecutor")(3, threads)
for _ in range(3):
    task = implement("java.lang.Runnable", run=work)
    pool.scheduleWithFixedDelay(task, 0, 2, jvm.java_class("java.util.concurrent.TimeUnit").MILLISECONDS)
while len(began) < 100:
    time.sleep(0.01)
"""


def run(script: str) -> tuple[int, str]:
    """The status and the output of a process of its own."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout


@pytest.mark.slow
def test_threads_of_java_that_stay_in_python_do_not_turn_the_end_into_a_crash() -> None:
    """The status is the one that was asked for, although each asks for the interpreter and for Java all the time."""
    work = "while True: time.sleep(0.0005), jvm.java_class('java.lang.Thread').yield_()"
    assert run(_CALLED_FROM_JAVA.format(work=work) + "leave(3)") == (3, "")


def test_a_thread_of_java_that_is_just_in_python_is_awaited() -> None:
    """A program that ends as Python does, with an engine whose threads are calling it."""
    work = "[(time.sleep(0.001), jvm.java_class('java.lang.Thread').yield_()) for _ in range(100)]"
    assert run(_CALLED_FROM_JAVA.format(work=work)) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interrupt to send")
def test_who_is_in_python_at_the_end_is_not_refused() -> None:
    """An engine passes over a record whose function was refused; an interrupt that comes meanwhile changes nothing."""
    work = (
        "ends.wait(60), time.sleep(0.05), os.kill(os.getpid(), signal.SIGINT), time.sleep(0.05), "
        "numbers.of(4).forEach(implement('java.util.function.Consumer', accept=lambda got: os.write(1, b'called ')))"
    )
    setting = (
        "import atexit, os, signal, threading\nends = threading.Event()\natexit.register(ends.set)\n"
        "numbers = jvm.java_class('java.util.stream.Stream')\n"
    )
    head, rest = _CALLED_FROM_JAVA.split("def work", 1)
    assert run((head + setting + "def work" + rest).format(work=work)) == (0, "called " * 4)


@pytest.mark.parametrize("end", ["leave", "sys.exit"])
def test_threads_of_java_that_come_and_go_do_not_turn_the_end_into_a_crash(end: str) -> None:
    """Nobody is in Python at one moment, and at the next a thread is: an engine that polls does so all the time."""
    assert run(f"{_COMES_AND_GOES}{end}(3)") == (3, "")


def test_temporary_files_of_java_are_deleted(tmp_path: Path) -> None:
    """Java deletes at its end what it unpacked, and a process that leaves does not wait for that end."""
    script = """
from modelserving import jvm
from modelserving.system.leaving import leave
file = jvm.java_class("java.io.File")
file.createTempFile("made", ".so", file({folder!r})).deleteOnExit()
leave(len(list(__import__("pathlib").Path({folder!r}).iterdir())))
"""
    assert run(script.format(folder=str(tmp_path))) == (1, "")
    assert list(tmp_path.iterdir()) == []


def test_all_else_at_the_end_is_done() -> None:
    """Output is written, threads that are no daemons are awaited, and what is registered for the exit is called."""
    script = """
import atexit, sys, threading
from modelserving.system.leaving import leave
atexit.register(print, "at exit")
free = threading.Event()
threading.Thread(target=lambda: (free.wait(60), print("a thread"))).start()
threading.Timer(0.1, free.set).start()
sys.stdout.write("written, ")
leave(4)
"""
    assert run(script) == (4, "written, a thread\nat exit\n")


def test_output_that_is_lost_is_not_called_well() -> None:
    """The status is that of Python for it; a process without any output has nothing to lose."""
    leaving = "import sys\nfrom modelserving.system.leaving import leave\n"
    full = "sys.stdout = open('/dev/full', 'w')\nsys.stdout.write('lost')\nleave(0)"
    if Path("/dev/full").exists():
        assert run(leaving + full) == (120, "")
    assert run(leaving + "sys.stdout = sys.stderr = None\nleave(0)") == (0, "")
