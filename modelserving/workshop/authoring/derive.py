"""From a lesson's text to its notebooks: one to work in, one with the solutions. Same text, same bytes.

``python -m modelserving.workshop.authoring.derive`` writes them; with ``--check`` it writes nothing and fails on a
difference.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from modelserving.workshop.authoring.source import Cell, LessonSource, lesson_sources
from modelserving.workshop.display.diagrams import Diagram, pipeline
from modelserving.workshop.display.pictures.shared import diagram
from modelserving.workshop.display.questions import find_question
from modelserving.workshop.exercises import find_exercise
from modelserving.workshop.lab.glossary import GLOSSARY, Linker, glossary_page
from modelserving.workshop.lesson.exercise import Exercise

_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_IMAGES = "images"
_HEAD = 2
"""Cells before the text begins: title and box."""
_DRAWN: dict[str, Callable[..., Diagram]] = {"pipeline": pipeline, "diagram": diagram}


def notebook_text(lesson: LessonSource, *, solutions: bool = False) -> str:
    """The notebook of a lesson, as the text of its file.

    Args:
        lesson: the source.
        solutions: with reference answers in place of the stubs.
    """
    cells = _with_ids(_linked(_expand(lesson, solutions=solutions), Linker("../" * solutions)))
    notebook = {"cells": cells, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def derive(lessons: Iterable[LessonSource]) -> tuple[Path, ...]:
    """Write the notebooks that are out of date.

    Returns:
        The files that were written.
    """
    written = []
    for path, text in _files(lessons):
        if not _same(path, text):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            written.append(path)
    return tuple(written)


def outdated(lessons: Iterable[LessonSource]) -> tuple[Path, ...]:
    """Notebooks that differ from their text, are missing, or have no text any more."""
    expected = dict(_files(lessons))
    folders = {path.parent for path in expected if path.parent.is_dir()}
    strays = {path for folder in folders for path in folder.iterdir() if _is_derived(path)} - set(expected)
    return tuple(sorted({path for path, text in expected.items() if not _same(path, text)} | strays))


def main(arguments: list[str] | None = None) -> int:
    """Write the notebooks, or check them.

    Returns:
        The exit status: 1 when ``--check`` finds a difference.
    """
    parser = argparse.ArgumentParser(description="Derive the notebooks from their texts in notebooks/src.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a notebook differs from its text")
    lessons = lesson_sources()
    if not parser.parse_args(arguments).check:
        _say(f"wrote {path.parent.name}/{path.name}" for path in derive(lessons))
        return 0
    different = outdated(lessons)
    _say(f"{path} differs from its text in notebooks/src. Run `make notebooks`." for path in different)
    return 1 if different else 0


def _files(lessons: Iterable[LessonSource]) -> Iterator[tuple[Path, str]]:
    for lesson in lessons:
        folder = lesson.path.parent.parent
        yield folder / GLOSSARY, glossary_page()
        yield folder / lesson.notebook, notebook_text(lesson)
        yield folder / "solutions" / lesson.notebook, notebook_text(lesson, solutions=True)
        yield from ((folder / _IMAGES / name, picture.svg + "\n") for name, picture in _pictures(lesson))


def _linked(cells: Iterable[dict[str, Any]], linker: Linker) -> Iterator[dict[str, Any]]:
    """The cells with each word of the glossary linked where it is used first; title and box stay plain."""
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "markdown" and number >= _HEAD:
            yield {**cell, "source": linker.link("".join(cell["source"])).splitlines(keepends=True)}
        else:
            yield cell


def _is_derived(path: Path) -> bool:
    return path.name == GLOSSARY or path.match("[0-9][0-9]_*.ipynb") or path.match(f"{_IMAGES}/*.svg")


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _expand(lesson: LessonSource, *, solutions: bool) -> Iterator[dict[str, Any]]:
    for before, cell in pairwise((Cell("markdown", ""), *lesson.cells)):
        kind, words = cell.directive or ("", ())
        if kind == "exercise":
            for part in _exercise_cells(find_exercise(words[0]), before.text, solutions=solutions):
                yield _json(part)
        elif kind == "predict":
            yield from map(_json, _prediction_cells(lesson.number, words[0]))
        elif kind in _DRAWN:
            name, picture = _picture(kind, words)
            yield _json(Cell("markdown", f"![{picture.alt}]({'../' * solutions}{_IMAGES}/{name})"))
        else:
            yield _json(_one_folder_deeper(cell) if solutions else cell)


def _exercise_cells(exercise: Exercise, before: str, *, solutions: bool) -> Iterator[Cell]:
    """Goal, code and check; its title stands above them, unless the heading right before has said it."""
    said = exercise.title.casefold() in before.rpartition("## ")[2].partition("\n")[0].casefold()
    title = "" if said else f"### {exercise.title}\n\n"
    yield Cell("markdown", title + exercise.goal.strip())
    code, tags = (exercise.reference, ("exercise", "solution")) if solutions else (exercise.stub, ("exercise",))
    yield Cell("code", code.strip("\n"), tags)
    stuck = f'# Stuck? lesson.hint("{exercise.id}"), and then lesson.solution("{exercise.id}")'
    yield Cell("code", f'lesson.check("{exercise.id}", {exercise.answer})\n{stuck}', ("check",))


def _prediction_cells(lesson: str, name: str) -> Iterator[Cell]:
    asked = " ".join(find_question(lesson, name).ask.split())
    yield Cell("markdown", f"> **Predict, then run.** {asked}")
    yield Cell("code", f'lesson.predict("{name}")', ("predict",))


def _one_folder_deeper(cell: Cell) -> Cell:
    """The same cell with its links out of the folder leading one level further up."""
    return replace(cell, text=cell.text.replace("](../", "](../../")) if cell.kind == "markdown" else cell


def _pictures(lesson: LessonSource) -> Iterator[tuple[str, Diagram]]:
    directives = (cell.directive for cell in lesson.cells)
    return (_picture(*directive) for directive in directives if directive and directive[0] in _DRAWN)


def _picture(kind: str, words: tuple[str, ...]) -> tuple[str, Diagram]:
    """A picture and the name of its file; its colours can be read on a white page and on a black one."""
    return f"{'-'.join((kind, *words))}.svg", _DRAWN[kind](*words)


def _json(cell: Cell) -> dict[str, Any]:
    # JupyterLab shows the first line of a folded cell: parameters are for tests, and a comment says so.
    folded = {"jupyter": {"source_hidden": True}} if "parameters" in cell.tags else {}
    shared = {
        "cell_type": cell.kind,
        "metadata": {**folded, "tags": list(cell.tags)} if cell.tags else {},
        "source": cell.text.splitlines(keepends=True),
    }
    return shared if cell.kind == "markdown" else {**shared, "execution_count": None, "outputs": []}


def _with_ids(cells: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Name each cell by what is in it, so that a new cell leaves the names of the others alone."""
    named: dict[str, dict[str, Any]] = {}
    for cell in cells:
        text = cell["cell_type"] + "".join(cell["source"])
        turn = 0
        while (name := hashlib.sha256(f"{turn} {text}".encode()).hexdigest()[:12]) in named:
            turn += 1
        named[name] = {**cell, "id": name}
    return list(named.values())


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
