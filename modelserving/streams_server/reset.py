"""Let an application of Kafka Streams begin anew: its changelogs, its local state, and, if wanted, its progress.

Kafka's own ``StreamsResetter`` is in a jar that is not part of this package's lock; this does the same by the same
requests. It differs in one point: progress is kept unless told otherwise, so that no record is answered twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from modelserving.errors import ServerError
from modelserving.kafka import Connection, make_admin

_INTERNAL = ("-changelog", "-repartition")
_OVER = {"Empty", "Dead"}


@dataclass(frozen=True, slots=True)
class DeletedState:
    """What was deleted.

    Args:
        topics: internal ones.
        folders: of local state, those that there were.
        progress: whether the group's offsets are gone, too.
    """

    topics: tuple[str, ...]
    folders: tuple[Path, ...]
    progress: bool


def reset_application(
    connection: Connection, application: str, folders: Iterable[Path], *, from_beginning: bool
) -> DeletedState:
    """Delete the internal topics and the local state of an application that does not run.

    Args:
        connection: the broker.
        application: its id, which is its consumer group.
        folders: where the local state of its instances may be, on this machine.
        from_beginning: forget the progress, too: all records that are there are scored once more.

    Raises:
        BrokerUnavailable: no broker answers.
        ServerError: it runs, or a folder cannot be deleted.
    """
    admin = make_admin(connection)
    try:
        state = admin.describe_groups([application])[application]["group_state"]
        if state not in _OVER:
            raise ServerError(
                f"the application {application!r} runs (its group is {state}). Stop its servers first; one that was "
                "killed is missed after ten seconds, a monitor after 45."
            )
        groups = [one["group_id"] for one in admin.list_groups()]
        names = internal_topics(admin.list_topics(), application, groups)
        if names:
            admin.delete_topics(names)
        forgotten = from_beginning and state == "Empty"
        if forgotten:
            admin.delete_groups([application])
    finally:
        admin.close()
    found = tuple(folder for folder in folders if folder.is_dir())
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    left = [str(folder) for folder in found if folder.exists()]
    if left:
        raise ServerError(f"{', '.join(left)} cannot be deleted: state of the topics as they were. Delete it.")
    return DeletedState(tuple(sorted(names)), found, forgotten)


def internal_topics(topics: Iterable[str], application: str, groups: Iterable[str]) -> list[str]:
    """The topics that the engine made for an application.

    Args:
        topics: all there are.
        application: whose.
        groups: all consumer groups: what belongs to ``scoring-b`` begins like what belongs to ``scoring``, too.
    """
    others = [group for group in groups if group.startswith(f"{application}-")]
    own = [topic for topic in topics if _is_internal(topic, application)]
    return [topic for topic in own if not any(_is_internal(topic, other) for other in others)]


def _is_internal(topic: str, application: str) -> bool:
    beginning = f"{application}-"
    return topic.startswith(beginning) and topic[len(beginning) :].endswith(_INTERNAL)
