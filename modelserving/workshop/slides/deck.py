"""The page with all slides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from string import Template

from modelserving.workshop.lab.timetable import Timetable
from modelserving.workshop.slides.fitting import fit
from modelserving.workshop.slides.parts import SlideParts
from modelserving.workshop.slides.source import Block, Slide

_HERE = Path(__file__).parent


def page(blocks: Sequence[Block], timetable: Timetable, parts: SlideParts) -> str:
    """Write the page; it looks for ``reveal/`` and ``slides.css`` beside it.

    Args:
        blocks: what is shown, in order.
        timetable: of the day; the presenter's clock counts down from its slides' minutes.
        parts: fills in code and figures.

    Raises:
        ConfigError: something that a slide names is not there.
    """
    day = timetable.day
    sections = "\n".join(
        _section(slide, block, parts, number) for block in blocks for number, slide in enumerate(block.of(day))
    )
    seconds = round(60 * sum(block.minutes(day) for block in blocks))
    template = Template((_HERE / "page.html").read_text(encoding="utf-8"))
    return template.substitute(sections=sections, total=seconds, day=day)


def _section(slide: Slide, block: Block, parts: SlideParts, number: int) -> str:
    slide = replace(slide, body=tuple(map(parts.filled, slide.body)))
    size = fit(slide)
    kind = "opening" if slide.opening else "columns" if len(slide.body) > 1 else "plain"
    if slide.title.startswith("Lesson"):
        kind = "lesson"
    if slide.title == "Thank you":
        kind = "opening closing"
    level = "h1" if slide.opening else "h2"
    body = "".join(f'<div class="column">{parts.html(text)}</div>' for text in slide.body)
    dark = ' data-state="dark"' if kind.startswith("opening") else ""
    foot = "" if dark else f'<p class="foot">{escape(block.title)}</p>'
    notes = parts.html(slide.notes) if slide.notes else ""
    return (
        f'<section class="{kind}" id="{block.name}-{number}" data-timing="{slide.minutes * 60:.0f}"{dark}>'
        f'<div class="sheet"><{level}>{escape(slide.title)}</{level}>'
        f'<div class="body" style="font-size:{size.letters}px;--zoom:{size.zoom}">{body}</div>{foot}</div>'
        f'<aside class="notes">{notes}</aside></section>'
    )
