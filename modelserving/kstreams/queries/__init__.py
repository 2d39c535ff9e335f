"""Interactive queries: what is in the stores of an application, asked from outside, at any of its instances.

::

    instances.py      who belongs to the application, and holds what; whom a key belongs to
    local.py          what this instance holds, partition by partition
    sums.py           shares of several instances put together: the whole, or a reason why not

An instance holds the state of its own partitions only. It knows of the others, since each instance tells all others its
address (``application.server``) whenever they agree on who does what; but the engine moves no answers between them.
That is done by ``modelserving.web.queries``, over HTTP.

What a query sees is what the tasks have now, which may be ahead of the last commit by a tenth of a second. A task that
fails takes that back, with its results.
"""

from modelserving.kstreams.queries.instances import Instance, holder_of, read_instances
from modelserving.kstreams.queries.local import LocalState
from modelserving.kstreams.queries.sums import Share, add_up

__all__ = ["Instance", "LocalState", "Share", "add_up", "holder_of", "read_instances"]
