"""The words of the lessons, and the links to them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelserving.config import checkout
from modelserving.errors import ConfigError
from modelserving.workshop.lab.glossary import Linker, glossary_page, read_glossary

_ROOT = checkout()
if _ROOT is None:
    pytest.skip("the lessons are in the source checkout", allow_module_level=True)


def _linked(markdown: str) -> list[str]:
    return re.findall(r"\[([^\]]+)\]\(glossary\.md#", Linker().link(markdown))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Topics hold records; a topic is a log of records.", ["Topics", "records"]),
        ("## A topic\n\n`topic` ![topic](topic.svg) [topic](x) <topic> wine-topic topic-1", []),
        ("A **consumer group** shares; one consumer does not.", ["consumer group", "consumer"]),
        ("The key, for each member of the group that commits.", ["key", "group", "commits"]),
        ("a table below, and a **table** of Kafka's", ["table"]),
    ],
)
def test_the_first_use_in_prose_is_linked(text: str, words: list[str]) -> None:
    """Headings, code, links and longer names stay as they are; an everyday word is meant in bold only."""
    assert _linked(text) == words


def test_a_word_is_linked_once_in_a_lesson() -> None:
    """The next cell has it plain."""
    linker = Linker("../")
    assert linker.link("a topic") == 'a [topic](../glossary.md#topic "topic: a named log of records")'
    assert linker.link("a topic") == "a topic"


def test_every_word_is_used_in_a_lesson_and_stands_on_the_page() -> None:
    """A word that no lesson links is a dead one, and a link without its heading leads nowhere."""
    assert _ROOT is not None
    texts = [path.read_text(encoding="utf-8") for path in (_ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")]
    linked = {anchor for text in texts for anchor in re.findall(r"\(glossary\.md#([^ ]+) ", text)}
    assert {term.anchor for term in read_glossary()} == linked
    page = glossary_page()
    assert [term.name for term in read_glossary() if f"\n## {term.name}\n" not in page] == []


def test_a_file_that_is_no_glossary_is_named(tmp_path: Path) -> None:
    """A slip of the pen is found at once."""
    path = tmp_path / "glossary.toml"
    path.write_text("[topic]\n")
    with pytest.raises(ConfigError, match=r"glossary.toml: KeyError\('means'\)"):
        read_glossary(path)
