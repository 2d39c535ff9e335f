"""How good shadows are: each record whose truth has come is asked of its shadow, too, as a server would.

::

    judged: who answered, what was true ─┐
    records, at the same positions ──────┴─▶ the shadow's answer ─▶ its error, and that of who served

A shadow in a server scores some of the records, and what it answers goes nowhere. The log has all of them: so the
shadow is judged on the very records that the served answers are judged on, and the gain is taken pair by pair.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from kafka.errors import KafkaError as KafkaClientError

from modelserving.errors import BrokerUnavailable, KafkaError, ModelError, RecordError
from modelserving.kafka import Connection, Message, end_offsets, read_topic
from modelserving.models.admin.listing import ModelStatus, read_overview
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.monitoring.replay.answers import AnswerValue, RecordPosition, answer_of
from modelserving.monitoring.replay.window import chunks, window_of
from modelserving.monitoring.truth.join import Judged
from modelserving.monitoring.truth.quality import Improvement, Quality, improvement_of
from modelserving.monitoring.truth.topic import error_of
from modelserving.records import ModelDescriptor, RecordSchema, Topics, decode_descriptor
from modelserving.records.codecs.written import WriterCodecs
from modelserving.records.decoder import RecordDecoder
from modelserving.serving import Batch, ModelKey, score_batch

log = logging.getLogger(__name__)

_EVERY_S = 1.0
_MOST = 20_000
_AT_ONCE = 2_000
Window = Mapping[int, tuple[int, int]]


@dataclass(slots=True)
class ShadowQuality:
    """A shadow beside what was served, on the same records. Numbers are added up, so that it never grows.

    Args:
        quality: of the shadow's answers.
        gain: the sum of the served answers' errors minus the shadow's.
        squares: the sum of the squares of these gains.
    """

    quality: Quality = field(default_factory=Quality)
    gain: float = 0.0
    squares: float = 0.0

    def add(self, answer: AnswerValue, judged: Judged) -> None:
        """Count what the shadow says of a record."""
        gain = error_of(judged.answer, judged.truth) - error_of(answer, judged.truth)
        self.quality.add(answer, judged.truth)
        self.gain += gain
        self.squares += gain * gain

    @property
    def improvement(self) -> Improvement:
        """By how much the shadow is better than what was served."""
        return improvement_of(self.quality.pairs, self.gain, self.squares)


class _Shadow:
    """One shadow, built."""

    def __init__(self, descriptor: ModelDescriptor, schemas: Sequence[RecordSchema]) -> None:
        self.data_type = descriptor.data_type
        self.key = ModelKey(descriptor.data_type, descriptor.name, descriptor.version, descriptor.digest)
        self.beside = ShadowQuality()
        self.asked = 0
        """So many of the pairs that came since the beginning were dealt with."""
        self.slots = ModelSlots()
        self.slots.swap(build_candidate(descriptor, schemas))


class ShadowJudge:
    """Judges shadows. One thread adds pairs, one runs it, any thread may look.

    Args:
        schemas: of the records.
        look: tells the models that are shadows now, with their bytes.
        read: the records of a stretch of the log.
        writers: knows the schemas that records name by number; ``None``: all were written with ``schemas``.
    """

    def __init__(
        self,
        schemas: Sequence[RecordSchema],
        look: Callable[[], Iterable[ModelDescriptor]],
        read: Callable[[Window], Iterable[Message]],
        writers: WriterCodecs | None = None,
    ) -> None:
        self._schemas = schemas
        self._decoder = RecordDecoder(schemas, writers=writers)
        self._look, self._read = look, read
        self._lock = threading.Lock()
        self._pairs: deque[Judged] = deque(maxlen=_MOST)
        self._count = 0
        self._shadows: dict[ModelKey, _Shadow] = {}
        self._refused: set[str] = set()

    @classmethod
    def of(
        cls,
        connection: Connection,
        topics: Topics,
        schemas: Sequence[RecordSchema],
        writers: WriterCodecs | None = None,
    ) -> ShadowJudge:
        """One that follows a pipeline."""

        def read(window: Window) -> Iterable[Message]:
            return read_topic(connection, topics.records, window=window)

        return cls(schemas, _ShadowReader(connection, topics), read, writers)

    def add(self, pairs: Sequence[Judged]) -> None:
        """Take answers that have met their truth; of very many, the last ones."""
        with self._lock:
            self._pairs.extend(pairs)
            self._count += len(pairs)

    def found(self) -> Mapping[ModelKey, ShadowQuality]:
        """How each shadow has done so far."""
        return {key: shadow.beside for key, shadow in list(self._shadows.items())}

    def run(self, stop: threading.Event) -> None:
        """Judge until ``stop`` is set; while the broker is away, it is asked again and again."""
        try:
            while not stop.wait(_EVERY_S):
                if self._count:
                    with suppress(BrokerUnavailable, KafkaError, KafkaClientError, OSError):
                        self.judge()
        finally:
            self._follow(())

    def judge(self) -> None:
        """Let each shadow say what it would have answered to records whose truth has come since the last time.

        Raises:
            BrokerUnavailable, KafkaError: the topics cannot be read now.
        """
        self._follow(tuple(self._look()))
        for shadow in list(self._shadows.values()):
            while new := self._new_for(shadow):
                try:
                    self._ask(shadow, [one for one in new if one.model.data_type == shadow.data_type])
                except (KafkaError, KafkaClientError, OSError):
                    raise
                except Exception:  # what nobody foresaw is asked once, and does not end the looking
                    log.exception("the shadow %s is not judged on %d pairs", shadow.key.name, len(new))
                shadow.asked += len(new)

    def _follow(self, wanted: Sequence[ModelDescriptor]) -> None:
        """Build those that are new, and let go of those that are shadows no more."""
        keys = {ModelKey(one.data_type, one.name, one.version, one.digest): one for one in wanted}
        for gone in set(self._shadows) - set(keys):
            self._shadows.pop(gone).slots.close()
        for key in set(keys) - set(self._shadows):
            if key.digest in self._refused:
                continue
            try:
                self._shadows[key] = _Shadow(keys[key], self._schemas)
            except (ModelError, RecordError) as error:
                self._refused.add(key.digest)
                log.warning("the shadow %s is not judged: %s", key.name, error)

    def _new_for(self, shadow: _Shadow) -> list[Judged]:
        with self._lock:
            shadow.asked = max(shadow.asked, self._count - len(self._pairs))
            start = len(self._pairs) - (self._count - shadow.asked)
            return [self._pairs[at] for at in range(start, min(start + _AT_ONCE, len(self._pairs)))]

    def _ask(self, shadow: _Shadow, pairs: Sequence[Judged]) -> None:
        by_position = {one.position: one for one in pairs if one.position is not None}
        if not by_position:
            return
        messages = self._read(window_of(by_position))
        # All are read before one is counted: what fails in between counts none.
        wanted = [one for one in messages if RecordPosition(one.partition, one.offset) in by_position]
        answers = [
            one for chunk in chunks(wanted) for one in score_batch(Batch(chunk), shadow.slots, self._decoder).scored
        ]
        for scored in answers:
            shadow.beside.add(answer_of(scored), by_position[RecordPosition(scored.partition, scored.offset)])


class _ShadowReader:
    """The shadows of a pipeline; its topics about models are read again only when something was added to them.

    A model by reference has no bytes there, and is not judged.
    """

    def __init__(self, connection: Connection, topics: Topics) -> None:
        self._connection, self._topics = connection, topics
        self._ends: object = None
        self._known: tuple[ModelDescriptor, ...] = ()

    def __call__(self) -> tuple[ModelDescriptor, ...]:
        ends = [end_offsets(self._connection, topic) for topic in (self._topics.models, self._topics.control)]
        if ends != self._ends:
            self._known, self._ends = self._read(), ends
        return self._known

    def _read(self) -> tuple[ModelDescriptor, ...]:
        listed = read_overview(self._connection, self._topics).models
        wanted = {(one.model.data_type, one.digest) for one in listed if one.status is ModelStatus.SHADOW}
        found: dict[tuple[str, str], ModelDescriptor] = {}
        for message in read_topic(self._connection, self._topics.models) if wanted else ():
            with suppress(RecordError):
                model = decode_descriptor(message.value)
                if model.data and (model.data_type, model.digest) in wanted:
                    found[model.data_type, model.digest] = model
        return tuple(found.values())
