"""The Kafka Streams server: the topology, run over and over, with a life that outlasts its failures."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from modelserving import jvm
from modelserving.errors import BrokerUnavailable, RegistryUnavailable, ServerError
from modelserving.kafka import Connection, end_offsets
from modelserving.kafka.clients import REQUEST_BYTES
from modelserving.kafka.reading import Reread
from modelserving.kstreams import KafkaStreams, Response, State, streams_config
from modelserving.kstreams.bridge.clients import passing_over
from modelserving.models.lifecycle.controller import ModelController
from modelserving.models.lifecycle.state import ServingState
from modelserving.serving import Counts, Health, Phase
from modelserving.serving.options import ServerOptions
from modelserving.serving.report.meter import BatchOutcome
from modelserving.serving.running.server import ModelServer
from modelserving.serving.running.sessions import FailureRate, freeze_garbage_collection, run_sessions, same_name
from modelserving.serving.running.worker_thread import run_abandonable
from modelserving.statistics import StatisticsSnapshot
from modelserving.streams_server.distribution import make_models
from modelserving.streams_server.heartbeat import FENCE, Heartbeat
from modelserving.streams_server.records_topic import RecordsTopic
from modelserving.streams_server.scoring import Tally
from modelserving.streams_server.stores import ModelStatistics, look_up
from modelserving.streams_server.topologies import StreamsOptions, TopologyParts, make_topology

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.02
_CLOSE_SECONDS = 10.0
_SESSION_MS = 10_000
_METADATA_MS = 3_000
_ANSWER_WITHIN_MS = 10_000
_REPLACEMENTS, _WITHIN_S = 5, 60.0
_REBALANCING = "rebalancing"


class StreamsServer(ModelServer):
    """Serves models with Kafka Streams, until cancelled.

    A thread of the engine that fails is replaced, and goes on from what was committed. When the engine as a whole gives
    up, it is started again. The models outlive both.

    Args:
        connection: to the cluster.
        options: how it runs; its group is the application.
        engine: how the engine runs.
    """

    def __init__(self, connection: Connection, options: ServerOptions, engine: StreamsOptions) -> None:
        super().__init__(connection, options)
        self.engine = engine
        self.streams: KafkaStreams | None = None
        self.record_partitions = 0
        self._decoder = options.make_decoder()
        self._tally = Tally(self.watch.audit)
        self.meter = self._tally.meter
        self._failures = FailureRate(_REPLACEMENTS, _WITHIN_S)
        self._heartbeat: Heartbeat | None = None
        self._last_seen: Mapping[str, ModelStatistics] = {}
        self._topic = RecordsTopic(options, engine.state_folder, engine.store)
        self.models = make_models(engine.models, connection, options)

    @property
    def controllers(self) -> tuple[ModelController, ...]:
        """What decides about its models, one for each thread that builds them."""
        return tuple(thread.controller for thread in self.models.threads)

    @property
    def data_types(self) -> tuple[str, ...]:
        """The data types that have a model."""
        return tuple(sorted({name for thread in self.models.threads for name in thread.slots.data_types}))

    @property
    def latest(self) -> str | None:
        """The data type whose model changed last."""
        newest = max(self.models.threads, key=attrgetter("slots.changed_ms"), default=None)
        return newest.slots.latest_type if newest else None

    def describe(self, data_type: str) -> ServingState | None:
        """How the models of a data type are doing; the counts are those of the store, as far as it is here."""
        states = (thread.slots.describe(data_type) for thread in self.models.threads)
        state = next((state for state in states if state is not None), None)
        if state is None or state.identity is None:
            return state
        found = self.statistics().get(data_type)
        counted = found.find(state.identity.digest) if found else None
        return replace(state, statistics=counted.snapshot() if counted else StatisticsSnapshot())

    def statistics(self) -> Mapping[str, ModelStatistics]:
        """What is in the store of this instance; while it cannot be asked, what was in it last."""
        streams = self.streams
        if streams is not None and streams.state is State.RUNNING:
            try:
                self._last_seen = look_up(streams, self.engine.store)
            except ServerError as error:
                log.info("the statistics cannot be read now: %s", error)
        return self._last_seen

    def health(self) -> Health:
        """Whether it serves: all its tasks are where they belong, have their state, and the broker hears of it."""
        return self.watch.judge(self._health())

    def _health(self) -> Health:
        streams = self.streams
        if self.phase != Phase.SERVING or streams is None:
            return Health(False, self.phase)
        if (state := streams.state) is not State.RUNNING:
            return Health(False, _REBALANCING, (f"Kafka Streams is {state}",))
        if self._heartbeat is not None and (problem := self._heartbeat.problem):
            return Health(False, Phase.WAITING, (problem,))
        return Health(True, self.phase, tuple(self.models_absent.values()))

    @property
    def missing(self) -> str:
        """Why the broker does not hear of this instance, although the engine runs; empty while it does.

        Raises:
            ServerError: the engine is just ending.
        """
        heartbeat = self._heartbeat
        return heartbeat.missing if heartbeat is not None else ""

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            BrokerUnavailable: no broker answers at the start; later on, it is waited for.
            Exception: what a thread failed with again and again.
        """
        try:
            await anyio.to_thread.run_sync(self._prepare)
            freeze_garbage_collection()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.watch.run)
                await run_sessions(self._session, lambda: self.counts, self._wait)
        finally:
            self.phase = Phase.STOPPED
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self.models.close)

    def _prepare(self) -> None:
        jvm.start()
        self._partitions = len(end_offsets(self._connection, self.options.topics.scored))
        self.record_partitions = len(end_offsets(self._connection, self.options.topics.records))
        self.watch.look()
        self._check_topic()
        self.models.start()
        self.phase = Phase.READING_MODELS

    async def _session(self) -> None:
        """Run the engine until it gives up."""
        streams = await anyio.to_thread.run_sync(self._make)
        self._heartbeat = Heartbeat(streams, _SESSION_MS / 1000)
        self.streams = streams
        try:
            await self._start(streams)
            self.models.begin()
            while (state := streams.state) not in {State.NOT_RUNNING, State.ERROR}:
                self._follow(state)
                await anyio.sleep(_LOOK_EVERY_S)
            if FENCE in str(streams.error):
                raise same_name("it has taken this one's place")
            if self._failures.often:
                streams.raise_error()
            raise BrokerUnavailable(f"Kafka Streams has given up: {streams.error or state}.")
        finally:
            self.streams = self._heartbeat = None
            self._tally.ending.set()
            with anyio.move_on_after(_CLOSE_SECONDS + 2, shield=True):
                await run_abandonable(self._close, streams)

    async def _start(self, streams: KafkaStreams) -> None:
        """Return when both topics about models are read to their end."""
        try:
            await run_abandonable(streams.start)
        except ServerError as error:
            raise BrokerUnavailable(str(error)) from error

    def _ready(self) -> bool:
        threads = self.models.threads
        return bool(threads) and all(thread.ready for thread in threads)

    def _check_topic(self) -> None:
        """Raise when its state does not belong to the records' topic, or the topics about models need a new session."""
        self._topic.check(self.watch.identity)
        self.models.check(self.watch.about_models)

    def _follow(self, state: State) -> None:
        self._check_topic()
        if state is State.RUNNING:
            self.phase = Phase.SERVING
        elif self._ready():
            self.phase = _REBALANCING
        for thread in self.models.threads:
            if thread.error is not None:
                raise thread.error

    def _close(self, streams: KafkaStreams) -> None:
        if not streams.close(_CLOSE_SECONDS):
            log.warning("Kafka Streams has not ended after %g s", _CLOSE_SECONDS)

    def _make(self) -> KafkaStreams:
        self._tally.ending.clear()
        options, engine = self.options, self.engine
        tracer = options.make_batch_tracer() if options.tracer is not None else None
        how = options.max_records, engine.linger, self._decoder, options.frame, tracer
        parts = TopologyParts(options.topics, self.models, self._tally, self._partitions, *how)
        clients = passing_over(self._pass_over, self.watch.silences, self._look_into)
        return KafkaStreams(make_topology(engine.store, parts), self._config(), self._on_error, clients=clients)

    def _config(self) -> object:
        options, engine = self.options, self.engine
        where = urlsplit(options.url)
        return streams_config(
            self._connection,
            application_id=options.group,
            application_server=f"{where.hostname}:{where.port}",
            client_id=options.member,
            state_dir=engine.state_folder,
            processing_guarantee="exactly_once_v2" if engine.exactly_once else "at_least_once",
            commit_interval_ms=engine.commit_ms,
            num_standby_replicas=engine.standbys,
            # A newcomer gets tasks with much state when it has caught up with it; looked at each minute, not each ten.
            probing_rebalance_interval_ms=60_000,
            metadata_max_age_ms=_METADATA_MS,
            poll_ms=max(1, round(engine.linger * 1000)),
            main_consumer_group_instance_id=options.member,
            consumer_session_timeout_ms=_SESSION_MS,
            consumer_heartbeat_interval_ms=_SESSION_MS // 3,
            consumer_max_partition_fetch_bytes=REQUEST_BYTES,
            main_consumer_max_poll_records=10 * options.max_records,
            consumer_default_api_timeout_ms=_ANSWER_WITHIN_MS,
            producer_max_request_size=REQUEST_BYTES,
            producer_max_block_ms=_ANSWER_WITHIN_MS,
            producer_batch_size=256 * 1024,
            metrics_recording_level="INFO",
        )

    def _on_error(self, error: BaseException) -> Response:
        """A thread that fails now and then is replaced; one that fails again and again is a fault of ours."""
        waited_for = isinstance(error, BrokerUnavailable | RegistryUnavailable)
        if not (waited_for or self._tally.ending.is_set()):
            self._failures.note()
        ends = self._failures.often or FENCE in str(error)
        return Response.SHUTDOWN_CLIENT if ends else Response.REPLACE_THREAD

    def _pass_over(self, topic: str, partition: int, offset: int, reason: str) -> int:
        after = self.watch.pass_over(topic, partition, offset, reason)
        self._count_unreadable(topic)
        return after

    def _look_into(self, topic: str, partition: int, offsets: range) -> Reread:
        found = self.watch.look_into(topic, partition, offsets)
        for _ in found.gaps:
            self._count_unreadable(topic)
        return found

    def _count_unreadable(self, topic: str) -> None:
        if topic == self.options.topics.records:
            self.meter.add(BatchOutcome(Counts(dead_lettered=1), (("read", "UnreadableBatch"),)))
