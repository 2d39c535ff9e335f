"""What no record tells: whether the broker is there, what it let go, and who else works on the same topics.

Every kind of server has one, so that all say the same. It asks the broker every few seconds, with a client of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from kafka import OffsetSpec, TopicPartition
from kafka.errors import AuthorizationError, UnknownError

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, Gap
from modelserving.kafka.reading import Reread, find_gap, find_silence
from modelserving.kafka.settings import settings_to_mend
from modelserving.serving.messages import Batch
from modelserving.serving.options import ServerOptions
from modelserving.serving.report.status import Health, Phase
from modelserving.serving.running.asking import EVERY_S, NO_ANSWER, BrokerClient, deleted, describe
from modelserving.serving.running.audit import OffsetAudit
from modelserving.serving.running.gap_letters import GapLetters
from modelserving.serving.running.membership import DENIED, Membership, where_allowed
from modelserving.serving.running.open_transactions import OpenTransactions
from modelserving.serving.running.worker_thread import run_abandonable

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

log = logging.getLogger(__name__)

_EVERY_S = EVERY_S
_BEGUN_WITHIN_S = 20.0
_STANDS_S = 15.0
"""After so long without progress the watch looks itself whether there is something to read; then now and then."""
_HAD_S = 30.0
"""Whoever takes a partition over waits for as long until the broker has ended a transaction of the one before."""
_LISTEN_AGAIN_S = 60.0
_ONLY_FAST = (
    "nothing has been read from there for a minute, though it can be read. If this server waits for nothing else, "
    "librdkafka cannot take apart what is there: start it without --fast, until it is behind that place"
)
_MISSED = "this server has waited for records for long, and there are some"
_GONE_FOR_GOOD = -1


class TopicWatch:
    """Looks at the broker over and over.

    Args:
        connection: to the cluster.
        options: of the server that it is for.
    """

    def __init__(self, connection: Connection, options: ServerOptions) -> None:
        self._client = BrokerClient(connection)
        self._connection = self._client.connection
        self._options = options
        self._letters = GapLetters(self._connection, options.topics.dead_letters)
        self._told: set[str] = set()
        self._settings: tuple[str, ...] | None = None
        self.audit = OffsetAudit(options.topics.records)
        self.away = ""
        """Why the broker is not there; empty while it is."""
        self.warnings: tuple[str, ...] = ()
        """What else is worth knowing, a line each."""
        self._member = Membership(options)
        self._open = OpenTransactions()
        self._has_inlet = False
        self._waits_since: float | None = None
        self._missed: Gap | None = None
        self._standing: dict[int, tuple[int, float, int]] = {}
        self.silent: dict[int, Gap] = {}
        """Where the broker gives nothing of the records' topic, although it has something, by partition."""
        self.lag: dict[int, int] = {}
        """How many records the group has not dealt with yet, by partition; empty while the broker does not say."""
        self.identity: tuple[object, int] | None = None
        """Of the records' topic now: its id, and its number of partitions; ``None`` while it is not known."""
        self.about_models: tuple[object, ...] | None = None
        """The same of the two topics about models."""

    @property
    def details(self) -> tuple[str, ...]:
        """All that belongs into ``/healthz``."""
        lost = self.audit.lost
        parts = ", ".join(f"{count} in partition {part}" for part, count in sorted(lost.items()))
        gone = (f"offsets of {self._options.topics.records} lost before they were scored: {parts}",) if lost else ()
        silent = map(str, tuple(self.silent.values()))
        return (*((self.away,) if self.away else ()), *gone, *silent, *self.warnings)

    async def begin(self) -> None:
        """Look once; where a broker that has just started does not say all yet, again for some seconds.

        Whether records were cut off before they were scored shows only from where the group stood before it reads on.
        """
        until = time.monotonic() + _BEGUN_WITHIN_S
        await run_abandonable(self.look)
        while self.away and time.monotonic() < until:
            await anyio.sleep(_EVERY_S / 4)
            await run_abandonable(self.look)

    async def run(self) -> None:
        """Look until cancelled."""
        await self._client.keep_asking(self.look, _EVERY_S)

    def judge(self, health: Health) -> Health:
        """The health of a server, with what was seen here: who has no broker, or no registry, does not serve."""
        writers = self._options.writers
        if writers is not None and writers.away:
            health = Health(False, Phase.WAITING, (*health.details, writers.away))
        if self.away and health.phase == Phase.SERVING:
            health = Health(False, Phase.WAITING, health.details)
        return Health(health.ok, health.phase, (*health.details, *self.details))

    async def note(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
        """The same batches; what was read with them is noted, and since when the next one is waited for."""
        self._has_inlet, self._waits_since = True, time.monotonic()
        async for batch in batches:
            self._waits_since = None
            self.audit.read(batch.messages, batch.gaps)
            for gap in batch.gaps:
                log.warning("passed over: %s", gap)
            yield batch
            self._waits_since = time.monotonic()

    def silences(self) -> Sequence[tuple[str, int, range]]:
        """Topic, partition and offsets of each place that the broker gives nothing from."""
        return [(gap.topic, gap.partition, range(gap.start, gap.end)) for gap in tuple(self.silent.values())]

    def pass_over(self, topic: str, partition: int, offset: int, reason: str) -> int:
        """As ``GapLetters.pass_over``; where nothing comes from is known already, and what is passed over was read."""
        gap = self.silent.get(partition) if topic == self._options.topics.records else None
        if gap is None or not gap.start <= offset < gap.end:
            gap = find_gap(self._connection, topic, partition, offset, reason)
        if topic == self._options.topics.records:
            self.audit.read((), (gap,))
        self._letters.keep(gap)
        return gap.end

    def look_into(self, topic: str, partition: int, offsets: range) -> Reread:
        """As ``GapLetters.look_into``; what is passed over was read."""
        found = self._letters.look_into(topic, partition, offsets)
        if topic == self._options.topics.records:
            self.audit.read((), found.gaps)
        return found

    async def end_when_outdated(self) -> None:
        """Raise when a session reads nothing any more and does not know it.

        Raises:
            BrokerUnavailable: the records' topic was made anew, or the group has lost its client, or nothing is read
                although it can be: a session begins again, where the group goes on.
        """
        first, begun = self.identity, time.monotonic()
        self._missed = None
        while first is None or self.identity is None or self.identity[0] == first[0]:
            first = first or self.identity
            if self._member.is_lost(begun):
                raise BrokerUnavailable(
                    f"the group {self._options.group} has had no member {self._options.member} for long"
                )
            if missed := self._take_missed():
                await anyio.sleep(_EVERY_S)  # it may have come just now
                if self._waits_for(_STANDS_S):
                    raise BrokerUnavailable(str(missed))
            await anyio.sleep(0.2)
        raise BrokerUnavailable(f"{self._options.topics.records} was made anew")

    def look(self) -> None:
        """Look once. That the broker does not answer is no error here, but what was found out."""
        try:
            self._look(self._client.admin())
        except AuthorizationError as error:  # it is there, and says no
            self.away, self.lag = "", {}
            self.warnings = (DENIED.format("its topics and its group (Describe)", error),)
            self._tell(self.warnings[0])
        except NO_ANSWER as error:
            self.away = f"the broker at {self._connection.bootstrap_servers} does not answer"
            log.debug("looked in vain: %r", error)
            self._begin_again()
        except Exception as error:  # noqa: BLE001 - an answer that nobody foresaw is no reason for a server to end
            self._tell(f"what the broker says of its topics and groups is not understood: {error!r}")
            self._begin_again()
        else:
            self.away = ""

    def _begin_again(self) -> None:
        self.lag = {}
        self._member.forget()
        self._client.let_go()

    def _look(self, admin: KafkaAdminClient) -> None:
        names = self._options.topics
        read = (names.records, names.scored, names.models, names.control)
        described = describe(admin, read)
        topics = {name: _partitions(name, described.get(name, {})) for name in read}
        identities = {name: (described[name].get("topic_id"), len(parts)) for name, parts in topics.items() if parts}
        self.identity = identities.get(names.records)
        if names.models in identities:
            self.about_models = (identities[names.models], identities.get(names.control))
        if self.identity is not None:
            self._audit(admin, topics[names.records])
        if self._settings is None:
            own_settings = partial(settings_to_mend, admin, names, self._connection.bootstrap_servers)
            self._settings = where_allowed(own_settings, "the settings of its topics (DescribeConfigs)")
        own = tuple(self._member.look(admin, len(topics[names.records])))
        if self._has_inlet:
            self._member.share_anew(admin)
        look = partial(self._member.others, admin, topics[names.scored])
        others = where_allowed(look, f"who else writes to {names.scored} (Read)")
        missing = deleted(described, (names.records, names.scored))
        read_from = [tp for name in (names.records, names.models, names.control) for tp in topics[name]]
        self.warnings = (*missing, *self._settings, *own, *others, *self._open.look(admin, read_from))
        for line in self.warnings:
            self._tell(line)

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            log.warning("%s", line)

    def _audit(self, admin: KafkaAdminClient, partitions: list[TopicPartition]) -> None:
        before = self.audit.positions
        starts = _offsets(admin, partitions, OffsetSpec.EARLIEST)
        group = self._options.group
        found = admin.list_group_offsets({group: partitions})[group]
        committed = {tp.partition: at.offset for tp, at in found.items() if at.offset > _GONE_FOR_GOOD}
        ends = _offsets(admin, partitions, OffsetSpec.LATEST)
        self.lag = {part: max(0, end - max(committed.get(part, 0), starts.get(part, 0))) for part, end in ends.items()}
        for gap in self.audit.look(starts, ends, committed, before):
            log.warning("%d offsets lost: %s", gap.count, gap)
        for gap in self.audit.find_misread(self._find_what_is_there):
            log.warning("%d offsets lost: %s", gap.count, gap)
        self._listen({part: max(starts.get(part, 0), self.audit.positions.get(part, 0)) for part in ends}, committed)

    def _find_what_is_there(self, part: int, at: int) -> object:
        try:
            return find_silence(self._connection, self._options.topics.records, part, at)
        except UnknownError:  # it fails to read there, perhaps for the moment only
            return None

    def _listen(self, positions: Mapping[int, int], committed: Mapping[int, int]) -> None:
        """See whether a partition that has more, and where reading has not moved for long, can be read at all."""
        now = time.monotonic()
        for part in positions:
            at = max(positions[part], committed.get(part, 0))
            stood, until, times = self._standing.get(part, (-1, 0.0, 0))
            if stood != at or not self.lag.get(part):
                self._standing[part] = at, now + _STANDS_S, 0
                self.silent.pop(part, None)
            elif now >= until and part not in self.silent:
                self._standing[part] = at, now + _LISTEN_AGAIN_S, times + 1
                gap = self._try_out(part, at, suspected=bool(times) and self._options.fast)
                if gap is not None:
                    log.warning("nothing comes: %s", gap)
                    self.silent[part] = gap

    def _try_out(self, part: int, at: int, *, suspected: bool) -> Gap | None:
        """What keeps reading where it stands, if anything does; what can be read is suspected of librdkafka's only."""
        topic = self._options.topics.records
        try:
            found = find_silence(self._connection, topic, part, at)
        except UnknownError as error:
            return Gap(topic, part, at, at, str(error))  # nobody is moved by it: it may be for the moment only
        if isinstance(found, Gap):
            return replace(found, start=min(found.start, at))  # marks of transactions may stand before it
        if found is not None and self._member.has_had(part, _HAD_S) and self._waits_for(_STANDS_S):
            self._missed = Gap(topic, part, at, at, _MISSED)
        return Gap(topic, part, at, at, _ONLY_FAST) if found is not None and suspected else None

    def _take_missed(self) -> Gap | None:
        found, self._missed = self._missed, None
        return found

    def _waits_for(self, seconds: float) -> bool:
        """Whether whoever reads has got nothing for so long, and not because it did not ask."""
        since = self._waits_since
        return since is not None and time.monotonic() - since > seconds


def _partitions(topic: str, described: Mapping[str, Any]) -> list[TopicPartition]:
    if described.get("error_code", 1):
        return []
    return [TopicPartition(topic, part["partition_index"]) for part in described["partitions"]]


def _offsets(admin: KafkaAdminClient, partitions: list[TopicPartition], spec: OffsetSpec) -> dict[int, int]:
    found = admin.list_partition_offsets(dict.fromkeys(partitions, spec))
    return {tp.partition: at.offset for tp, at in found.items()}
