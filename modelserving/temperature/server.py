"""The heater's server: the topology, run over and over, and asked by anybody."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from modelserving import jvm
from modelserving.errors import BrokerUnavailable, ServerError
from modelserving.kafka import Connection
from modelserving.kafka.clients import REQUEST_BYTES
from modelserving.kstreams import KafkaStreams, State, java, streams_config
from modelserving.kstreams.bridge.clients import passing_over
from modelserving.records import TemperatureControl
from modelserving.serving import Health, Phase
from modelserving.serving.running.gap_letters import GapLetters
from modelserving.serving.running.inputs import InputTopics
from modelserving.serving.running.sessions import run_sessions
from modelserving.serving.running.worker_thread import run_abandonable
from modelserving.streams_server.heartbeat import Heartbeat, answer_to, why_ended
from modelserving.streams_server.instances import Instance, check_settled, holder_of, read_instances
from modelserving.temperature.topics import HEATING_TOPICS, HeatingTopics
from modelserving.temperature.topology import CONTROLS, make_heating_topology

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.05
_CLOSE_SECONDS = 10.0
_SESSION_MS = 10_000
_METADATA_MS = 3_000


@dataclass(frozen=True, slots=True)
class HeatingOptions:
    """How the heater's server runs.

    Args:
        state_folder: the engine's own folder.
        topics: what it reads and writes.
        group: the application; its instances share the sensors.
        instance: this one's name in it; unique, and the same after a restart.
        url: where it can be asked.
    """

    state_folder: Path
    topics: HeatingTopics = HEATING_TOPICS
    group: str = "heating"
    instance: str = "0"
    url: str = "http://127.0.0.1:5700"


class HeatingServer:
    """Controls heaters with Kafka Streams, until cancelled.

    Args:
        connection: to the cluster.
        options: how it runs.
    """

    def __init__(self, connection: Connection, options: HeatingOptions) -> None:
        self.options = options
        self.phase: str = Phase.STARTING
        self._connection = connection
        self._letters = GapLetters(connection, options.topics.dead_letters)
        self._inputs = InputTopics(connection, (options.topics.sensor, options.topics.control))
        self._refused: Counter[str] = Counter()
        self.streams: KafkaStreams | None = None
        self._heartbeat: Heartbeat | None = None
        self._sessions = 0
        self._problem = ""

    def health(self) -> Health:
        """Whether it controls: all its tasks are where they belong, and the broker hears of it."""
        streams, heartbeat = self.streams, self._heartbeat
        if streams is None or heartbeat is None or streams.state is not State.RUNNING:
            why = (self._problem, *self._inputs.missing)
            return Health(False, self.phase, tuple(filter(None, why)))
        missing = heartbeat.problem
        return Health(False, Phase.WAITING, (missing,)) if missing else Health(True, Phase.SERVING)

    @property
    def unreadable(self) -> Counter[str]:
        """Of each topic, how many messages, or batches of them, could not be read; all are dead letters."""
        return Counter(dict(self._refused)) + Counter(dict(self._letters.counts))

    def control(self, sensor: int) -> TemperatureControl | None:
        """What is wanted at a sensor that this instance has; ``None``: nothing.

        Raises:
            ServerError: tasks are on the move.
        """
        store = check_settled(self.streams).store(CONTROLS, java.QueryableStoreTypes.keyValueStore())
        found: TemperatureControl | None = store.get(str(sensor))
        return found

    def holder(self, sensor: int) -> Instance:
        """Which instance has a sensor.

        Raises:
            ServerError: tasks are on the move.
        """
        return holder_of(check_settled(self.streams), CONTROLS, str(sensor).encode())[0]

    def instances(self) -> tuple[Instance, ...]:
        """All instances, with the partitions of the sensors' topic that each has.

        Raises:
            ServerError: tasks are on the move.
        """
        return read_instances(check_settled(self.streams), self.options.topics.sensor)

    async def run(self) -> None:
        """Control until cancelled.

        Raises:
            BrokerUnavailable: no broker answers at the start; later on, it is waited for.
            ServerError: another instance has its name, or its state does not belong to its topics any more.
        """
        try:
            await anyio.to_thread.run_sync(jvm.start)
            await run_abandonable(self._inputs.look)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._inputs.run)
                await run_sessions(self._session, lambda: self._sessions, self._wait, "nothing is controlled now")
        finally:
            self.phase = Phase.STOPPED

    def _wait(self) -> None:
        self.phase = Phase.WAITING

    async def _session(self) -> None:
        """Run the engine until it gives up."""
        streams = await anyio.to_thread.run_sync(self._make)
        self._heartbeat, self.streams = Heartbeat(streams, _SESSION_MS / 1000), streams
        try:
            await run_abandonable(self._start, streams)
            while (state := streams.state) not in {State.NOT_RUNNING, State.ERROR}:
                if state is State.RUNNING and self.phase != Phase.SERVING:
                    self.phase, self._sessions, self._problem = Phase.SERVING, self._sessions + 1, ""
                await anyio.sleep(_LOOK_EVERY_S)
            raise why_ended(streams, self.options.group)
        except BrokerUnavailable as error:
            self._problem = str(error)
            raise
        finally:
            self.streams = self._heartbeat = None
            with anyio.move_on_after(_CLOSE_SECONDS + 2, shield=True):
                await run_abandonable(streams.close, _CLOSE_SECONDS)

    def _start(self, streams: KafkaStreams) -> None:
        try:
            streams.start()
        except ServerError as error:  # it was closed meanwhile
            raise BrokerUnavailable(str(error)) from error

    def _make(self) -> KafkaStreams:
        options = self.options
        where = urlsplit(options.url)
        name = f"{options.group}-{options.instance}"
        config = streams_config(
            self._connection,
            application_id=options.group,
            application_server=f"{where.hostname}:{where.port}",
            client_id=name,
            state_dir=options.state_folder,
            processing_guarantee="exactly_once_v2",
            commit_interval_ms=100,
            poll_ms=20,
            main_consumer_group_instance_id=name,
            consumer_session_timeout_ms=_SESSION_MS,
            consumer_heartbeat_interval_ms=_SESSION_MS // 3,
            main_consumer_metadata_max_age_ms=_METADATA_MS,
            producer_max_request_size=REQUEST_BYTES,
            # A sensor's clock says nothing that matters here, and may say what the engine does not take.
            default_timestamp_extractor="WallclockTimestampExtractor",
        )
        topology = make_heating_topology(options.topics, self._refuse)
        letters = self._letters
        clients = passing_over(letters.pass_over, look_into=letters.look_into, identities=self._inputs.identities)
        return KafkaStreams(topology, config, answer_to, clients=clients)

    def _refuse(self, topic: str) -> None:
        self._refused[topic] += 1
