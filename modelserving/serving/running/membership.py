"""What the broker says of who works here: this server's place in its consumer group, and servers of other groups."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kafka.errors import AuthorizationError

from modelserving.serving.options import ServerOptions

if TYPE_CHECKING:
    from kafka import KafkaAdminClient, TopicPartition

log = logging.getLogger(__name__)

_RECENT_MS = 60_000
_LEFT_OUT_S = 30.0
"""A client that is not in its group for so long does not come back by itself."""
_UNSHARED_S = 5.0
"""Partitions that were added are shared by the group itself within that time, if it does."""
DENIED = (
    "the broker does not let this server's user see {}: {}. It serves all the same; what is wrong there, it cannot tell"
)
_SETTLED = ("Stable", "Empty", "Dead")


class Membership:
    """Looks at the group over and over.

    Args:
        options: of the server that it is for.
    """

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._numbered = re.compile(rf"{re.escape(options.member)}-\d+")
        self._left_out: float | None = None
        self._seen_out = 0.0
        self._unshared: frozenset[int] = frozenset()
        self._unshared_since = 0.0
        self._is_first = False
        self._has_since: dict[int, float] = {}

    def forget(self) -> None:
        """Nobody says anything: the broker does not answer."""
        self._left_out = None
        self._unshared = frozenset()

    def is_lost(self, since: float) -> bool:
        """Whether the group has known nothing of this server for long.

        Args:
            since: the moment from which on that counts; as ``time.monotonic``.
        """
        return self._left_out is not None and self._seen_out - max(self._left_out, since) > _LEFT_OUT_S

    def has_had(self, partition: int, seconds: float) -> bool:
        """Whether this server has had a partition of the records' topic for so long, as far as the group says."""
        since = self._has_since.get(partition)
        return since is not None and time.monotonic() - since > seconds

    def look(self, admin: KafkaAdminClient, partitions: int) -> Iterator[str]:
        """See whether this server is in its group, and say if it has nothing to do since there are too few partitions.

        Args:
            admin: whom to ask.
            partitions: how many the records' topic has; none while it is not there, which others say.
        """
        group = admin.describe_groups([self._options.group])[self._options.group]
        members = group.get("members") or []
        own = self._own(members)
        now, parts = time.monotonic(), {part for one in own for part in _assigned(one, self._options.topics.records)}
        self._has_since = {part: self._has_since.get(part, now) for part in parts}
        if own or group.get("group_state") not in _SETTLED:
            self._left_out = None
        else:
            self._seen_out = time.monotonic()
            self._left_out = self._left_out or self._seen_out
        is_settled = group.get("group_state") == "Stable"
        self._note_unshared(members if is_settled else (), range(partitions))
        if partitions and is_settled and own and not self._unshared and not any(map(_has_work, own)):
            yield (
                f"this server has nothing to score: the group {group['group_id']} has {len(members)} members, and "
                f"{self._options.topics.records} has {partitions} partitions. It takes "
                "over when another one ends; add partitions to let both work."
            )

    def share_anew(self, admin: KafkaAdminClient) -> None:
        """Leave a group in which partitions are nobody's for some seconds: the client comes back, and all is shared.

        Who comes under a name that the group knows gets what that name had, and nobody shares: not what was added
        since, nor anything, if the one before it had joined in a moment in which it did not know the topic yet.

        Args:
            admin: whom to tell. Of several servers that see it, one does.
        """
        from kafka.admin import MemberToRemove

        if self._unshared and self._is_first and time.monotonic() - self._unshared_since > _UNSHARED_S:
            parts = ", ".join(map(str, sorted(self._unshared)))
            log.warning("nobody reads partition %s of %s: shared anew", parts, self._options.topics.records)
            self._unshared = frozenset()
            admin.remove_group_members(self._options.group, [MemberToRemove(group_instance_id=self._options.member)])

    def _note_unshared(self, members: Sequence[Mapping[str, Any]], partitions: range) -> None:
        """Note which partitions nobody has, and since when there are some."""
        shared = {part for one in members for part in _assigned(one, self._options.topics.records)}
        known = members and all(isinstance(one.get("member_assignment"), Mapping) for one in members)
        before, self._unshared = self._unshared, frozenset(partitions) - shared if known else frozenset()
        if not before & self._unshared:
            self._unshared_since = time.monotonic()
        first = min((str(one.get("group_instance_id") or "") for one in members), default="")
        self._is_first = first == self._options.member

    def _own(self, members: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """This server; of one with several threads each is a member, by the server's name and a number."""
        names = [str(one.get("group_instance_id") or "") for one in members]
        same = [one for one, name in zip(members, names, strict=True) if name == self._options.member]
        return same or [one for one, name in zip(members, names, strict=True) if self._numbered.fullmatch(name)]

    def others(self, admin: KafkaAdminClient, partitions: Sequence[TopicPartition]) -> Iterator[str]:
        """Say who else answers on the same topic: servers of another group answer the same records once more.

        Args:
            admin: whom to ask.
            partitions: of the topic of answers.
        """
        since = time.time() * 1000 - _RECENT_MS
        states = admin.describe_producers(list(partitions)).values() if partitions else ()
        recent = {one.producer_id for state in states for one in state.active_producers if one.last_timestamp > since}
        known = admin.list_transactions(producer_id_filters=recent).values() if recent else ()
        names = {one.transactional_id for found in known for one in found} - {self._options.member}
        groups = [str(one["group_id"]) for one in admin.list_groups()] if names else []
        others = sorted(name for name in names if _group_of(name, groups) != self._options.group)
        if others:
            yield (
                f"{self._options.topics.scored} has answers by servers of another group, too: {', '.join(others)}. "
                f"Each record has several answers then. Servers that share the work need one --group; "
                f"this one's is {self._options.group}. Pipelines of their own need a --prefix."
            )


def where_allowed(look: Callable[[], Iterable[str]], what: str) -> tuple[str, ...]:
    """The lines that a look gives; where the broker does not allow it, one that says so: a server serves all the same.

    Args:
        look: at the broker.
        what: is looked at, and the right that it takes.
    """
    try:
        return tuple(look())
    except AuthorizationError as error:
        return (DENIED.format(what, error),)


def _group_of(producer: str, groups: Sequence[str]) -> str:
    """Whose a producer is, by its name: ``a-2-0`` is of the group ``a-2`` if there is one, else of ``a``."""
    return max((group for group in groups if producer.startswith(f"{group}-")), key=len, default="")


def _assigned(member: Mapping[str, Any], topic: str) -> Iterator[int]:
    assignment = member.get("member_assignment")
    for one in (assignment.get("assigned_partitions") or ()) if isinstance(assignment, Mapping) else ():
        yield from one.get("partitions") or () if one.get("topic") == topic else ()


def _has_work(member: Mapping[str, Any]) -> bool:
    """Whether a member has a partition; what cannot be read counts as work."""
    assignment = member.get("member_assignment")
    return not isinstance(assignment, Mapping) or any(
        topic.get("partitions") for topic in assignment.get("assigned_partitions") or ()
    )
