"""Answers of a broker that lead nowhere, and would be asked for again for ever; the consumer goes on behind them.

One that is cut off within its first batch, as brokers of other makes give where a batch is larger than what was asked
for; the word that the broker's own log is damaged there; and silence: nothing comes, although the log goes on. A broker
does both where its log was damaged while it ran, in what says how long a batch is. What is behind such a batch it finds
again from the next entry of its index on, and where that is, it does not say: so offsets are tried, first in steps that
double, then by halves. Steps that grow may lead over what can be read into a second damaged place: so some between the
start and what was found are tried, too.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError, InvalidRecordError, KafkaError, UnknownError

from modelserving.kafka.gaps import Gap
from modelserving.kafka.unreadable import FRAME, end_of, is_part

_REFUSALS = 5
"""As often a partition is asked that gives nothing: another replica may have what this one has not."""
_SILENT_S = 10.0
"""For at least so long, where the broker does not say that anything is wrong."""
_SAMPLES = 32
"""So many offsets are tried between where a way out begins and where it was found to end."""
_SILENT = "the broker gives nothing there, though its log goes on to offset {}: that log is damaged"
_DAMAGED = "the broker says that its log is damaged there ({})"
_WORDS = {error.errno: error.message for error in (CorruptRecordError, InvalidRecordError, UnknownError)}
"""By which a broker refuses what it cannot read itself; the last one may mean anything, and so is borne for longer."""


@dataclass(slots=True)
class _WayOut:
    """For the first offset behind a damaged batch from which something comes.

    Args:
        start: where it begins.
        since: when it was first met.
        asked: the offset that was asked for last.
        low: the highest from which nothing came.
        high: the lowest behind it from which something came.
        answers: how many of them led nowhere.
        refused: by which word the broker refuses what is there; none: it is silent.
        end: of the log, as far as an answer told it.
        found: whether the end of what is damaged is known; then the start is asked once more: all may be well again.
        samples: what is still to be tried before that end; ``None`` as long as there is none.
        until: that end.
    """

    start: int
    since: float
    asked: int
    low: int
    high: int | None = None
    answers: int = 0
    refused: int = 0
    end: int = 0
    found: bool = False
    samples: deque[int] | None = None
    until: int = 0

    @property
    def believed(self) -> bool:
        """Whether the start was asked for often and long enough."""
        at_once = self.refused not in {0, UnknownError.errno}
        return self.answers >= _REFUSALS and (at_once or time.monotonic() - self.since >= _SILENT_S)

    def narrow(self, end: int) -> int | None:
        """The offset to ask for next; ``None`` when it is found.

        Args:
            end: of the log.
        """
        limit = end if self.high is None else self.high
        if self.samples is None and self.low + 1 >= limit:
            step = max(1, -(-(limit - self.start) // _SAMPLES))
            self.samples, self.until = deque(range(self.start + step, limit, step)), limit
            self.low = self.start
        if self.samples is not None and limit == self.until:
            return self.samples.popleft() if self.samples else None
        if self.low + 1 >= limit:
            return None
        stride = 2 * (self.low - self.start) or 1
        return min(self.start + stride, end - 1) if self.high is None else (self.low + self.high) // 2


class StuckFetches:
    """The answers of a broker to a consumer; at one that leads nowhere the consumer goes on behind it.

    Args:
        fetcher: of the consumer.
        note: told of each gap that was passed over.
    """

    def __init__(self, fetcher: Fetcher, note: Callable[[Gap], object]) -> None:
        self._parse = fetcher._parse_fetched_data
        self._positions = fetcher._subscriptions
        self._note = note
        self._searches: dict[Any, _WayOut] = {}
        self._handle = fetcher._handle_fetch_response
        self._crowded: set[TopicPartition] = set()
        fetcher._handle_fetch_response = self._arrive

    def __call__(self, answer: Any) -> Any:
        """The messages of an answer; ``None`` where there are none."""
        refused = answer.partition_data.error_code in _WORDS
        if not self._is_of_now(answer):
            return None if refused else self._parse(answer)
        search, data = self._searches.get(answer.topic_partition), answer.partition_data.records or b""
        if search is not None and search.asked != answer.fetched_offset:
            search = self._searches.pop(answer.topic_partition) and None
        if refused or not (data or answer.partition_data.error_code):
            return self._hear_nothing(answer, search)
        if search is not None and data and not self._end_search(answer, search):
            return None
        return self._read(answer, data)

    def start_of(self, tp: TopicPartition) -> int | None:
        """Where a search began that is still going on: the reader has come that far, whatever is asked for."""
        search, state = self._searches.get(tp), self._positions.assignment.get(tp)
        if search is None or state is None or state.position is None:
            return None
        return search.start if state.position.offset == search.asked else None

    def _arrive(self, node: object, offsets: object, sent: object, response: Any) -> Any:
        """Note whose silence may be for want of room: an answer is full, and so has nothing of some partitions."""
        found = {
            TopicPartition(topic.topic, part.partition_index): bool(part.records)
            for topic in response.responses
            for part in topic.partitions
        }
        self._crowded.difference_update(found)
        if any(found.values()):
            self._crowded.update(found)
        return self._handle(node, offsets, sent, response)

    def _read(self, answer: Any, data: Any) -> Any:
        try:
            found = self._parse(answer)
        except KafkaError as error:
            if answer.partition_data.error_code or not is_part(bytes(data)):
                raise
            return self._pass_over(answer, f"the batch there comes in part only: {error}", bytes(data))
        if found is not None and answer.partition_data.high_watermark > 0:
            found.log_end = answer.partition_data.high_watermark
        return found

    def _hear_nothing(self, answer: Any, search: _WayOut | None) -> Any:
        """Take an answer without a message: the log ends there, or it is damaged, and left behind in the end."""
        tp, at, refused = answer.topic_partition, answer.fetched_offset, answer.partition_data.error_code
        if _end(answer) <= at and not refused:
            if search is not None:
                self._end_search(answer, search)
            return self._parse(answer)
        if tp in self._crowded and not refused:
            return self._parse(answer)  # others had something in the same answer: there may have been no room
        if search is None:
            search = self._searches[tp] = _WayOut(at, time.monotonic(), at, at)
        search.answers += 1
        search.refused = refused or search.refused
        search.low = at
        if at != search.start or search.believed:
            self._go_on(answer, search)
        return None if refused else self._parse(answer)

    def _end_search(self, answer: Any, search: _WayOut) -> bool:
        """Whether an answer with messages, or at the log's end, ends the search: at its start, all is well again."""
        if answer.fetched_offset == search.start:
            del self._searches[answer.topic_partition]
            return True
        search.high = answer.fetched_offset
        self._go_on(answer, search)
        return False

    def _go_on(self, answer: Any, search: _WayOut) -> None:
        """Ask for another offset, or leave the damaged stretch, if its end is found."""
        tp = answer.topic_partition
        search.end = max(search.end, _end(answer))
        # Who refuses does not tell how far the log goes; an answer of before did.
        end = search.end if search.end > 0 else self._positions.assignment[tp].highwater or 0
        if not search.found:
            asked = search.narrow(end)
            search.found = asked is None
            search.asked = search.start if asked is None else asked
            self._positions.seek(tp, search.asked)
            return
        del self._searches[tp]
        if search.high is None and search.refused == UnknownError.errno:  # it is the broker, not what is there
            self._positions.seek(tp, search.start)
            raise UnknownError(f"the broker fails to read {tp.topic}, partition {tp.partition}, from {search.start} on")
        after = max(end, search.start + 1) if search.high is None else search.high
        reason = _DAMAGED.format(_WORDS[search.refused]) if search.refused else _SILENT.format(end - 1)
        self._note(Gap(tp.topic, tp.partition, search.start, after, reason))
        self._positions.seek(tp, after)

    def _is_of_now(self, answer: Any) -> bool:
        """Whether an answer is not of before a seek, or a rebalance."""
        tp, at = answer.topic_partition, answer.fetched_offset
        return bool(self._positions.is_fetchable(tp) and self._positions.assignment[tp].position.offset == at)

    def _pass_over(self, answer: Any, reason: str, data: bytes) -> None:
        tp, at = answer.topic_partition, answer.fetched_offset
        end = at + 1
        if len(data) >= FRAME.size:
            end = max(end, end_of(memoryview(data), FRAME.unpack_from(data)[0]))
        known = answer.partition_data.high_watermark
        end = min(end, known) if known > at else end
        self._note(Gap(tp.topic, tp.partition, at, end, reason, data))
        self._positions.seek(tp, end)


def _end(answer: Any) -> int:
    """How far a reader may read: to the first transaction that is still open, if that is what it asks for."""
    stable = int(answer.partition_data.last_stable_offset)
    return stable if stable >= 0 else int(answer.partition_data.high_watermark)
