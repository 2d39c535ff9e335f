"""PMML's answers held against those of JPMML, the reference implementation, element by element."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from modelserving.config import checkout
from modelserving.models.formats.pmml.model import PmmlModel
from tests.models.formats.pmml import attributes, documents, makers

PYTHON = (checkout() or Path.cwd()) / ".venv-jpmml" / "bin" / "python"
DOCUMENTS = {
    **documents.DOCUMENTS,
    **{f"made: {name}": case for name, case in makers.DOCUMENTS.items()},
    **{f"attribute: {name}": case for name, case in attributes.DOCUMENTS.items()},
}
TYPES = {"x1": pa.float64(), "x2": pa.float64(), "c": pa.string()}


@pytest.fixture(scope="module")
def answers() -> dict[str, list[dict[str, Any] | None]]:
    """What JPMML says of each document."""
    if not PYTHON.exists():
        pytest.skip("JPMML is not installed (make setup-jpmml)")
    asked = json.dumps({name: (document.decode(), rows) for name, (document, rows) in DOCUMENTS.items()})
    script = Path(__file__).with_name("jpmml_answers.py")
    ran = subprocess.run([PYTHON, script], input=asked, capture_output=True, text=True, check=True, timeout=200)
    found: dict[str, list[dict[str, Any] | None]] = json.loads(ran.stdout)
    return found


def same(ours: Any, theirs: Any) -> bool:
    if theirs is None:
        return ours is None or ours != ours  # noqa: PLR0124 - what is missing among numbers is no number
    if isinstance(theirs, int | float):
        return math.isclose(float(ours), theirs, rel_tol=1e-9, abs_tol=1e-9)
    return str(ours) == str(theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_answer_is_jpmmls_answer(name: str, answers: dict[str, list[dict[str, Any] | None]]) -> None:
    """The prediction and each named output, or no answer where JPMML has none; and JPMML does answer."""
    document, rows = DOCUMENTS[name]
    model = PmmlModel(document, {"outputs": "*"})
    scores = model.score(
        pa.RecordBatch.from_pydict({key: pa.array([r[key] for r in rows], TYPES[key]) for key in TYPES})
    )
    model.close()
    wrong = []
    for row, theirs in enumerate(answers[name]):
        if row in scores.problems:
            continue
        ours = {key: column[row] for key, column in scores.outputs.items()}
        known = theirs or {}
        if not known or not all(key not in known or same(value, known[key]) for key, value in ours.items()):
            wrong.append((rows[row], ours, theirs))
        answer = scores.values[row] if scores.labels is None else scores.labels[row]
        if "y" in known and not same(answer, known["y"]):
            wrong.append((rows[row], answer, theirs))
    assert wrong == []
    assert len(scores.problems) < len(rows)
