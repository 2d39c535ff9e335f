"""A stretch of a log: from where to where, said as times or as offsets."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeVar

from modelserving.errors import ConfigError
from modelserving.kafka import Connection, end_offsets, make_consumer

T = TypeVar("T")

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class WindowEdge:
    """One end of a stretch.

    Args:
        offset: of each partition; or ``None``, and it is a time.
        time_ms: milliseconds since 1970, by the records' own timestamps.
    """

    offset: int | None = None
    time_ms: int = 0


def parse_edge(text: str, now_s: float | None = None) -> WindowEdge:
    """Read ``1200`` (an offset), ``2h`` (ago; s, m, h or d), or a date and time as ISO 8601 has it.

    Args:
        text: what was said; a time without a zone is this machine's.
        now_s: what ``ago`` counts from, seconds since 1970; ``None`` for now.

    Raises:
        ConfigError: it is neither.
    """
    said = text.strip()
    if said.isdecimal():
        return WindowEdge(int(said))
    if (ago := _AGO.fullmatch(said)) is not None:
        now = time.time() if now_s is None else now_s
        return WindowEdge(time_ms=int((now - float(ago[1]) * _SECONDS[ago[2]]) * 1000))
    try:
        return WindowEdge(time_ms=int(datetime.fromisoformat(said).timestamp() * 1000))
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigError(
            f"{text!r} is no offset and no time. Say an offset (1200), how long ago (90s, 30m, 2h, 7d), or a date and "
            "time (2025-03-01T14:00)."
        ) from error


def chunks(items: Iterable[T], size: int = 1_000) -> Iterator[list[T]]:
    """Items in lists of so many; the last one may be shorter."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def window_of(positions: Iterable[tuple[int, int]]) -> Mapping[int, tuple[int, int]]:
    """The stretch that has all these positions, partitions and offsets, in it."""
    window: dict[int, tuple[int, int]] = {}
    for part, offset in positions:
        first, last = window.get(part, (offset, 0))
        window[part] = min(first, offset), max(last, offset + 1)
    return window


def find_window(
    connection: Connection, topic: str, start: WindowEdge | None, end: WindowEdge | None
) -> Mapping[int, tuple[int, int]]:
    """For each partition the first offset of a stretch, and the one after its last.

    Args:
        connection: to the cluster.
        topic: its name.
        start: where it begins; ``None``: with what is left of the log.
        end: where it ends, itself not included; ``None``: with what is there now.

    Raises:
        ConfigError: it ends before it begins.
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    ends = end_offsets(connection, topic)
    first = _find(connection, topic, start, ends) if start else dict.fromkeys(ends, 0)
    last = _find(connection, topic, end, ends) if end else ends
    window = {part: (first[part], min(last[part], ends[part])) for part in ends}
    if start and end and all(stop <= begin for begin, stop in window.values()):
        raise ConfigError(f"nothing of {topic} lies between these two: is the end before the beginning?")
    return {part: (min(begin, ends[part]), max(begin, stop)) for part, (begin, stop) in window.items()}


def _find(connection: Connection, topic: str, edge: WindowEdge, ends: Mapping[int, int]) -> dict[int, int]:
    if edge.offset is not None:
        return dict.fromkeys(ends, edge.offset)
    from kafka import TopicPartition

    with make_consumer(connection) as consumer:
        wanted = {TopicPartition(topic, part): max(0, edge.time_ms) for part in ends}
        found = consumer.offsets_for_times(wanted)
    return {tp.partition: at.offset if at else ends[tp.partition] for tp, at in found.items()}
