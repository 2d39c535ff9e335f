"""TensorFlow itself: imported late, kept quiet, one processor, no graphics card."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from modelserving.errors import SetupError

_NOISE = re.compile(r"[IW]\d{4} \d\d:\d\d:|WARNING: All log messages before absl|To enable the following instructions")
_import_lock = threading.Lock()


def load_tensorflow() -> Any:
    """The module ``tensorflow``; the first call takes some seconds, and 600 MB.

    Raises:
        SetupError: it is not installed, or does not load on this machine.
    """
    with _import_lock:
        return _load()


def make_session(graph: Any) -> Any:
    """A session for ``graph``.

    Models here are small: a batch takes less time than its way to another thread, so it runs on the caller's, and
    several callers share the processors as they like.
    """
    tf = load_tensorflow()
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1, device_count={"GPU": 0}
    )
    return tf.compat.v1.Session(graph=graph, config=config)


def say(error: BaseException) -> str:
    """The first line of what a TensorFlow error says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


@cache
def _load() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _without_noise():
        try:
            import tensorflow as tf
        except ImportError as error:
            raise SetupError(f"TensorFlow does not load: {error}. Run `make setup` again.") from error
        tf.get_logger().setLevel("ERROR")
        # The first session has more to say, so it is had here.
        with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
            session.run(tf.constant(0.0))
    return tf


@contextmanager
def _without_noise() -> Iterator[None]:
    """Keep TensorFlow's start-up notices from the screen; no setting does. Anything else comes out afterwards."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        screen = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            with suppress(OSError):
                sys.stderr.flush()
            os.dup2(screen, 2)
            os.close(screen)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines(keepends=True):
                if not _NOISE.match(line):
                    os.write(2, line.encode())
