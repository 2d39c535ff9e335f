"""The monitor: drift of records and answers, and quality as the truth comes in; for one pipeline, whoever serves it."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from modelserving import jvm
from modelserving.errors import BrokerUnavailable, RecordError, ServerError
from modelserving.kafka import Connection, Message, end_offsets
from modelserving.kafka.admin import create_named_topics
from modelserving.kafka.clients import REQUEST_BYTES
from modelserving.kafka.settings import KEPT
from modelserving.kstreams import KafkaStreams, State, streams_config
from modelserving.kstreams.bridge.clients import passing_over
from modelserving.models.admin.publish import send_command
from modelserving.monitoring.drift.columns import Alarm, DriftWatch
from modelserving.monitoring.influx.lines import to_line
from modelserving.monitoring.influx.writer import InfluxTarget, InfluxWriter
from modelserving.monitoring.monitor.rollback import RollBackOnAlarm
from modelserving.monitoring.monitor.shadows import ShadowJudge
from modelserving.monitoring.monitor.tail import TopicTail
from modelserving.monitoring.replay.answers import answer_of
from modelserving.monitoring.truth.join import WINDOW, decode_judged, make_join
from modelserving.monitoring.truth.quality import Quality
from modelserving.monitoring.truth.topic import create_truth_topic, judged_topic, read_value, truth_topic
from modelserving.records import TOPICS, Action, RecordSchema, ScoredRecord, Topics, decode_scored
from modelserving.records.codecs.written import WriterCodecs
from modelserving.records.decoder import RecordDecoder
from modelserving.serving import Health, ModelKey, Phase
from modelserving.serving.running.gap_letters import GapLetters
from modelserving.serving.running.inputs import InputTopics
from modelserving.serving.running.sessions import run_sessions
from modelserving.serving.running.worker_thread import run_abandonable
from modelserving.streams_server.heartbeat import FENCE, Heartbeat, answer_to, why_ended

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.1
_CLOSE_SECONDS = 10.0
_MODELS = 64
_NAMES, _OTHER = 8, "(other)"
_SESSION_S = 45.0
_METADATA_MS = 3_000
_FOLDER_TAKEN = "multiple instances of Kafka Streams are running in the same state directory"


@dataclass(frozen=True, slots=True)
class MonitorOptions:
    """How a monitor looks.

    Args:
        state_folder: where Kafka Streams keeps the answers that wait for their truth.
        schemas: of the records.
        topics: which pipeline.
        group: the application that joins answers and truths; one monitor runs for each.
        by_key: whether truths name records by the messages' keys.
        window: how long an answer waits for its truth.
        roll_back: whether an alarm rolls the model back.
        influx: where answers and alarms are written to, if anywhere.
        writers: knows the schemas that records name by number; ``None``: all were written with ``schemas``.
    """

    state_folder: Path
    schemas: Sequence[RecordSchema]
    topics: Topics = TOPICS
    group: str = "monitor"
    by_key: bool = False
    window: timedelta = WINDOW
    roll_back: bool = False
    influx: InfluxTarget | None = None
    writers: WriterCodecs | None = None


class Monitor:
    """Looks until cancelled.

    Args:
        connection: to the cluster.
        options: how.
    """

    def __init__(self, connection: Connection, options: MonitorOptions) -> None:
        self.options = options
        self.phase: str = Phase.STARTING
        self.streams: KafkaStreams | None = None
        self.recent: list[Alarm] = []
        """The last alarms, the newest last."""
        self.answers: dict[tuple[str, str], Counter[str]] = {}
        """Of a data type, how many answers each of the ``models`` gave, and how many each of the ``labels`` had."""
        self._heartbeat: Heartbeat | None = None
        self._connection = connection
        self._decoder = RecordDecoder(options.schemas, writers=options.writers)
        self._quality: dict[ModelKey, Quality] = {}
        self._roll_back = RollBackOnAlarm(
            lambda data_type, why: send_command(connection, options.topics, Action.ROLL_BACK, data_type, issued_by=why)
        )
        self.shadows = ShadowJudge.of(connection, options.topics, options.schemas, options.writers)
        self.drift = DriftWatch(on_alarm=self._alarm)
        self._judged = judged_topic(options.topics)
        topics = options.topics
        self.tail = TopicTail(connection, (topics.records, topics.scored, self._judged), self._take, (self._judged,))
        self._letters = GapLetters(connection, topics.dead_letters)
        self._inputs = InputTopics(connection, (topics.scored, truth_topic(topics)))
        self._sessions = 0
        self._problem = ""
        self.influx = InfluxWriter(options.influx) if options.influx else None

    def health(self) -> Health:
        """Whether it looks."""
        streams = self.streams
        running = streams is not None and streams.state is State.RUNNING
        drifting = tuple(str(one) for one in self.drift.alarms().values() if one is not None)
        details = (self.influx.problem, *drifting) if self.influx and self.influx.problem else drifting
        heartbeat = self._heartbeat
        away = self.tail.away or (heartbeat.problem if running and heartbeat is not None else "")
        if away:
            return Health(False, Phase.WAITING, (away, *details))
        if not running:
            problem = self._problem or (str(streams.error) if streams is not None and streams.error else "")
            why = tuple(filter(None, (problem, *self._inputs.missing)))
            return Health(False, self.phase, (*why, *details))
        return Health(True, Phase.SERVING, details)

    @property
    def unreadable(self) -> Counter[str]:
        """Of each topic, what could not be read, or was nothing of what is expected there."""
        # Answers are read twice, by the engine and beside it: what neither can read counts once.
        return Counter(dict(self.tail.unreadable)) | Counter(dict(self._letters.counts))

    def quality(self) -> Mapping[ModelKey, Quality]:
        """How good the answers were that have met their truth, by model."""
        return dict(self._quality)

    async def run(self) -> None:
        """Look until cancelled.

        Raises:
            SetupError: river is not installed.
            BrokerUnavailable: no broker answers at the start; later on, it is waited for.
            ServerError: another monitor has its name, or its state does not belong to its topics any more.
        """
        stop = threading.Event()
        try:
            await anyio.to_thread.run_sync(self._prepare)
            await run_abandonable(self._inputs.look)
            with self.influx or nullcontext():
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._inputs.run)
                    tasks.start_soon(run_abandonable, partial(self.tail.run, stop))
                    tasks.start_soon(run_abandonable, partial(self.shadows.run, stop))
                    await run_sessions(self._session, lambda: self._sessions, self._wait, "truths meet no answers now")
        finally:
            stop.set()
            self.phase = Phase.STOPPED

    def _prepare(self) -> None:
        jvm.start()
        from modelserving.monitoring.drift.detector import NumberDetector

        NumberDetector()  # without river this says so, before anything is followed
        create_truth_topic(self._connection, self.options.topics)
        partitions = len(end_offsets(self._connection, self.options.topics.scored))
        create_named_topics(self._connection, {self._judged: (partitions, KEPT)})

    def _wait(self) -> None:
        self.phase = Phase.WAITING

    async def _session(self) -> None:
        """Join answers and truths until the engine gives up."""
        streams = self.streams = await anyio.to_thread.run_sync(self._make)
        self._heartbeat = Heartbeat(streams, _SESSION_S)
        try:
            await run_abandonable(streams.start)
            while (state := streams.state) not in {State.NOT_RUNNING, State.ERROR}:
                if state is State.RUNNING and self.phase != Phase.SERVING:
                    self.phase, self._sessions, self._problem = Phase.SERVING, self._sessions + 1, ""
                await anyio.sleep(_LOOK_EVERY_S)
            if FENCE in str(streams.error):
                raise ServerError(
                    f"another monitor has taken this one's place: both are {self.options.group}. This one ends. Give "
                    "each a --group of its own."
                )
            raise why_ended(streams, self.options.group)
        except BrokerUnavailable as error:
            self._problem = str(error)
            raise
        finally:
            self.streams = self._heartbeat = None
            with anyio.move_on_after(_CLOSE_SECONDS + 2, shield=True):
                await run_abandonable(streams.close, _CLOSE_SECONDS)

    def _make(self) -> KafkaStreams:
        options = self.options
        config = streams_config(
            self._connection,
            application_id=options.group,
            client_id=options.group,
            state_dir=options.state_folder,
            processing_guarantee="exactly_once_v2",
            commit_interval_ms=200,
            # Killed and started again, it has its partitions back at once, and not after the dead one's session.
            main_consumer_group_instance_id=options.group,
            main_consumer_metadata_max_age_ms=_METADATA_MS,
            producer_max_request_size=REQUEST_BYTES,
        )
        letters = self._letters
        clients = passing_over(letters.pass_over, look_into=letters.look_into, identities=self._inputs.identities)
        join = make_join(options.topics, options.by_key, options.window)
        try:
            return KafkaStreams(join, config, answer_to, clients=clients)
        except ServerError as error:
            if _FOLDER_TAKEN not in str(error):
                raise
            raise ServerError(
                f"another monitor runs on this machine: both are {options.group}. This one ends. Give each a --group "
                "of its own."
            ) from error

    def _take(self, topic: str, messages: Sequence[Message]) -> None:
        """What came by. What is none of ours is counted, and disturbs nothing."""
        if topic == self.options.topics.records:
            self._take_records(messages)
        elif topic == self.options.topics.scored:
            self._take_answers(messages)
        else:
            self._take_judged(messages)

    def _take_records(self, messages: Sequence[Message]) -> None:
        found = self._decoder.decode(messages)
        self.tail.unreadable[self.options.topics.records] += len(found.problems)
        for group in found.groups:
            columns = zip(group.records.schema.names, group.records.columns, strict=True)
            self.drift.add_records(group.data_type, {name: column.to_pylist() for name, column in columns})

    def _take_answers(self, messages: Sequence[Message]) -> None:
        answers: dict[tuple[str, str], list[float | str]] = {}
        for message in messages:
            try:
                scored = decode_scored(message.value)
                answer = read_value("answer", answer_of(scored))
            except RecordError:
                self.tail.unreadable[self.options.topics.scored] += 1
                continue
            name = f"{scored.model_name} {scored.model_version}".rstrip()
            answers.setdefault((scored.data_type, name), []).append(answer)
            self._count(scored.data_type, "models", name)
            if isinstance(answer, str):
                self._count(scored.data_type, "labels", answer)
            if self.influx is not None:
                self.influx.add([_line(scored)])
        for (data_type, model), values in answers.items():
            self.drift.add_answers(data_type, model, values)

    def _count(self, data_type: str, what: str, name: str) -> None:
        """Of very many names, all that are new are one."""
        if (data_type, what) not in self.answers and len(self.answers) >= _MODELS:
            data_type = _OTHER
        counts = self.answers.setdefault((data_type, what), Counter())
        counts[name if name in counts or len(counts) < _NAMES else _OTHER] += 1

    def _take_judged(self, messages: Sequence[Message]) -> None:
        pairs = []
        for message in messages:
            try:
                found = decode_judged(message.value)
            except RecordError:
                self.tail.unreadable[self._judged] += 1
                continue
            pairs.append(found)
            if found.model in self._quality or len(self._quality) < _MODELS:
                self._quality.setdefault(found.model, Quality()).add(found.answer, found.truth)
        self.shadows.add(pairs)

    def _alarm(self, alarm: Alarm) -> None:
        log.warning("%s", alarm)
        if self.influx is not None:
            tags = {"data_type": alarm.data_type, "column": alarm.column}
            self.influx.add([to_line("drift", tags, {"text": str(alarm), "alarm": 1}, alarm.time_ms * 1_000_000)])
        self.recent = [*self.recent[-49:], alarm]
        if self.options.roll_back:
            self._roll_back(alarm)


def _line(scored: ScoredRecord) -> str | None:
    """An answer, as InfluxDB takes it."""
    answer = answer_of(scored)
    fields: dict[str, float | str] = {"label" if isinstance(answer, str) else "prediction": answer}
    fields |= {"offset": scored.offset, "scoring_ns": scored.scoring_ns}
    tags = {
        "data_type": scored.data_type,
        "model": scored.model_name,
        "version": scored.model_version,
        "partition": str(scored.partition),
    }
    # A batch has one time, and InfluxDB keeps one point for a time: the record's place makes it another.
    return to_line("scored", tags, fields, scored.scored_at_ns + scored.offset % 1_000_000)
