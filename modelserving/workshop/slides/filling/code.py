"""Code on a slide: cut out by name of the package, an example or a lesson, so that it cannot differ from what runs."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from textwrap import dedent

from modelserving.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parents[3]
_LONGEST = 24
_ALERTS = _PACKAGE / "monitoring" / "metrics" / "files" / "alerts.yml"
_AWAITED = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # as in a cell


def code_of(name: str) -> str:
    """The source of a function, a class or a method, without docstrings and without comments of its own block.

    Args:
        name: for example ``modelserving.stage.custom_stage:ModelServingStage.run``,
            or ``notebooks.src.06_actors:Cellar``.

    Raises:
        ConfigError: there is no such module or no such thing in it, or it is too long for a slide; says which.
    """
    module, _, thing = name.partition(":")
    path = _PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
    if not path.is_file():
        raise ConfigError(f"A slide shows code of {module}, which is not there any more.")
    source = path.read_text(encoding="utf-8")
    node: ast.AST = compile(source, str(path), "exec", _AWAITED)
    for part in thing.split("."):
        found = [child for child in ast.iter_child_nodes(node) if getattr(child, "name", None) == part]
        if not found:
            raise ConfigError(f"A slide shows {thing} of {module}, which is not there any more.")
        node = found[-1]
    lines = _without_docstrings(source.splitlines(), node)
    if len(lines) > _LONGEST:
        raise ConfigError(f"{name} has {len(lines)} lines without docstrings; a slide takes {_LONGEST}.")
    return re.sub(r":\n +\.\.\.$", ": ...", dedent("\n".join(lines)), flags=re.MULTILINE)


def alert_of(name: str) -> str:
    """A rule of ``alerts.yml``, as it stands there.

    Raises:
        ConfigError: there is no such alert; says which.
    """
    rules = re.split(r"^(?= *- alert: )", _ALERTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = next((rule for rule in rules if rule.strip().partition("\n")[0] == f"- alert: {name}"), None)
    if found is None:
        raise ConfigError(f"A slide shows the alert {name}, which {_ALERTS.name} does not have any more.")
    return dedent(found).strip()


def _without_docstrings(lines: list[str], node: ast.AST) -> list[str]:
    documented = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    assert isinstance(node, documented)  # nothing else has a name
    gone: set[int] = set()
    for inner in ast.walk(node):
        if isinstance(inner, documented) and ast.get_docstring(inner) is not None and len(inner.body) > 1:
            last = inner.body[0].end_lineno or inner.body[0].lineno
            gone |= set(range(inner.body[0].lineno, last + 1))
            if not lines[last].strip():
                gone.add(last + 1)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return [lines[number - 1] for number in range(first, (node.end_lineno or first) + 1) if number not in gone]
