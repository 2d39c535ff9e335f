"""Python errors on their way through Java, which knows them only as a proxy: here they are kept, and found again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import jpype

from modelserving import jvm
from modelserving.errors import ServerError

__all__ = ["cause_of", "guarded", "python_errors"]

P = ParamSpec("P")
T = TypeVar("T")

_PROXY = "org.jpype.PyExceptionProxy"


class _Seen(threading.local):
    """The last error that left Python on this thread."""

    error: BaseException | None = None


_here = _Seen()
_latest: list[BaseException] = []


def guarded(function: Callable[P, T]) -> Callable[P, T]:
    """The same function for Java to call: an error that it raises is kept for ``cause_of``."""

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            _here.error = error
            _latest[:] = [error]
            raise

    return call


def cause_of(thrown: Any) -> BaseException | None:
    """The Python error that a Java exception came from, with its traceback; ``None`` if it came from none."""
    if not isinstance(thrown, jpype.JException):
        return thrown if isinstance(thrown, BaseException) else None
    if not any(str(cause.getClass().getName()) == _PROXY for cause in _causes(thrown)):
        return None
    # Work moves between threads of the engine: what is restored by one is reported by another.
    return _here.error or (_latest[0] if _latest else None)


def _causes(thrown: Any) -> Iterator[Any]:
    while thrown is not None:
        yield thrown
        thrown = thrown.getCause()


@contextmanager
def python_errors() -> Iterator[None]:
    """Around a call into Java: what comes out of it is raised as the Python error it was, else as ``ServerError``."""
    try:
        yield
    except jpype.JException as thrown:
        error = cause_of(thrown)
        if error is not None:
            raise error from None
        raise ServerError(f"Kafka Streams: {jvm.describe(thrown)}.") from thrown
