"""The page that the lab opens."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

from modelserving.config import Settings, checkout
from modelserving.workshop.lab.home import home_text, read_entries, write_home
from modelserving.workshop.lab.keeper import keep_home
from modelserving.workshop.lesson.exercise import Outcome, Verdict
from modelserving.workshop.lesson.progress import ExerciseStep, Progress
from modelserving.workshop.processes.background import BackgroundTask
from tests.waiting import wait_until

ROOT = checkout() or Path.cwd()
LESSONS = read_entries(ROOT / "notebooks")


def test_every_lesson_is_listed_with_its_minutes() -> None:
    """Title and minutes are those that the lesson itself says."""
    page = home_text(LESSONS, {})
    for lesson in LESSONS:
        assert lesson.minutes > 0
        assert f"| ○ | {lesson.link} | {lesson.minutes} |" in page
    assert "**Begin here: [00" in page


def test_it_says_where_to_go_on() -> None:
    """After the last exercise that was begun comes the first open one."""
    page = home_text(
        LESSONS, {"kafka-keys": ExerciseStep(outcome="passed"), "kafka-commit": ExerciseStep(outcome="failed")}
    )
    assert re.search(r"Go on where you were: \[01 [^*]+\*\*, exercise `kafka-commit`", page)
    assert re.search(r"\| ◐ \| \[01 .* 1 of 2 solved", page)


def test_a_glossary_of_thirty_words_in_order() -> None:
    """A reader finds a word by its place."""
    words = re.findall(r"^\| ([^|]+) \|", home_text(LESSONS, {}).partition("## Glossary")[2].partition("##")[0], re.M)[
        2:
    ]
    assert len(words) >= 30
    assert words == sorted(words, key=str.lower)


def test_every_link_leads_somewhere(tmp_path: Path) -> None:
    """Seen from the attendee's folder beside the notebooks."""
    links = re.findall(r"\]\(([^)]+)\)", home_text(LESSONS, {}))
    assert [link for link in links if not (ROOT / "notebooks" / link).exists()] == []


def test_the_page_follows_the_progress(tmp_path: Path) -> None:
    """A check that has passed is on the page a moment later, without a new start of the lab."""
    settings = Settings(home=tmp_path / "home")
    (tmp_path / "00_first.ipynb").write_text("no notebook")
    progress = Progress.of(settings)
    page = write_home(tmp_path, progress)
    with BackgroundTask(keep_home(tmp_path, settings, 0.01), "the page"):
        progress.note(Verdict("hello-broker", Outcome.PASSED, "well"))
        wait_until(lambda: "✓ | [00_first]" in page.read_text(encoding="utf-8"), "the page to be new")


def test_a_notebook_that_was_renamed_is_listed_and_its_link_leads_there(tmp_path: Path) -> None:
    """People name their copies as they like; a space would end the link, and a bracket too."""
    (tmp_path / "01_my (second) Käse.ipynb").write_text("no notebook")
    links = re.findall(r"\]\(([^)]*)\)", home_text(read_entries(tmp_path), {}))
    assert "01_my (second) Käse.ipynb" in [unquote(link) for link in links]
    assert not [link for link in links if " " in link]


def test_a_copy_of_a_notebook_is_listed_by_its_name_and_counted_once(tmp_path: Path) -> None:
    """JupyterLab's Duplicate: two rows of one title could not be told apart, and the way goes on in the first one."""
    for name in ("01_kafka-Copy1.ipynb", "01_kafka.ipynb", "01_kafka_mine.ipynb"):
        cell = {"cell_type": "markdown", "source": ["# 01 · Kafka\n", "60 minutes"]}
        (tmp_path / name).write_text(json.dumps({"cells": [cell]}))
    page = home_text(read_entries(tmp_path), {"kafka-keys": ExerciseStep()})
    assert page.count("[01_kafka-Copy1](01_kafka-Copy1.ipynb)") == 1
    assert "Go on where you were: [01_kafka](01_kafka.ipynb)" in page
    assert "| evenings of your own | [01](01_kafka.ipynb) | 60 |" in page
