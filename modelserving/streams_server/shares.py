"""Shares of several instances put together: the whole, or a reason why there is none now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from modelserving.errors import ServerError
from modelserving.streams_server.stores import ModelStatistics


@dataclass(frozen=True, slots=True)
class InstanceShare:
    """What one instance holds of a data type.

    Args:
        instance: its address.
        partitions: of each partition whose state it holds, what was counted there.
    """

    instance: str
    partitions: Mapping[int, ModelStatistics]


def add_up(shares: Iterable[InstanceShare], expected: Collection[int]) -> ModelStatistics:
    """What all have counted together, if each partition is held by one of them, and by one only.

    Raises:
        ServerError: a partition is held by nobody, or by two: they are just being moved.
    """
    holders: dict[int, str] = {}
    whole = ModelStatistics()
    for share in shares:
        for partition, found in sorted(share.partitions.items()):
            if partition in holders:
                raise ServerError(
                    f"partition {partition} is held by {holders[partition]} and by {share.instance}: the instances do "
                    "not agree yet on who has it (they are rebalancing). Ask again in a moment."
                )
            holders[partition] = share.instance
            whole.merge(found)
    if missing := sorted(set(expected) - set(holders)):
        listed = ", ".join(str(partition) for partition in missing)
        raise ServerError(
            f"nobody holds the state of partition {listed}: it is being moved or restored (the instances are "
            "rebalancing). Ask again in a moment."
        )
    return whole
