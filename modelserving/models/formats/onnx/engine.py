"""onnxruntime itself: imported late, kept quiet, on the caller's thread."""

from __future__ import annotations

import re
import threading
from functools import cache
from typing import Any

from modelserving.errors import ModelFormatError, SetupError

_SOURCE = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : \w+ : |/onnxruntime_src/\S+:\d+ [^()]*\([^()]*\)( const)?( \[with [^\]]*\])? ?"
)
_QUIET = 4
_import_lock = threading.Lock()


def make_session(data: bytes) -> Any:
    """A session that runs on the caller's thread and writes nothing on the screen.

    Raises:
        ModelFormatError: the engine cannot read the model.
    """
    engine = load_engine()
    options = engine.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return engine.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except engine_errors() as error:
        raise ModelFormatError(f"onnxruntime cannot read the model: {say(error)}") from error


def load_engine() -> Any:
    """The module ``onnxruntime``.

    Raises:
        SetupError: it is not installed, or does not load on this machine.
    """
    with _import_lock:
        return _import_engine()


@cache
def _import_engine() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise SetupError(f"onnxruntime does not load: {error}. Run `make setup` again.") from error
    onnxruntime.set_default_logger_severity(_QUIET)
    onnxruntime.disable_telemetry_events()
    return onnxruntime


@cache
def engine_errors() -> tuple[type[Exception], ...]:
    """All errors that onnxruntime raises; they have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*own, RuntimeError, ValueError, TypeError, IndexError, KeyError)


def say(error: BaseException) -> str:
    """The first line of what an error of onnxruntime says, without where in its source it was raised."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return _SOURCE.sub("", lines[0]).strip()[:300] or type(error).__name__ if lines else type(error).__name__
