"""Builds the presentation: a folder that works from disk with no network, and what is handed out on paper."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from modelserving.config import checkout, load_settings
from modelserving.errors import SetupError
from modelserving.system import write_atomically
from modelserving.workshop.lab.home import read_entries
from modelserving.workshop.lab.timetable import Timetable, read_timetable
from modelserving.workshop.slides.deck import page
from modelserving.workshop.slides.filling.figures import BenchmarkResults
from modelserving.workshop.slides.organise import write_timetables
from modelserving.workshop.slides.parts import SlideParts
from modelserving.workshop.slides.reveal import bring_reveal
from modelserving.workshop.slides.source import Block, read_blocks

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PDF_SECONDS = 240


def source_folder() -> Path:
    """``presentation`` of the checkout.

    Raises:
        SetupError: the package was installed without it.
    """
    root = checkout()
    if root is None or not (root / "presentation").is_dir():
        raise SetupError("The slides are in the source checkout (folder `presentation`): run this there.")
    return root / "presentation"


def shown_blocks(blocks: tuple[Block, ...], timetable: Timetable) -> tuple[Block, ...]:
    """The blocks that a day shows, in its order."""
    by_name = {block.name: block for block in blocks}
    return tuple(by_name[name] for name in timetable.of("slides"))


def build(folder: Path, day: str, say: Callable[[str], None]) -> Path:
    """Build the slides of a day.

    Args:
        folder: what is in it is replaced, if slides were built into it before.
        day: ``half`` or ``full``.
        say: told what was built.

    Returns:
        The page to open.

    Raises:
        SetupError: reveal.js cannot be had, or the folder has something else in it.
        ConfigError: a slide names what is not there.
    """
    source = source_folder()
    lessons = read_entries(source.parent / "notebooks")
    timetable = read_timetable(day)
    every = read_blocks(source / "slides")
    if write_timetables(source / "README.md", every, lessons):
        say(f"{source / 'README.md'}: the timetables are new")
    blocks = shown_blocks(every, timetable)
    parts = SlideParts(
        {lesson.number: lesson for lesson in lessons}, BenchmarkResults(source / "results.json"), timetable
    )
    text = page(blocks, timetable, parts)
    index = lay_out(folder, text)
    number = sum(len(block.of(day)) for block in blocks)
    say(f"{number} slides, {timetable.minutes} minutes with lessons: {index}")
    return index


def lay_out(folder: Path, text: str) -> Path:
    """Write a page with slides, and what it needs beside it.

    Args:
        folder: what is in it is replaced, if slides were built into it before.
        text: of the page.

    Returns:
        The page.

    Raises:
        SetupError: reveal.js cannot be had, or the folder has something else in it.
    """
    reveal = bring_reveal(source_folder(), load_settings({}).home / "reveal")
    if folder.exists() and any(folder.iterdir()) and not (folder / "slides.css").is_file():
        raise SetupError(f"{folder} has something else in it; name a folder for the slides with --out.")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "reveal" / "plugin").mkdir(parents=True)
    for name in ("reset.css", "reveal.css", "reveal.js", "plugin/notes.js"):
        shutil.copyfile(reveal / name, folder / "reveal" / name)
    shutil.copyfile(Path(__file__).with_name("slides.css"), folder / "slides.css")
    write_atomically(folder / "index.html", text)
    return folder / "index.html"


def find_browser() -> str | None:
    """A Chromium on this machine."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


def print_pdfs(index: Path, browser: str, say: Callable[[str], None]) -> tuple[Path, Path]:
    """Print the slides, and the slides with the presenter's notes, as PDF beside the page.

    Raises:
        SetupError: the browser does not do it; says what it said.
    """
    slides = _print(index, browser, "print-pdf", index.with_name("slides.pdf"))
    notes = _print(index, browser, "print-pdf&with-notes", index.with_name("slides-with-notes.pdf"))
    say(f"on paper: {slides}, {notes}")
    return slides, notes


def _print(index: Path, browser: str, query: str, target: Path) -> Path:
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}",
            *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
            "--no-pdf-header-footer", "--virtual-time-budget=20000",
            f"--print-to-pdf={target}", f"{index.as_uri()}?{query}",
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PDF_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise SetupError(f"{browser} did not print within {_PDF_SECONDS} s.") from error
    if not target.is_file():
        raise SetupError(f"{browser} printed nothing: {done.stderr.strip()[-300:]}")
    return target
