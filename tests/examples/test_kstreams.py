"""The examples of Kafka Streams in Python: each does what it says, and the page shows it as it is."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from modelserving.config import checkout

ROOT = checkout() or Path.cwd()
EXAMPLES = sorted((ROOT / "examples" / "kstreams").glob("*.py"))
PAGE = (ROOT / "docs" / "kafka-streams.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_does_what_it_says(example: Path) -> None:
    """Its result is the one that stands below it."""
    namespace = runpy.run_path(str(example))
    assert namespace["run"]() == namespace["EXPECTED"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_page_shows_an_example_as_it_is(example: Path) -> None:
    """Code on the page is the code that was tested."""
    assert f"```python\n{example.read_text(encoding='utf-8')}```" in PAGE


def test_there_are_fifteen_and_more() -> None:
    """None was lost."""
    assert len(EXAMPLES) >= 15
