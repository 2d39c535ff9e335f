"""The running system: which servers there are, and what the broker has.

::

    announced.py      where each server of this machine listens, in a file for as long as it runs
    cluster.py        topics, groups and what waits, asked of the broker
"""

from modelserving.monitoring.overview.announced import AnnouncedServer, announced, read_announced
from modelserving.monitoring.overview.cluster import ClusterState, ClusterWatch, GroupState, TopicState

__all__ = [
    "AnnouncedServer",
    "ClusterState",
    "ClusterWatch",
    "GroupState",
    "TopicState",
    "announced",
    "read_announced",
]
