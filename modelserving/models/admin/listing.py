"""What the topics and the repository know about models: for people, while no server needs to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from modelserving.errors import ConfigError, ModelUnreachable, RecordError
from modelserving.kafka import Connection, DeadLetter, read_dead_letters, read_topic
from modelserving.models.info import Slots
from modelserving.models.lifecycle.history import History
from modelserving.models.lifecycle.order import LogPosition, ModelRef
from modelserving.models.store.repository import ModelRepository
from modelserving.records import (
    ModelDescriptor,
    ScoredRecord,
    Topics,
    decode_command,
    decode_descriptor,
    decode_scored,
)


class ModelStatus(StrEnum):
    """Where a model stands."""

    CURRENT = "current"
    PREVIOUS = "previous"
    SHADOW = "shadow"
    KNOWN = "known"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model that was published, or is in the repository.

    Args:
        model: what is known about it, without its bytes; ``digest`` is that of the bytes all the same.
        status: where it stands.
        published_ms: when it was published, milliseconds since 1970.
        note: for a shadow, how much it scores; for a model that a server refused, why.
        unreachable: for a model that a server refused: whether its source did not answer. Other servers may have it.
    """

    model: ModelDescriptor
    status: ModelStatus
    published_ms: int
    note: str = ""
    unreachable: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of its bytes, hexadecimal."""
        return self.model.sha256


@dataclass(frozen=True, slots=True)
class ModelListing:
    """Models, data type by data type: those that are in a slot first, then the others, newest first."""

    models: tuple[ListedModel, ...]

    @property
    def data_types(self) -> tuple[str, ...]:
        """The data types that have a model here, in alphabetical order."""
        return tuple(sorted({listed.model.data_type for listed in self.models}))

    def of(self, data_type: str) -> tuple[ListedModel, ...]:
        """The models of one data type.

        Raises:
            ConfigError: it has none.
        """
        found = tuple(listed for listed in self.models if listed.model.data_type == data_type)
        if not found:
            known = ", ".join(self.data_types) or "none yet: `modelserving models publish` sends one"
            raise ConfigError(f"no model was published for data type {data_type!r}. Data types with models: {known}.")
        return found

    def with_status(self, data_type: str, status: ModelStatus) -> ListedModel | None:
        """The first model that has it, or ``None``.

        Raises:
            ConfigError: the data type has no models.
        """
        return next((listed for listed in self.of(data_type) if listed.status is status), None)

    def named(self, data_type: str, digits: str) -> ListedModel:
        """The model whose digest begins so.

        Raises:
            ConfigError: there is none, or there are several; or a server refused it for what it is.
        """
        found = {one.digest: one for one in reversed(self.of(data_type)) if one.digest.startswith(digits.lower())}
        if len(found) != 1:
            known = ", ".join(f"{one.digest[:12]} {one.model.name}" for one in self.of(data_type))
            count = "no model" if not found else f"{len(found)} models"
            raise ConfigError(f"{count} of {data_type!r} with a digest that begins with {digits!r}. Known: {known}.")
        (model,) = found.values()
        if model.status is ModelStatus.REFUSED and not model.unreachable:
            raise ConfigError(f"a server refused model {model.model.name!r}: {model.note} Publish a better one.")
        return model


@dataclass(frozen=True, slots=True)
class ScoredBy:
    """An answer, and the model that gave it.

    Args:
        scored: the answer.
        listed: what is known about the model, its quality among it; ``None`` when nobody knows it any more.
    """

    scored: ScoredRecord
    listed: ListedModel | None


def read_overview(connection: Connection, topics: Topics, repository: ModelRepository | None = None) -> ModelListing:
    """Read both topics about models, what servers refused, and the repository.

    Which model is where follows from the messages alone, as on every server; what one server refused is in no slot.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: the topics do not exist.
    """
    history = History(repository.find) if repository else History()
    refused = dict(_refusals(read_dead_letters(connection, topics.dead_letters), topics))
    published: dict[ModelRef, tuple[ModelDescriptor, LogPosition]] = {}
    for message in read_topic(connection, topics.models):
        position = LogPosition(message.timestamp, 0, message.partition, message.offset)
        try:
            model = decode_descriptor(message.value)
        except RecordError:
            continue
        ref = history.add_model(model, position).ref
        published[ref] = replace(model, data=b"", sha256=model.digest), position
        if (position.partition, position.offset) in refused:
            history.drop(ref)
    for message in read_topic(connection, topics.control):
        try:
            command = decode_command(message.value)
        except RecordError:
            continue
        history.add_command(command, LogPosition(message.timestamp, 1, message.partition, message.offset))
    desired = history.desired().slots
    listed = [_listed(ref, *found, desired, refused) for ref, found in published.items()]
    for kept in repository.entries() if repository else ():
        ref = ModelRef(kept.fingerprint, kept.digest)
        if ref not in published:
            listed.append(_listed(ref, kept.descriptor, LogPosition(kept.published_ms, 0, 0, 0), desired, {}))
    order = list(ModelStatus)
    return ModelListing(
        tuple(sorted(listed, key=lambda one: (one.model.data_type, order.index(one.status), -one.published_ms)))
    )


def who_scored(
    connection: Connection,
    topics: Topics,
    partition: int,
    offset: int,
    repository: ModelRepository | None = None,
) -> tuple[ScoredBy, ...]:
    """Which models scored this record, and how good were they?

    Args:
        connection: to the cluster.
        topics: the answers are in ``scored``.
        partition: of the record.
        offset: of the record.
        repository: knows the models that compaction took from the topic.

    Returns:
        All answers to that record, in the order in which they were given; servers of two groups give two.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: the topics do not exist.
    """
    answers = [one for one in _answers(connection, topics) if (one.partition, one.offset) == (partition, offset)]
    known = read_overview(connection, topics, repository).models if answers else ()
    return tuple(ScoredBy(scored, next((one for one in known if _is(one.model, scored)), None)) for scored in answers)


def _answers(connection: Connection, topics: Topics) -> Iterator[ScoredRecord]:
    """All answers; what somebody else wrote among them is none."""
    for message in read_topic(connection, topics.scored):
        with suppress(RecordError):
            yield decode_scored(message.value)


def _is(model: ModelDescriptor, scored: ScoredRecord) -> bool:
    return (model.data_type, model.sha256, model.name, model.version) == (
        scored.data_type,
        scored.model_digest,
        scored.model_name,
        scored.model_version,
    )


def _refusals(letters: list[DeadLetter], topics: Topics) -> Iterator[tuple[tuple[int, int], DeadLetter]]:
    """The models that a server refused, by partition and offset; of several letters about a model, the last."""
    for letter in letters:
        if letter.topic == topics.models:
            yield (letter.partition, letter.offset), letter


def _listed(
    ref: ModelRef,
    model: ModelDescriptor,
    position: LogPosition,
    desired: Mapping[str, Slots[ModelRef]],
    refused: Mapping[tuple[int, int], DeadLetter],
) -> ListedModel:
    here = desired.get(model.data_type, Slots())
    letter = refused.get((position.partition, position.offset))
    if letter is not None:
        unreachable = letter.error == ModelUnreachable.__name__
        return ListedModel(model, ModelStatus.REFUSED, position.timestamp_ms, letter.reason, unreachable)
    if ref == here.current:
        return ListedModel(model, ModelStatus.CURRENT, position.timestamp_ms)
    if ref == here.previous:
        return ListedModel(model, ModelStatus.PREVIOUS, position.timestamp_ms)
    if ref == here.shadow:
        return ListedModel(model, ModelStatus.SHADOW, position.timestamp_ms, f"{here.percent:g} %")
    return ListedModel(model, ModelStatus.KNOWN, position.timestamp_ms)
