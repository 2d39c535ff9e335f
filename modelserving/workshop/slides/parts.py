"""What a slide's Markdown becomes: HTML, with code, figures, diagrams and lessons filled in by name.

On lines of their own::

    {code modelserving.stage.custom_stage:ModelServingStage.run}
    {bars records per second | stage.figures.stage_records_per_s = kafka-python | … = librdkafka}
    {alert LagGrows}                   a rule of alerts.yml
    {picture stage}                    the lessons' own picture of the pipeline, with a part lit
    {points watching.answers | x | y | the same in a sentence}
    {timetable}                        of the day that is built
    {live 5500}                        the page of a server on this machine; a sentence where none answers

In a sentence, or in a block of code::

    {result stage.ratios.stage_over_bare_loop .2f}
    {lesson 04}
    {lines modelserving/stage/custom_stage.py}
    {files modelserving/actors}
    {message 1 2 12}                   fields of a wine's message, in hexadecimal
    {state "usage": 12873}             of what /state answers
    {gain watching.gain | new | old}   what a promotion says that asks for proof

A block of code whose language is ``diagram`` is drawn; the words behind it say the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from modelserving.errors import ConfigError
from modelserving.workshop.display.boxes import mark_up
from modelserving.workshop.display.diagrams import pipeline
from modelserving.workshop.display.figures import timeline
from modelserving.workshop.display.pictures.drawing import draw, extent
from modelserving.workshop.lab.home import LessonEntry
from modelserving.workshop.lab.timetable import Timetable
from modelserving.workshop.slides.filling.code import alert_of, code_of
from modelserving.workshop.slides.filling.figures import BenchmarkResults, bars
from modelserving.workshop.slides.filling.samples import files_of, gain_of, lines_of, message_of, state_of
from modelserving.workshop.slides.fitting import code_size

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_FIELD = re.compile(r"\{(result|lesson|lines|files|message|state|gain) ([^{}]+)\}")
_LINE = re.compile(r"^\{(code|alert|bars|picture|points|live|timetable)(?: ([^{}]+))?\}$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SlideParts:
    """Turns Markdown into HTML.

    Args:
        lessons: by number.
        results: of the benchmarks.
        timetable: of the day.
    """

    lessons: Mapping[str, LessonEntry]
    results: BenchmarkResults
    timetable: Timetable

    def filled(self, text: str) -> str:
        """The same Markdown, with what is named in its sentences and blocks of code written out.

        Raises:
            ConfigError: something that it names is not there.
        """
        return _FIELD.sub(lambda found: self._field(found[1], found[2]), text)

    def html(self, text: str) -> str:
        """One column of a slide.

        Raises:
            ConfigError: something that it names is not there.
        """
        kept: list[str] = []

        def keep(html: str) -> str:
            kept.append(html)
            return f"\n\nKEPT{len(kept) - 1}KEPT\n\n"

        text = _LINE.sub(lambda found: keep(self._line(found[1], found[2] or "")), text)
        text = self.filled(text)
        html = str(_markdown().render(text))
        return re.sub(r"<p>KEPT(\d+)KEPT</p>", lambda found: kept[int(found[1])], html)

    def _line(self, kind: str, argument: str) -> str:
        makers: dict[str, Callable[[str], str]] = {
            "code": lambda name: f'{_highlight(code_of(name), "python")}<p class="where">{escape(_where(name))}</p>',
            "alert": lambda name: (
                f'{_highlight(alert_of(name), "yaml")}<p class="where">alerts.yml · {escape(name)}</p>'
            ),
            "picture": lambda parts: f'<div class="picture">{pipeline(*parts.split()).svg}</div>',
            "bars": self._bars,
            "points": self._points,
            "live": _live,
            "timetable": lambda _: self._timetable(),
        }
        return makers[kind](argument.strip())

    def _bars(self, argument: str) -> str:
        unit, *rows = (part.strip() for part in argument.split("|"))
        values = []
        for row in rows:
            name, _, what = row.partition("=")
            values.append((what.strip(), self.results.value(name.strip())))
        alt = "; ".join(f"{what}: {value:,.3g} {unit}" for what, value in values)
        return f'<div class="picture">{bars(values, alt)}</div><p class="where">{escape(unit)}</p>'

    def _points(self, argument: str) -> str:
        name, x, y, says = (part.strip() for part in argument.split("|"))
        return f'<div class="picture">{timeline(self.results.points(name), says, x=x, y=y).on_paper}</div>'

    def _timetable(self) -> str:
        table = self.timetable.table({number: lesson.title for number, lesson in self.lessons.items()})
        return f'<div class="timetable">{_markdown().render(table)}</div>'

    def _field(self, kind: str, argument: str) -> str:
        makers: dict[str, Callable[[str], str]] = {
            "result": self._result,
            "lesson": self._lesson,
            "lines": lines_of,
            "files": files_of,
            "message": message_of,
            "state": state_of,
            "gain": lambda named: gain_of(self.results, named),
        }
        return makers[kind](argument.strip())

    def _lesson(self, number: str) -> str:
        lesson = self.lessons.get(number)
        if lesson is None:
            raise ConfigError(f"A slide names lesson {number}, which the workbook does not have.")
        return f"**{lesson.title}** ({lesson.minutes} minutes)"

    def _result(self, argument: str) -> str:
        name, _, form = argument.partition(" ")
        return format(self.results.value(name), form or ".2g")


def _where(name: str) -> str:
    module, _, thing = name.partition(":")
    return f"{module.replace('.', '/')}.py · {thing}"


def _live(port: str) -> str:
    """The page of a server, when the slide is shown and one answers; until then the picture of what it would show."""
    url = f"http://127.0.0.1:{int(port)}/"
    still = pipeline("pipeline").svg
    return (
        f'<div class="live picture" data-url="{url}">{still}</div>'
        f'<p class="where"><a href="{url}" target="_blank" rel="noopener">{url}</a> while you '
        "<code>modelserving present</code> and a server runs; else a picture.</p>"
    )


def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("fence", _fence)
    return reader


def _fence(_: object, tokens: list[Token], index: int, *__: object) -> str:
    kind, _sep, alt = tokens[index].info.strip().partition(" ")
    content = tokens[index].content
    if kind == "diagram":
        wide = f"{extent(content)[0]:g}px"
        return f'<div class="picture" style="--wide:{wide}">{draw(content, alt.strip())}</div>'
    return _highlight(content, kind or "text")


def _highlight(code: str, language: str) -> str:
    return mark_up(code, language, cssclass="code", cssstyles=f"--size:{code_size(code)}px", wrapcode=True)
