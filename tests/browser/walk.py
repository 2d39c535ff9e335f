"""Walk through lessons in a real JupyterLab as a newcomer would, and count where they stumble.

Run by hand::

    python -m tests.browser.walk 04              all ways
    python -m tests.browser.walk --way stop 00 01
    python -m tests.browser.walk --way restart --every 3 09
    python -m tests.browser.walk --pictures seen --dark --width 1024 04

The ways: each cell ``twice``; ``stop`` each cell that works for a moment, and run it again; ``restart`` the kernel in
each section, and run all from the top; ``reopen`` the browser's tab after each; ``naive`` answers to each exercise.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from modelserving.broker import EmbeddedKafka
from modelserving.workshop.authoring.minutes import reading_minutes
from modelserving.workshop.authoring.source import lesson_sources
from modelserving.workshop.slides.build import find_browser
from tests.browser.conftest import FLAGS
from tests.browser.lab import STOPPED, Cell, Lab, Notebook, running_lab

SLOW = "■ took"
"""How a stumble begins that a busy machine may be the cause of."""
_OTHERWISE = "It came out otherwise here"
_AFTER_S, _STOPS_WITHIN_S, _LONGEST_S, _COUNTED_FROM_S = 0.5, 2.0, 180.0, 2.0
_RESTORED_WITHIN_S = 10.0
NAIVE = {
    "endless": "while True: pass",
    "empty": "pass",
    "wrong type": "return ['naive']",
    "error": "raise RuntimeError('naive')",
}
"""Bodies that somebody may write into an exercise."""
_UNCLOSED = "print("

Walk = Callable[[Lab, Page, str], Iterator[str]]


def twice(lab: Lab, page: Page, lesson: str) -> Iterator[str]:
    """Each code cell, and then once more."""
    notebook = _opened(lab, page, lesson)
    for cell in _code(notebook):
        for turn in ("first", "second"):
            yield from _ran(notebook, cell, f"the {turn} time")


def stop(lab: Lab, page: Page, lesson: str) -> Iterator[str]:
    """■ in each cell that works for more than a moment; then the cell again."""
    notebook = _opened(lab, page, lesson)
    for cell in _code(notebook):
        notebook.start(cell.number)
        if not notebook.wait(_AFTER_S):
            began = time.monotonic()
            notebook.stop()
            stopped = notebook.wait(30)
            took, said = time.monotonic() - began, notebook.error(cell.number)
            sys.stdout.write(f"    ■ {cell}: {took:.1f} s\n")
            if not stopped:
                yield f"{cell}: ■ does not stop it"
            elif took > _STOPS_WITHIN_S:
                yield f"{cell}: {SLOW} {took:.1f} s"
            if said and STOPPED not in _shown(notebook, cell):
                yield f"{cell}: after ■ it shows {said!r}"
        yield from _ran(notebook, cell, "after ■")


def restart(lab: Lab, page: Page, lesson: str, every: int = 1) -> Iterator[str]:
    """The kernel is restarted in each section, or in some; all above is run again, and the section.

    Args:
        lab: where the lesson is.
        page: the browser's tab.
        lesson: its file.
        every: how many sections further the next restart is; the last section always has one.
    """
    notebook = _opened(lab, page, lesson)
    sections = _sections(notebook)
    # Something runs when a kernel is restarted. Restarted while JupyterLab still opens it, its page often waits for a
    # message that it has dropped, and hears no other one.
    for cell in _code(notebook):
        yield from _ran(notebook, cell, "first")
        if "setup" in cell.tags:
            break
    for section in sections[::-1][::every][::-1]:
        notebook.restart()
        for cell in _code(notebook):
            if cell.number <= section[-1].number:
                yield from _ran(notebook, cell, f"after a restart before {section[0]}")


def reopen(lab: Lab, page: Page, lesson: str) -> Iterator[str]:
    """The browser's tab is closed and opened after each section: what was there is there, and the lesson goes on."""
    notebook = _opened(lab, page, lesson)
    for section in _sections(notebook):
        for cell in section:
            if cell.kind == "code":
                yield from _ran(notebook, cell, "with the tab closed in between")
        showed = any(notebook.outputs(cell.number) for cell in section if cell.kind == "code")
        page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        page.goto("about:blank")
        lab.open(page, lesson)
        if broken := _broken_widgets(page):
            yield f"after {section[-1]}: {broken} widgets are broken when the tab is opened again"
        if showed and not any(notebook.outputs(cell.number) for cell in section if cell.kind == "code"):
            yield f"after {section[-1]}: its outputs are gone"


def naive(lab: Lab, page: Page, lesson: str) -> Iterator[str]:
    """Each exercise: as it is, empty, endless, with a wrong type, an error, a bracket that is never closed."""
    notebook = _opened(lab, page, lesson)
    for cell in _code(notebook):
        yield from _ran(notebook, cell, "first")
        if "exercise" not in cell.tags:
            continue
        check = next(one for one in notebook.cells()[cell.number :] if "check" in one.tags)
        for name, code in naive_answers(cell.source):
            notebook.write(cell.number, code)
            began = time.monotonic()
            notebook.run(cell.number)
            said = notebook.run(check.number, _LONGEST_S)
            took, error = time.monotonic() - began, notebook.error(check.number)
            sys.stdout.write(f"    {cell} {name}: {took:.1f} s: {said[:240]!r}\n")
            if error or "Cannot check" in said or (code.endswith(_UNCLOSED) and "SyntaxError" not in said):
                yield f"{cell}, {name}: {said[:300]}"
            if took > 45:
                yield f"{cell}, {name}: judged after {took:.0f} s"
        notebook.write(cell.number, cell.source)
        notebook.run(cell.number)


def naive_answers(stub: str) -> Iterator[tuple[str, str]]:
    """The stub with each of the naive bodies in all its functions, the usual loop where it has a consumer, unclosed."""
    bodies = dict(NAIVE)
    if "consumer" in stub:
        bodies["for ever"] = "for record in consumer: pass"
    for name, body in bodies.items():
        tree = ast.parse(stub)
        functions = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
        for function in functions:
            function.body = ast.parse(f"def _():\n    {body}").body[0].body  # type: ignore[attr-defined]
        if functions:
            yield name, ast.unparse(tree)
    yield "unclosed", f"{stub}\n{_UNCLOSED}"


WAYS: dict[str, Walk] = {"twice": twice, "stop": stop, "restart": restart, "reopen": reopen, "naive": naive}
"""How a lesson is walked through."""


def walk(lab: Lab, page: Page, lesson: str, way: str) -> list[str]:
    """Walk through a lesson in one way.

    Returns:
        The stumbles, a sentence each.
    """
    stumbles = []
    try:
        for stumble in WAYS[way](lab, page, lesson):
            sys.stdout.write(f"  ! {stumble}\n")
            sys.stdout.flush()
            stumbles.append(stumble)
    except TimeoutError as error:
        stumbles.append(str(error))
        sys.stdout.write(f"  ! {error}\n")
    finally:
        lab.end_kernel(lesson)
    return stumbles


def look(lab: Lab, page: Page, lesson: str, folder: Path, *, dark: bool) -> None:
    """Run a lesson once, and keep what each section looks like as pictures."""
    notebook = _opened(lab, page, lesson)
    if dark:
        page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for cell in _code(notebook):
        started = time.monotonic()
        for stumble in _ran(notebook, cell, "looked at"):
            sys.stdout.write(f"  ! {stumble}\n")
        took, counted = time.monotonic() - started, re.search("Waited|Worked", notebook.text(cell.number))
        if took > _COUNTED_FROM_S:
            sys.stdout.write(f"    {cell}: {took:.1f} s{'' if counted else ', and nothing counts them'}\n")
        if notebook.outputs(cell.number):
            page.wait_for_timeout(300)
            page.screenshot(path=folder / f"{lesson[:2]}-{cell.number:03}.png")
    ran = (time.monotonic() - began) / 60
    to_read = next(reading_minutes(one) for one in lesson_sources() if one.notebook == lesson)
    sys.stdout.write(f"{lesson}: reading {to_read:.0f} minutes, running {ran:.0f}\n")
    lab.end_kernel(lesson)


def main() -> int:
    """Walk as the command line says; the result is the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="+", help="numbers")
    parser.add_argument("--way", choices=WAYS, action="append", help="may be given several times; all by default")
    parser.add_argument("--pictures", type=Path, help="instead, run each lesson once, and write pictures into a folder")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--every", type=int, default=1, help="sections between two restarts; one by default")
    asked = parser.parse_args()
    WAYS["restart"] = partial(restart, every=asked.every)
    count = 0
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as home:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        with EmbeddedKafka(home=Path(home) / "broker", port=0) as kafka:
            (Path(home) / "lab-home").mkdir()
            with running_lab(kafka.bootstrap_servers, Path(home) / "lab-home") as lab:
                for number in asked.lessons:
                    count += _walk_one(lab, browser, asked, next(lab.work.glob(f"{number}_*.ipynb")).name)
    sys.stdout.write(f"{count} stumbles\n")
    return min(count, 1)


def _walk_one(lab: Lab, browser: Browser, asked: argparse.Namespace, lesson: str) -> int:
    count = 0
    for way in ("pictures",) if asked.pictures else asked.way or WAYS:
        sys.stdout.write(f"{lesson}, {way}\n")
        began = time.monotonic()
        # Without a colour scheme of Playwright's, a frame in the page has that of the page, as it has for people.
        size = {"width": asked.width, "height": 900}
        with browser.new_page(viewport=size, color_scheme="null") as page:  # type: ignore[arg-type]
            page.set_default_timeout(180_000)
            if asked.pictures:
                look(lab, page, lesson, asked.pictures, dark=asked.dark)
            else:
                count += len(walk(lab, page, lesson, way))
        sys.stdout.write(f"{lesson}, {way}: {time.monotonic() - began:.0f} s\n")
        sys.stdout.flush()
    return count


def _opened(lab: Lab, page: Page, lesson: str) -> Notebook:
    lab.open(page, lesson)
    return Notebook(page)


def _code(notebook: Notebook) -> list[Cell]:
    return [cell for cell in notebook.cells() if cell.kind == "code" and "cleanup" not in cell.tags]


def _sections(notebook: Notebook) -> list[list[Cell]]:
    """Cells from each heading to the next; what stands before the first one is a section, too."""
    sections: list[list[Cell]] = [[]]
    for cell in notebook.cells():
        if cell.heading:
            sections.append([])
        if "cleanup" not in cell.tags:
            sections[-1].append(cell)
    return [section for section in sections if any(cell.kind == "code" for cell in section)]


def _broken_widgets(page: Page) -> int:
    """How many stay broken: on a busy machine, some say so until the kernel has told all of them what they are."""
    found = page.get_by_text(re.compile("Error displaying widget|Error creating widget|model not found"))
    page.wait_for_timeout(1000)
    with suppress(AssertionError):
        expect(found).to_have_count(0, timeout=1000 * _RESTORED_WITHIN_S)
    return found.count()


def _ran(notebook: Notebook, cell: Cell, when: str) -> Iterator[str]:
    """Run a cell, and tell what is wrong with that."""
    began = time.monotonic()
    try:
        notebook.run(cell.number, _LONGEST_S)
    except TimeoutError as error:
        notebook.stop()
        notebook.wait(30)
        yield f"{cell}, {when}: {error}"
        return
    shown = notebook.error(cell.number) or notebook.text(cell.number)
    if notebook.error(cell.number) or _OTHERWISE in shown:
        yield f"{cell}, {when}, after {time.monotonic() - began:.1f} s: {shown[:400]}"


def _shown(notebook: Notebook, cell: Cell) -> str:
    """All that an error shows, its traceback too."""
    return "".join("".join(one.get("traceback", [])) for one in notebook.outputs(cell.number))


if __name__ == "__main__":
    raise SystemExit(main())
