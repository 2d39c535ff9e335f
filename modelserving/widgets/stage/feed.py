"""Follows a stage from outside: reads its results from Kafka, and asks its HTTP face how it is.

It is written for bad days. The server may be killed, the broker stopped and started: the feed says so, waits, and goes
on with the next record, counting none twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import httpx
from kafka import TopicPartition
from kafka.errors import KafkaError as KafkaClientError

from modelserving.errors import BrokerUnavailable, DecodeError
from modelserving.kafka import Connection, make_consumer
from modelserving.kafka.clients import reach
from modelserving.kafka.reading import assign_all
from modelserving.records import ScoredRecord, Topics, decode_scored
from modelserving.widgets.feed import LiveFeed
from modelserving.widgets.stage.snapshot import Condition, ServerReport, SlotReport, StageSnapshot
from modelserving.widgets.stage.tally import StageTally

if TYPE_CHECKING:
    from kafka import KafkaConsumer

_POLL_MS = 200
_QUIET_S = 2.0
_ASK_EVERY_S = 0.5
_ANSWER_WITHIN_S = 1.0


class ScoreFeed(LiveFeed):
    """A source of snapshots of a stage; the source of ``StageView``.

    Args:
        connection: to the broker.
        topics: ``scored`` and ``dead_letters`` are read from their beginning, committed results only. They need not
            exist yet.
        server_url: the server's HTTP face, or ``None`` not to ask it.
        max_records: end after so many scores; ``None``: when closed.
        clock: nanoseconds since 1970.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Topics,
        server_url: str | None = None,
        *,
        max_records: int | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        asking = {} if server_url is None else {f"ask-{server_url}": self._ask}
        super().__init__(**{f"read-{topics.scored}": self._read}, **asking)
        self._connection, self._topics, self._url, self._max, self._clock = (
            connection,
            topics,
            server_url,
            max_records,
            clock,
        )
        self._tally = StageTally()
        self._positions: dict[TopicPartition, int] = {}
        self._server: ServerReport | None = None
        self._server_away = self._broker_away = False
        self._last_score = time.monotonic()
        self._done = threading.Event()
        self._ended_ns: int | None = None

    def snapshot(self) -> StageSnapshot:
        """How things stand."""
        return self._tally.snapshot(self._ended_ns or self._clock(), self._condition(), self._server)

    @property
    def finished(self) -> bool:
        """Whether ``max_records`` scores have arrived."""
        return self._done.is_set()

    def close(self) -> None:
        """Stop, and let go of broker and server. A second call does nothing."""
        if not self._stop.is_set():
            self._ended_ns = self._clock()
        super().close()

    def _condition(self) -> Condition:
        if self._done.is_set():
            return Condition.FINISHED
        if self._stop.is_set():
            return Condition.STOPPED
        if self._broker_away:
            return Condition.BROKER_AWAY
        if self._server_away:
            return Condition.SERVER_AWAY
        if not self._tally.scored:
            return Condition.WAITING
        return Condition.QUIET if time.monotonic() - self._last_score > _QUIET_S else Condition.RUNNING

    def _ended(self) -> bool:
        return self._stop.is_set() or self._done.is_set()

    def _read(self) -> None:
        """Read until the end, with a new consumer whenever the broker was away."""
        while not self._ended():
            try:
                self._knock()
                with make_consumer(self._connection, bootstrap_timeout_ms=2000, max_poll_records=2000) as consumer:
                    self._follow(consumer)
            except (BrokerUnavailable, KafkaClientError, OSError):
                self._broker_away = True
                self._stop.wait(_ASK_EVERY_S)

    def _follow(self, consumer: KafkaConsumer) -> None:
        topics = (self._topics.scored, self._topics.dead_letters)
        while not self._ended():
            if not consumer.assignment() and not assign_all(consumer, topics, self._positions):
                self._knock()
                self._stop.wait(_ASK_EVERY_S)
                continue
            found = consumer.poll(timeout_ms=_POLL_MS)
            for tp, messages in found.items():
                self._take(tp, messages)
            if not found and time.monotonic() - self._last_score > _QUIET_S / 2:
                self._knock()

    def _knock(self) -> None:
        """See whether a broker is there: a consumer waits for one that is gone, and says nothing.

        Raises:
            BrokerUnavailable: nobody listens at any of the addresses.
        """
        reach(self._connection, within_s=0)
        self._broker_away = False

    def _take(self, tp: TopicPartition, messages: Sequence[Any]) -> None:
        """Count what one partition brought, each message once."""
        fresh = [message for message in messages if message.offset >= self._positions.get(tp, 0)]
        self._positions[tp] = messages[-1].offset + 1
        if tp.topic == self._topics.dead_letters:
            self._tally.add_dead_letters(len(fresh))
            return
        scored = [record for message in fresh if (record := _decode(message.value)) is not None]
        self._tally.add(scored if self._max is None else scored[: self._max - self._tally.scored])
        self._last_score = time.monotonic()
        if self._max is not None and self._tally.scored >= self._max and not self._done.is_set():
            self._ended_ns = self._clock()
            self._done.set()

    def _ask(self) -> None:
        with httpx.Client(timeout=_ANSWER_WITHIN_S, trust_env=False) as client:
            while not self._ended():
                try:
                    answer = client.get(f"{self._url}/state").raise_for_status().json()
                    self._server, self._server_away = _report(answer), False
                except (httpx.HTTPError, ValueError, TypeError, AttributeError):
                    self._server_away = True
                self._stop.wait(_ASK_EVERY_S)


def _decode(value: bytes | None) -> ScoredRecord | None:
    """A scored record, or ``None`` for something else that somebody wrote to the topic."""
    try:
        return decode_scored(value)
    except DecodeError:
        return None


def _report(state: Mapping[str, object]) -> ServerReport:
    """Read the answer of ``/state``; a server that says less than ours is understood too."""
    skipped = state.get("skipped")
    return ServerReport(
        name=str(state.get("name", "")),
        version=str(state.get("version", "")),
        skipped=skipped if isinstance(skipped, int) else None,
        p50_ns=int(str(state.get("p50_ns", 0))),
        p99_ns=int(str(state.get("p99_ns", 0))),
        data_type=str(state.get("data_type", "")),
        current=_slot(state.get("current")),
        previous=_slot(state.get("previous")),
        shadow=_slot(state.get("shadow")),
    )


def _slot(said: object) -> SlotReport | None:
    """Read what ``/state`` says of one slot."""
    if not isinstance(said, dict):
        return None
    return SlotReport(str(said.get("name")), str(said.get("version", "")), str(said.get("digest", "")), _compare(said))


def _compare(shadow: Mapping[str, object]) -> str:
    """How a shadow compares; empty for a model that is none."""
    if "percent" not in shadow:
        return ""
    share, compared, equal = (float(str(shadow.get(name, 0))) for name in ("percent", "compared", "equal"))
    return f"scores {share:g} % of the records: {compared:,.0f} compared, {equal:,.0f} of them equal"
