"""Python errors on their way through Java, and back.

JPype throws a Python error through Java inside of a ``PyExceptionProxy``, which has no text: to Java's log, and to its
dead letters, it says nothing. So what our callbacks raise is thrown as a Java exception that says what happened and
where, with the proxy as its cause. On the way back the proxy is found at the end of the chain of causes, and thrown by
Java once more, alone: then JPype gives back the very object that was raised, with its traceback. That works for bare
lambdas, and for what JPype itself raises when a value does not fit, too.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import jpype

from modelserving import jvm
from modelserving.errors import ServerError

P = ParamSpec("P")
T = TypeVar("T")

_PROXY = "org.jpype.PyExceptionProxy"
_LONGEST, _LINE = 1_000, 200
_TYPES = (
    (re.compile(r" \([^()]+ (?:is|are) in (?:unnamed )?module [^()]+\)"), ""),
    (re.compile(r"(?:\bclass )?\bjdk\.proxy\d+\.\$Proxy\d+"), "an object of Python, which needs serde(...)"),
    (re.compile(r"(?:(?<=type: )|\bclass )java\.lang\.String\b"), "str"),
    (re.compile(r"(?:(?<=type: )|\bclass )java\.lang\.(Long|Integer)\b"), "int"),
    (re.compile(r"(?:(?<=type: )|\bclass )java\.lang\.(Double|Float)\b"), "float"),
    (re.compile(r"(?:(?<=type: )|\bclass )java\.lang\.Boolean\b"), "bool"),
    (re.compile(r"(?:(?<=type: )|\bclass )\[B"), "bytes"),
    (re.compile(r"\bjdk\.MHProxy\d+\.Serializer/\w+"), "number()"),
)
"""How Java calls what Python knows by another name."""
_NO_ROOM = re.compile(r"No space left on device|not enough space on the disk", re.IGNORECASE)


def guarded(function: Callable[P, T]) -> Callable[P, T]:
    """The same function for Java to call: an error that it raises tells Java what it is, and comes back as itself."""

    @wraps(function, assigned=(), updated=())
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if isinstance(error, jpype.JException):
                raise
            raise _as_java(error) from None

    return call


def cause_of(thrown: Any) -> BaseException | None:
    """The Python error that a Java exception came from, with its traceback; ``None`` if it came from none."""
    if not isinstance(thrown, jpype.JException):
        return thrown if isinstance(thrown, BaseException) else None
    proxy = next((cause for cause in _causes(thrown) if str(cause.getClass().getName()) == _PROXY), None)
    if proxy is None:
        return None
    try:
        _thrower().invokeWithArguments([proxy])
    except jpype.JException:
        return None
    except BaseException as error:  # noqa: BLE001 - it is what was asked for
        return error
    return None


def _file(name: str) -> str:
    """A file's name; that of a notebook's cell is a number which means nothing to anybody."""
    return "its cell" if Path(name).parent.name.startswith("ipykernel_") else Path(name).name


def told(error: BaseException) -> str:
    """An error in one line: what it is, what it says, and where it was raised.

    The place is the last line of the user's code, not one of ours.
    """
    lines = traceback.extract_tb(error.__traceback__)
    own = [line for line in lines if "modelserving/kstreams" not in Path(line.filename).as_posix()] or lines
    where = f" (line {own[-1].lineno} of {_file(own[-1].filename)}: {str(own[-1].line)[:_LINE]})" if own else ""
    return _as_text(f"{type(error).__name__}: {said_by(error)}"[: _LONGEST - len(where)] + where)


def said_by(error: BaseException) -> str:
    """What an error says; one that fails over that has happened all the same."""
    try:
        return str(error)
    except Exception as other:  # noqa: BLE001 - it is another's
        return f"(what it says cannot be told: {type(other).__name__})"


def _as_text(said: str) -> str:
    """The same for Java, which takes no half of a character."""
    return said.encode("utf-8", "backslashreplace").decode("utf-8")


def _as_java(error: BaseException) -> Any:
    """A Java exception that tells what the error is, with the error as its cause."""

    def throw(_: Any) -> None:
        raise error

    function = jpype.JProxy("java.util.function.Function", dict={"apply": throw})
    future = jvm.java_class("java.util.concurrent.CompletableFuture").completedFuture(None).thenApply(function)
    return jvm.java_class("java.lang.RuntimeException")(told(error), future.exceptionNow())


@cache
def _thrower() -> Any:
    """What throws its argument."""
    handles = jvm.java_class("java.lang.invoke.MethodHandles")
    return handles.throwException(
        jvm.java_class("java.lang.Object").class_, jvm.java_class("java.lang.Throwable").class_
    )


def _causes(thrown: Any) -> Iterator[Any]:
    seen = 0
    while thrown is not None and seen < 100:
        yield thrown
        thrown, seen = thrown.getCause(), seen + 1


class python_errors_only:  # noqa: N801 - it is used as a function
    """Around a call into Java: what was a Python error is raised as that, and Java's own stay what they are.

    No generator: what one raises is not taken for a ``StopIteration`` by whoever called it.
    """

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, _kind: object, thrown: BaseException | None, _traceback: object) -> None:
        """Raise what it was."""
        if isinstance(thrown, jpype.JException) and (error := cause_of(thrown)) is not None:
            raise error from None


class python_errors(python_errors_only):  # noqa: N801 - it is used as a function
    """Around a call into Java: what comes out of it is raised as the Python error it was, else as ``ServerError``.

    Args:
        state_folder: as for ``describe``.
    """

    def __init__(self, state_folder: str = "") -> None:
        self._state_folder = state_folder

    def __exit__(self, kind: object, thrown: BaseException | None, traceback: object) -> None:
        """Raise what it was, or what it says."""
        super().__exit__(kind, thrown, traceback)
        if isinstance(thrown, jpype.JException):
            raise ServerError(f"Kafka Streams: {describe(thrown, self._state_folder)}.") from thrown


def describe(thrown: Any, state_folder: str = "") -> str:
    """What a Java exception says, with Python's names of what did not fit: a serializer that got another type.

    Args:
        thrown: the exception.
        state_folder: of the application that threw it; Java does not always say which disk is full.
    """
    said = jvm.describe(thrown)
    if state_folder and _NO_ROOM.search(said):
        where = f"the disk that holds its state is full. Make room for {state_folder}, or let the state be elsewhere"
        return f"{said}: {where} (MODELSERVING_HOME for a server, state_dir for an application)"
    if "ClassCastException" not in said:
        return said
    for java, python in _TYPES:
        said = java.sub(python, said)
    return said
