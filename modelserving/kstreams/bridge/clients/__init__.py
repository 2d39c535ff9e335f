"""The engine's consumers, which do not stop at what they cannot read.

::

    lenient.py ─▶ search.py      a consumer that passes over what is damaged; where a poll failed that does not say it
             ├──▶ jumps.py       whether offsets jump for a good reason, or since a batch says that it is elsewhere
             └──▶ stamps.py      records that were stamped before 1970 get a time that the engine takes
                  getters.py     what all records of a poll say
"""

from modelserving.kstreams.bridge.clients.jumps import LookInto
from modelserving.kstreams.bridge.clients.lenient import PassOver, passing_over

__all__ = ["LookInto", "PassOver", "passing_over"]
