"""What a lesson has on the broker: topics and consumer groups whose names begin with the lesson's prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from kafka import KafkaAdminClient
from kafka.errors import RetriableError, TopicAlreadyExistsError

from modelserving.config import Settings
from modelserving.errors import WaitTimeout
from modelserving.system import poll
from modelserving.widgets.waiting import waiting

T = TypeVar("T")

_KEPT_IN = ("lessons", "state", "streams", "heating", "monitor")
"""In the home folder: of lessons, of actor servers, of Kafka Streams servers, of heaters' servers, of monitors."""
_COMPACTED = {
    # Small segments and no waiting, so that an attendee sees compaction happen and need not believe in it.
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "100",
    "delete.retention.ms": "100",
}


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What the broker has under a prefix.

    Args:
        topics: their names, sorted.
        groups: names of consumer groups, sorted.
    """

    topics: tuple[str, ...]
    groups: tuple[str, ...]


def find_leftovers(admin: KafkaAdminClient, prefix: str) -> Leftovers:
    """The topics and groups whose names begin with ``prefix-``."""
    groups = with_retries(admin.list_groups, "the broker's list of groups")
    return Leftovers(_under(prefix, admin.list_topics()), _under(prefix, (group["group_id"] for group in groups)))


def local_folders(settings: Settings, pattern: str) -> tuple[Path, ...]:
    """A lesson's own folder, and what servers of its groups keep over restarts.

    Args:
        settings: where local files are.
        pattern: how the names of the folders begin.
    """
    return tuple(folder for kept in _KEPT_IN for folder in sorted((settings.home / kept).glob(f"{pattern}*")))


def delete(admin: KafkaAdminClient, leftovers: Leftovers) -> tuple[str, ...]:
    """Delete topics and groups, and wait until the topics are gone; what is gone already is no error.

    Returns:
        Groups that somebody still uses, so that they could not be deleted.
    """
    if leftovers.topics:
        admin.delete_topics(list(leftovers.topics), raise_errors=False)
        gone = set(leftovers.topics)
        wait_until(lambda: gone.isdisjoint(admin.list_topics()), f"topics {', '.join(leftovers.topics)} to be deleted")
    return delete_groups(admin, leftovers.groups)


def delete_groups(admin: KafkaAdminClient, groups: Iterable[str]) -> tuple[str, ...]:
    """Delete groups with their positions, also those that a broker that has only just started does not list yet.

    Args:
        admin: whom to ask.
        groups: their names; one that there never was is no error.

    Returns:
        Groups that somebody still uses, so that they could not be deleted.
    """
    left, used = set(groups), set[str]()

    def gone() -> bool:
        # The client answers with the names of errors, and with "OK".
        said: dict[str, str] = with_retries(lambda: dict(admin.delete_groups(sorted(left))), "groups to be deleted")
        left.difference_update(group for group, error in said.items() if error in {"OK", "GroupIdNotFoundError"})
        used.update(group for group in left if said[group] == "NonEmptyGroupError")
        left.difference_update(used)
        return not left

    if left:
        wait_until(gone, f"groups {', '.join(sorted(left))} to be deleted")
    return tuple(sorted(used))


def make_topic(
    admin: KafkaAdminClient,
    topic: str,
    *,
    partitions: int = 1,
    compacted: bool = False,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Make a topic anew: one of that name, with all its records, goes first.

    Args:
        admin: whom to ask.
        topic: its name.
        partitions: how many.
        compacted: whether only the newest record of each key is to stay, cleaned up at once rather than after hours.
        settings: further ones, by the broker's names.
    """
    if topic in admin.list_topics():
        delete(admin, Leftovers((topic,), ()))
    configs = {**settings, **(_COMPACTED if compacted else {})}
    new = {topic: {"num_partitions": partitions, "replication_factor": -1, "configs": configs}}
    try:
        admin.create_topics(new, wait_for_metadata=True)
    except TopicAlreadyExistsError:  # asked for by a cell that was stopped, and made only now
        delete(admin, Leftovers((topic,), ()))
        admin.create_topics(new, wait_for_metadata=True)


def hurry_compaction(admin: KafkaAdminClient) -> None:
    """Have the broker look for something to compact every fifth of a second, instead of every 15 seconds."""
    from kafka.admin import ConfigResource, ConfigResourceType

    brokers = (str(broker["broker_id"]) for broker in admin.describe_cluster()["brokers"])
    pause = {"log.cleaner.backoff.ms": "200"}
    admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, broker, configs=pause) for broker in brokers])


def with_retries(ask: Callable[[], T], what: str) -> T:
    """Ask a broker that may have only just started: it answers for topics first, and for groups a moment later.

    Args:
        ask: the question; asked again when the answer is an error that goes away by itself.
        what: what is asked for, for the message.

    Raises:
        KafkaError: it did not go away.
    """
    answers: list[T] = []

    def answered() -> bool:
        try:
            answers.append(ask())
        except RetriableError:
            return False
        return True

    wait_until(answered, what)
    return answers[0]


def wait_until(condition: Callable[[], T], what: str, seconds: float = 60, pause: float = 0.05) -> T:
    """Ask again and again until the answer is true.

    Args:
        condition: asked at once, and then after each pause.
        what: what is waited for, for the message.
        seconds: how long at most.
        pause: seconds between two questions.

    Returns:
        The first answer that is true.

    Raises:
        WaitTimeout: there was none in time.
    """
    with waiting(what):
        answer = poll(condition, seconds, pause)
    if not answer:
        raise WaitTimeout(f"Waited {seconds:g} s for {what}, in vain.")
    return answer


def _under(prefix: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if name.startswith(f"{prefix}-")))
