"""The running system: which servers there are, and what the broker has.

::

    announced.py      where each server of this machine listens, in a file for as long as it runs
"""

from modelserving.monitoring.overview.announced import AnnouncedServer, announced, read_announced

__all__ = ["AnnouncedServer", "announced", "read_announced"]
