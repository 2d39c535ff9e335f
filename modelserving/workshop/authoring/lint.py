"""What every lesson has, in its order. ``python -m modelserving.workshop.authoring.lint`` tells what is missing."""

from __future__ import annotations

import ast
import builtins
import re
import statistics
import sys
from collections.abc import Callable, Iterator

from modelserving.workshop.authoring.minutes import reading_minutes
from modelserving.workshop.authoring.source import Cell, LessonSource, lesson_sources
from modelserving.workshop.display.questions import Question, questions_of
from modelserving.workshop.exercises import find_exercise

_LONGEST, _MEDIAN, _WIDEST = 15, 6, 100
_MORE_THAN_READING_MIN = 15
_BOX = ("**You will**", "**You learn**", "**You need**", "**Time**", "**Plan**")
_RECAP = ("You can now", "**In practice**", "**Source**")
_TAGS = ("parameters", "setup", "cleanup")


def problems(lesson: LessonSource) -> list[str]:
    """What is wrong with a lesson, a sentence each; nothing for a lesson as it should be."""
    return [problem for rule in _RULES for problem in rule(lesson)]


def main() -> int:
    """Say what is wrong with the lessons.

    Returns:
        The exit status: 1 when there is something.
    """
    found = [f"{lesson.path.name}: {problem}" for lesson in lesson_sources() for problem in problems(lesson)]
    sys.stdout.writelines(line + "\n" for line in found)
    return 1 if found else 0


def _head(lesson: LessonSource) -> Iterator[str]:
    first, second = (*lesson.cells, Cell("code", ""), Cell("code", ""))[:2]
    titles = re.findall(r"^# .+$", _markdown(lesson), flags=re.MULTILINE)
    if len(titles) != 1 or not first.text.startswith(f"# {lesson.number} · "):
        yield f"it should begin with its only H1, `# {lesson.number} · ...`; it has {titles}."
    promise = first.text.partition("\n")[2].strip()
    if not promise or len(re.findall(r"[.!?](?:\s|$)", promise)) != 1:
        yield "below the title stands a promise of one sentence."
    yield from (f"the box in the second cell lacks a row {row}." for row in _BOX if row not in second.text)
    minutes = re.search(r"(\d+) minutes", second.text)
    if not minutes or int(minutes[1]) % 5:
        yield "the box names its minutes in steps of 5, `25 minutes`."
    elif not 0 <= int(minutes[1]) - (counted := reading_minutes(lesson)) <= _MORE_THAN_READING_MIN:
        yield (
            f"the box says {minutes[1]} minutes; to read it takes {counted:.0f}, so say between that and "
            f"{_MORE_THAN_READING_MIN} more."
        )


def _order(lesson: LessonSource) -> Iterator[str]:
    kinds = [cell.directive[0] if cell.directive else cell.tags[0] if cell.tags else cell.kind for cell in lesson.cells]
    if kinds[2:5] != ["pipeline", "parameters", "setup"]:
        yield f"cells 3 to 5 are picture, parameters and setup; they are {', '.join(kinds[2:5])}."
    for tag in _TAGS:
        if kinds.count(tag) != 1:
            yield f"it has one cell tagged {tag}; there are {kinds.count(tag)}."
    if kinds[-2:] != ["cleanup", "markdown"] or ".ipynb)" not in lesson.cells[-1].text:
        yield "it ends with the cleanup cell and a link to the next lesson."
    setup = [cell.text for cell in lesson.cells if "setup" in cell.tags]
    if not any(f'start("{lesson.number}", fast=fast)' in text for text in setup):
        yield f'the setup cell calls `start("{lesson.number}", fast=fast)`.'


def _stops(lesson: LessonSource) -> Iterator[str]:
    """With ``modelserving.workshop`` comes that ■ leaves no module half imported."""
    imports = [
        node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
        for cell in lesson.code()
        for node in ast.parse(cell.text).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    first = next((name for name in imports if name.partition(".")[0] not in sys.stdlib_module_names), "")
    if first != "modelserving.workshop":
        yield f"it imports `modelserving.workshop` before any other package; it begins with `{first}`."


def _teaching(lesson: LessonSource) -> Iterator[str]:
    text = _markdown(lesson)
    if not any(cell.directive and cell.directive[0] == "predict" for cell in lesson.cells):
        yield "no `# predict: NAME` stands before a surprise."
    if any(re.search(r"\bhappened\(", cell.text) for cell in lesson.code()):
        yield 'what happened is `lesson.tell("NAME")`; its text stands in display/texts, where nobody looks.'
    if "**Predict" in text:
        yield "a prediction is `# predict: NAME`; its text, and what came of it, stand in display/texts."
    for heading in ("## Exercise", "## Break it", "## Recap"):
        if not re.search(rf"^{heading}", text, flags=re.MULTILINE):
            yield f"there is no section `{heading}`."
    if not any("breaks" in cell.tags for cell in lesson.code()):
        yield "no code cell is tagged breaks."
    recap = text.rpartition("## Recap")[2]
    yield from (f"the recap lacks {part}." for part in _RECAP if part not in recap)


def _length(lesson: LessonSource) -> Iterator[str]:
    lengths = {cell.line: len([line for line in cell.text.splitlines() if line.strip()]) for cell in lesson.code()}
    yield from (
        f"the code cell at line {line} has {length} lines; at most {_LONGEST}."
        for line, length in lengths.items()
        if length > _LONGEST
    )
    yield from (
        f"a line of the code cell at line {cell.line} is wider than {_WIDEST} characters; a notebook cuts it off."
        for cell in lesson.code()
        if any(len(line) > _WIDEST for line in cell.text.splitlines())
    )
    if (median := statistics.median(lengths.values() or [0])) > _MEDIAN:
        yield f"its code cells have a median of {median:g} lines; at most {_MEDIAN}."


def _loops(lesson: LessonSource) -> Iterator[str]:
    for cell in lesson.code():
        tree = ast.parse(cell.text)
        if any(isinstance(node, ast.While) for node in ast.walk(tree)):
            yield f"the code cell at line {cell.line} loops: a cell returns at once, waiting is `lesson.wait_for(...)`."
        if any(isinstance(node, ast.Attribute) and node.attr == "sleep" for node in ast.walk(tree)):
            yield f"the code cell at line {cell.line} sleeps: wait for a condition with `lesson.wait_for(...)`."


def _independence(lesson: LessonSource) -> Iterator[str]:
    """Cells after an exercise do not need what it defines, so a notebook with open exercises runs to its end."""
    defined: set[str] = set()
    known = 0
    for cell in lesson.cells:
        if cell.directive and cell.directive[0] == "exercise":
            known += 1
            exercise = find_exercise(cell.directive[1][0])
            defined |= _names(exercise.stub, ast.Store)
            if exercise.lesson != lesson.number:
                yield f"exercise {exercise.id} belongs to lesson {exercise.lesson}."
        elif cell.kind == "code" and (used := _names(cell.text, ast.Load) & defined):
            yield f"the code cell at line {cell.line} needs {', '.join(sorted(used))}, which an exercise defines."
    if not known:
        yield "it has no exercise."


def _predictions(lesson: LessonSource) -> Iterator[str]:
    """Each question is asked once, and told once after that, when all that its text needs is there."""
    questions = questions_of(lesson.number)
    asked, told = set[str](), set[str]()
    known = set(dir(builtins))
    for cell in lesson.cells:
        if cell.directive and cell.directive[0] == "predict":
            asked.add(cell.directive[1][0])
        elif cell.kind == "code" and not cell.directive:
            known |= _bound(cell.text)
            for name in re.findall(r'lesson\.tell\("([^"]+)"\)', cell.text):
                if name not in asked and not (name in questions and questions[name].is_remark):
                    yield f"`{name}` is told at line {cell.line}, before it is asked."
                told.add(name)
                if name in questions and (unknown := _needed(questions[name]) - known):
                    missing = ", ".join(sorted(unknown))
                    yield f"`{name}` is told at line {cell.line}, and nothing has made {missing} yet."
    to_ask = {name for name, question in questions.items() if not question.is_remark}
    if differ := (asked ^ to_ask) | (told ^ set(questions)):
        yield f"these are not each asked, told and in display/texts: {', '.join(sorted(differ))}."
    for question in questions.values():
        if question.choices and "{" not in question.was and question.was not in question.choices:
            yield f"what it was, {question.was!r}, is none of the choices of `{question.name}`."


def _bound(code: str) -> set[str]:
    """Names that a cell leaves in the notebook."""
    tree = ast.parse(code)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return names


def _needed(question: Question) -> set[str]:
    """Names that a question's text takes from the notebook."""
    return {name for text in question.templates for name in _names(text, ast.Load) - _bound(text)}


def _pictures(lesson: LessonSource) -> Iterator[str]:
    if re.search(r"!\[\s*\]\(|<img(?![^>]*\balt=)", _markdown(lesson)):
        yield "a picture has no alt text."


def _links(lesson: LessonSource) -> Iterator[str]:
    for label, target in re.findall(r"\[`?([\w/]+\.py)`?\]\(([^)]+)\)", _markdown(lesson)):
        if not target.endswith(label):
            yield f"the link called {label} leads to {target}."


def _markdown(lesson: LessonSource) -> str:
    return "\n\n".join(cell.text for cell in lesson.cells if cell.kind == "markdown")


def _names(code: str, context: type[ast.expr_context]) -> set[str]:
    tree = ast.parse(code)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
    if context is ast.Store:
        names = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        names |= {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    return names


_RULES: tuple[Callable[[LessonSource], Iterator[str]], ...] = (
    _head,
    _order,
    _stops,
    _teaching,
    _length,
    _loops,
    _independence,
    _predictions,
    _pictures,
    _links,
)


if __name__ == "__main__":
    raise SystemExit(main())
