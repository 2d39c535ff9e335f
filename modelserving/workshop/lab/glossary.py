"""The words of the lessons (``glossary.toml``): listed on the home page, linked where a lesson uses them first."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from modelserving.errors import ConfigError

GLOSSARY = "glossary.md"
"""Name of the page, beside the notebooks."""
_FILE = Path(__file__).with_suffix(".toml")
_NO_PROSE = re.compile(
    r"```.*?```|`[^`\n]+`|!?\[[^\]]*\]\([^)]*\)|<[^>\n]+>|^#[^\n]*$|https?://\S+", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Term:
    """A word.

    Args:
        name: as it stands in the list.
        means: what it means here.
        forms: other ways to write it.
        bold: whether it is this word only where it stands in bold.
    """

    name: str
    means: str
    forms: tuple[str, ...] = ()
    bold: bool = False

    @property
    def anchor(self) -> str:
        """Where it stands on the page."""
        return self.name.replace(" ", "-")

    def first_use(self, text: str) -> re.Match[str] | None:
        """Where the word stands in a piece of prose, if it does."""
        return _pattern(self).search(text)


class Linker:
    """Links words of one lesson, each where it is used first.

    Args:
        folder: of the page, from the notebook; empty or with a slash at its end.
    """

    def __init__(self, folder: str = "") -> None:
        self._folder = folder
        self._open = list(read_glossary())

    def link(self, markdown: str) -> str:
        """The text of a cell, with links that say on hovering what the word means."""
        for term in list(self._open):
            for start, end in _prose(markdown):
                if found := term.first_use(markdown[start:end]):
                    word = found["word"]
                    linked = f'[{word}]({self._folder}{GLOSSARY}#{term.anchor} "{term.name}: {_plain(term)}")'
                    at = start + found.start("word")
                    markdown = markdown[:at] + linked + markdown[at + len(word) :]
                    self._open.remove(term)
                    break
        return markdown


def read_glossary(path: Path = _FILE) -> tuple[Term, ...]:
    """All words, those of most letters first, so that a consumer group is not taken for a consumer.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        stored = tomllib.loads(path.read_text(encoding="utf-8"))
        terms = [
            Term(name, row["means"], tuple(row.get("forms", ())), row.get("bold", False))
            for name, row in stored.items()
        ]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: {error!r}") from error
    return tuple(sorted(terms, key=lambda term: -len(term.name)))


def glossary_table() -> str:
    """The words in a table, in Markdown."""
    rows = [f"| {term.name} | {term.means} |" for term in _listed()]
    return "\n".join(["| word | what it means here |", "|---|---|", *rows])


def glossary_page() -> str:
    """The words as a page of their own, a heading each, so that a link finds them."""
    entries = (f"## {term.name}\n\n{term.means[0].upper()}{term.means[1:]}.\n" for term in _listed())
    return "\n".join(["# Glossary\n", *entries])


def _listed() -> list[Term]:
    return sorted(read_glossary(), key=lambda term: term.name)


def _plain(term: Term) -> str:
    """What it means, without what would end a link's title or is no text in it."""
    return term.means.replace("`", "").replace('"', "'")


def _prose(markdown: str) -> Iterator[tuple[int, int]]:
    """Begin and end of each stretch that is no heading, code, link or picture."""
    at = 0
    for found in _NO_PROSE.finditer(markdown):
        yield at, found.start()
        at = found.end()
    yield at, len(markdown)


@cache
def _pattern(term: Term) -> re.Pattern[str]:
    words = "|".join(map(re.escape, sorted((term.name, *term.forms), key=len, reverse=True)))
    frame = r"\*\*(?P<word>{})\*\*" if term.bold else r"(?<![\w/.-])(?P<word>{})(?![\w/-]|\.\w)"
    return re.compile(frame.format(words), re.IGNORECASE)
