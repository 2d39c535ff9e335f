"""Lesson 12: results that are said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from modelserving.kstreams import Consumed, StreamsBuilder, TopologyTestDriver, number, text
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require, what_came

_HOUR = 1_700_000_000 // 3600 * 3600
_SENT = (
    ("forest", 10),
    ("forest", 50),
    ("forest", 70),
    ("forest", 55),
    ("line", 85),
    ("forest", 40),
    ("forest", 95),
    ("forest", 30),
    ("line", 160),
)
_RIGHT = {("forest", 0): 4, ("forest", 60): 2, ("line", 60): 1}


def check(lesson: LessonEnvironment, final_counts: Callable[[Any], Any]) -> str:  # noqa: ARG001 - needs no broker
    """Send scores, some of them late, and look at what is said of each minute, and how often."""
    said, lengths = _said(final_counts)
    require(said, "Nothing was said, though two minutes and their grace are over. Who waits longer than 30 seconds?")
    often = Counter((key, start) for key, start, _ in said)
    twice = [window for window, times in often.items() if times > 1]
    require(
        not twice,
        f"{len(twice)} windows were told more than once, one of them {max(often.values())} times: with each record. "
        "Hold the result back: `.suppress(...)`.",
    )
    found = {(key, start): count for key, start, count in said}
    length = next((length for length in lengths if length != 60), 60)
    require(length == 60, f"A window is {length} seconds long. A count for each minute was asked.")
    begins = {start % 60 for _, start in found}
    require(begins == {0}, f"Windows begin at {sorted(start for _, start in found)}. A new one each minute was asked.")
    require(
        found == _RIGHT,
        f"The first minute of forest says {found.get(('forest', 0))}. It had records at 0:10 and 0:50; 0:55 and 0:40 "
        "came when stream time was 1:10 and 1:25, which is in time; 0:30 came at 1:35, which is too late. So 4.",
    )
    return f"{len(_SENT)} scores, {len(said)} results, each said once: {found}."


def _said(final_counts: Callable[[Any], Any]) -> tuple[list[tuple[str, int, int]], set[int]]:
    """Every result, in order: model, beginning of its window in seconds, count; and how long the windows are."""
    said: list[tuple[str, int, int]] = []
    lengths: set[int] = set()

    def note(key: Any, count: int) -> None:
        lengths.add((key.window().end() - key.window().start()) // 1000)
        said.append((key.key(), key.window().start() // 1000 - _HOUR, count))

    builder = StreamsBuilder()
    result = final_counts(builder.stream("scored", Consumed.with_(text(), number())))
    require(
        hasattr(result, "foreach"),
        f"`final_counts` returned {what_came(result)}. It is to return a stream: `.count()` makes a table, and "
        "`.toStream()` a stream of that.",
    )
    result.foreach(note)
    with TopologyTestDriver(builder.build(), statestore_cache_max_bytes=0) as driver:
        topic = driver.createInputTopic("scored", text(), number())
        for model, second in _SENT:
            topic.pipeInput(model, 5.5, (_HOUR + second) * 1000)
    return said, lengths


_HEAD = """
from modelserving.kstreams import Duration, Grouped, Suppressed, TimeWindows, java, number, text

def final_counts(scores):
    by_model = scores.groupByKey(Grouped.with_(text(), number()))
"""
_END = """
    until = Suppressed.untilWindowCloses(java.BufferConfig.unbounded())
    return by_model.windowedBy(windows).count().suppress(until).toStream()
"""

EXERCISE = Exercise(
    id="windows-final",
    lesson="12",
    title="Each minute once",
    goal="""
Write `final_counts`: it takes the stream of scores, whose key is the model, and gives the stream of counts for each
model and **minute**. A score that is up to **30 seconds** late still counts, and each count is said **once**, when it
is final.
""",
    stub=_HEAD
    + """
    windows = ...
    until = ...
    return by_model.windowedBy(windows).count().suppress(until).toStream()
""",
    answer="final_counts",
    hints=(
        "`TimeWindows.ofSizeAndGrace(size, grace)`; both are a `Duration`, `Duration.ofMinutes(1)`.",
        "`Suppressed.untilWindowCloses(java.BufferConfig.unbounded())` holds a result back until its window is closed.",
    ),
    reference=_HEAD
    + """
    windows = TimeWindows.ofSizeAndGrace(Duration.ofMinutes(1), Duration.ofSeconds(30))
    until = Suppressed.untilWindowCloses(java.BufferConfig.unbounded())
    return by_model.windowedBy(windows).count().suppress(until).toStream()
""",
    wrong=(
        WrongAnswer(
            _HEAD
            + """
    windows = TimeWindows.ofSizeAndGrace(Duration.ofMinutes(1), Duration.ofSeconds(30))
    until = Suppressed.untilWindowCloses(java.BufferConfig.unbounded())
    by_model.windowedBy(windows).count().suppress(until).toStream()
""",
            "`final_counts` returned `None`",
        ),
        WrongAnswer(
            _HEAD + "    windows = TimeWindows.ofSizeAndGrace(Duration.ofMinutes(2), Duration.ofSeconds(30))\n" + _END,
            "120 seconds long",
        ),
        WrongAnswer(
            _HEAD
            + """
    windows = TimeWindows.ofSizeAndGrace(Duration.ofMinutes(1), Duration.ofSeconds(30))
    return by_model.windowedBy(windows).count().toStream()
""",
            "were told more than once",
        ),
        WrongAnswer(
            _HEAD + "    windows = TimeWindows.ofSizeWithNoGrace(Duration.ofMinutes(1))\n" + _END,
            "The first minute of forest says 2",
        ),
        WrongAnswer(
            _HEAD + "    windows = TimeWindows.ofSizeAndGrace(Duration.ofMinutes(1), Duration.ofMinutes(30))\n" + _END,
            "Who waits longer than 30 seconds?",
        ),
        WrongAnswer(
            _HEAD
            + """
    windows = TimeWindows.ofSizeAndGrace(Duration.ofMinutes(1), Duration.ofSeconds(30))
    windows = windows.advanceBy(Duration.ofSeconds(30))
"""
            + _END,
            "A new one each minute was asked",
        ),
    ),
    check=check,
)
