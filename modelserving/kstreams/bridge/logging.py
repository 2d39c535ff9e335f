"""The engine's log in Python's ``logging``, by the names of Java's loggers: ``org.apache.kafka.streams...``."""

from __future__ import annotations

import atexit
import logging
import os
import re
import threading
from typing import Any

import jpype

from modelserving import jvm
from modelserving.kstreams.bridge.failures import cause_of, describe, told
from modelserving.kstreams.bridge.proxies import implement

log = logging.getLogger(__name__)

_JAVA = "java.util.logging."
_PASSED_OVER = re.compile(r"\.LogAndContinue\w*ExceptionHandler$")
_ROOTS = ("org.apache.kafka", "org.rocksdb")
_lock = threading.Lock()
_kept: list[Any] = []  # Java keeps its loggers only as long as somebody else does.


log = logging.getLogger(__name__)
_RESTORED = "TaskCorruptedException"
_ADVICE = "Processing exception handler is set to fail"


def forward_logs(level: int = logging.WARNING) -> None:
    """Send what the engine logs to Python's loggers instead of the terminal. A second call changes the level.

    Args:
        level: below it Java does not even ask Python; Python's own levels and handlers decide about the rest.
    """
    with _lock:
        if not _kept:
            _kept.extend(map(_redirect, _ROOTS))
            _quieten()
            atexit.register(_leave_out, os.getpid())
        for logger in _kept:
            logger.setLevel(_java_level(level))


def _leave_out(process: int) -> None:
    """At the end of the process nothing is told any more: an engine whose broker is away tells it all the time."""
    if process == os.getpid() and jpype.isJVMStarted():
        for logger in _kept:
            logger.setLevel(jvm.java_class(_JAVA + "Level").OFF)


def _quieten() -> None:
    """Keep good advice off the terminal. Whoever sets a level on ``org.apache.kafka`` gets what they ask for."""
    for name in _ROOTS:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.ERROR)


def _redirect(name: str) -> Any:
    """Give a Java logger one handler, whose filter hands each record to Python and lets none pass."""
    logger = jvm.java_class(_JAVA + "Logger").getLogger(name)
    handler = jvm.java_class(_JAVA + "ConsoleHandler")()
    handler.setLevel(jvm.java_class(_JAVA + "Level").ALL)
    handler.setFilter(implement(_JAVA + "Filter", isLoggable=_hand_over))
    logger.setUseParentHandlers(False)
    logger.addHandler(handler)
    return logger


def _hand_over(record: Any) -> bool:
    """One record; it is not for Java's terminal."""
    logger = logging.getLogger(str(record.getLoggerName()))
    level = _python_level(int(record.getLevel().intValue()))
    if level >= logging.ERROR and str(record.getMessage()).startswith(_ADVICE):
        level = logging.WARNING  # said beside each error of a function, also when it was the stop button
    if logger.isEnabledFor(level):
        thrown = record.getThrown()
        if _RESTORED in f"{record.getMessage()} {thrown or ''}":  # an error to the engine, which deals with it itself
            log.warning("local state ends before its changelog, as after a kill: it is restored, and nothing is lost")
        elif cause_of(thrown) is None:  # a Python error is reported as itself, with its own traceback
            logger.log(level, "%s%s", record.getMessage(), "" if thrown is None else f" ({describe(thrown)})")
    if _PASSED_OVER.search(str(record.getLoggerName())) and (thrown := record.getThrown()) is not None:
        _tell_of(record, thrown)
    return False


def _tell_of(record: Any, thrown: Any) -> None:
    """A record that is passed over, because somebody chose to continue, is told of whatever the levels are.

    In a line, which names the line of the user's that failed: there may be many. The traceback is for who debugs.
    """
    error = cause_of(thrown)
    why = told(error) if error is not None else describe(thrown)
    trace = error if log.isEnabledFor(logging.DEBUG) else None
    log.warning("a record was passed over: %s (%s)", why, record.getMessage(), exc_info=trace)


def _python_level(java: int) -> int:
    """Java's levels, from 300 to 1000, as Python's."""
    steps = ((1000, logging.ERROR), (900, logging.WARNING), (800, logging.INFO))
    return next((level for least, level in steps if java >= least), logging.DEBUG)


def _java_level(python: int) -> Any:
    levels = jvm.java_class(_JAVA + "Level")
    steps = ((logging.ERROR, levels.SEVERE), (logging.WARNING, levels.WARNING), (logging.INFO, levels.INFO))
    return next((level for least, level in steps if python >= least), levels.FINE)
