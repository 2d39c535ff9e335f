"""What lessons display: small boxes that read the same in JupyterLab, on paper, and as plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache

_FRAME = (
    "border-left:5px solid {colour};background:var(--jp-layout-color2,#f3f5f7);"
    "color:var(--jp-content-font-color1,#111);padding:.5em .9em;margin:.3em 0;max-width:60em;"
    "line-height:var(--jp-content-line-height,1.6)"  # in a widget a line has a button's height
)

_CODE_FRAME = (
    ".modelserving-code { padding: .4em; background: var(--jp-cell-editor-background, #f8f8f8) !important; }",
    ".modelserving-code pre { word-break: normal; overflow-wrap: anywhere; }",
    ".modelserving-code .linenos { color: var(--jp-ui-font-color2, #666); padding-right: 1em; }",
)

_CAPTION = "max-width:60em;font-size:var(--jp-ui-font-size1,13px)"
_LONG_WORD = 30
_NUMBER = re.compile(r"[+−-]?[\d,]+(\.\d+)?")


class Tone(Enum):
    """The colour of a box, from a palette that colour-blind people can tell apart; the title says it in words too."""

    TELL = "#0072B2"
    GOOD = "#009E73"
    WARN = "#D55E00"
    QUIET = "#7A7A7A"


@dataclass(frozen=True, slots=True)
class Box:
    """A titled paragraph or several.

    Args:
        title: a few words.
        text: plain text; `` `code` `` and ``**strong**`` as in Markdown, an empty line between paragraphs.
        tone: its colour.
    """

    title: str
    text: str
    tone: Tone = Tone.TELL

    def _repr_html_(self) -> str:
        paragraphs = "".join(f"<div>{_inline(part)}</div>" for part in self.text.split("\n\n"))
        style = _FRAME.format(colour=self.tone.value)
        return f'<div style="{style}"><strong>{_inline(self.title)}</strong>{paragraphs}</div>'

    def __repr__(self) -> str:
        return f"{self.title}\n{self.text}"


@dataclass(frozen=True, slots=True)
class Folded:
    """Code that is shown when its title is clicked.

    Args:
        title: what is inside.
        code: Python.
    """

    title: str
    code: str

    def _repr_html_(self) -> str:
        style = _FRAME.format(colour=Tone.QUIET.value)
        return (
            f'<details style="{style}"><summary style="cursor:pointer"><strong>{_inline(self.title)}</strong></summary>'
            f"{highlight(self.code)}</details>"
        )

    def __repr__(self) -> str:
        return f"{self.title}\n{self.code}"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and columns.

    Args:
        caption: one sentence that says what is in it, read aloud by a screen reader first.
        columns: their names.
        rows: as many values as columns.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def _repr_html_(self) -> str:
        sides = [_side([row[n] for row in self.rows]) for n in range(len(self.columns))]
        head = "".join(
            f'<th scope="col" style="text-align:{side}">{html.escape(name)}</th>'
            for name, side in zip(self.columns, sides, strict=True)
        )
        body = "".join(f"<tr>{''.join(map(_cell, row, sides))}</tr>" for row in self.rows)
        said = html.escape(self.caption)
        # A table's own caption is as wide as the table, which may be narrow, or as itself, which may be too wide.
        return (
            f'<figure style="margin:.3em 0"><figcaption style="{_CAPTION}">{said}</figcaption>'
            f'<table aria-label="{said}" style="margin-left:0"><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
            "</table></figure>"
        )

    def __repr__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        text = [
            "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip() for line in lines
        ]
        return "\n".join([self.caption, *text])


def happened(text: str) -> Box:
    """A box "What just happened".

    Args:
        text: a sentence or two that name what was just seen, with the values that were seen.
    """
    return Box("What just happened", text)


def table(caption: str, rows: Sequence[Sequence[object]], *columns: str) -> Table:
    """A table of any values, each shown as its text.

    Args:
        caption: one sentence that says what is in it.
        rows: as many values as columns.
        columns: their names.
    """
    return Table(caption, columns, tuple(tuple(str(value) for value in row) for row in rows))


def highlight(code: str, language: str = "python", first_line: int | None = None) -> str:
    """Code as HTML with its colours in it.

    Args:
        code: the source text.
        language: a name that Pygments knows.
        first_line: number of its first line, or ``None`` for no line numbers.
    """
    numbers = {} if first_line is None else {"linenos": "inline", "linenostart": first_line}
    return _code_style() + mark_up(code, language, cssclass="modelserving-code", **numbers)


def mark_up(code: str, language: str, **form: object) -> str:
    """Code as HTML whose words have classes; the page says their colours.

    Args:
        code: the source text.
        language: a name that Pygments knows.
        form: as Pygments' ``HtmlFormatter`` takes it.
    """
    import pygments
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    return str(pygments.highlight(code, get_lexer_by_name(language), HtmlFormatter(**form)))


@cache
def _code_style() -> str:
    """Colours of code for JupyterLab's light theme, and for its dark one."""
    dark = '[data-jp-theme-light="false"] .modelserving-code'
    rules = [*_rules("xcode", ".modelserving-code"), *_rules("github-dark", dark), *_CODE_FRAME]
    return f"<style>{chr(10).join(rules)}</style>"


def _rules(style: str, selector: str) -> list[str]:
    """Pygments' rules for what we mark up: those for line numbers and ``pre`` would be for all of the page."""
    from pygments.formatters import HtmlFormatter

    return [line for line in HtmlFormatter(style=style).get_style_defs(selector).splitlines() if selector in line]


def _side(values: Sequence[str]) -> str:
    """Numbers stand at the right, so that their digits are below each other; all else at the left."""
    return "right" if values and all(_NUMBER.fullmatch(value) for value in values) else "left"


def _cell(value: str, side: str) -> str:
    # A name without a space in it, of a Java class for example, would push the columns after it out of sight.
    breaks = ";overflow-wrap:anywhere" if any(len(word) > _LONG_WORD for word in re.split(r"[\s-]", value)) else ""
    return f'<td style="text-align:{side};font-variant-numeric:tabular-nums{breaks}">{html.escape(value)}</td>'


def _inline(text: str) -> str:
    safe = html.escape(text, quote=False)
    safe = re.sub(r"`([^`]+)`", lambda code: f"<code>{code[1].replace('*', '&#42;')}</code>", safe)
    safe = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", safe)
    return re.sub(r"(?<![\w*])\*([^\s*][^*]*)\*(?![\w*])", r"<em>\1</em>", safe)
