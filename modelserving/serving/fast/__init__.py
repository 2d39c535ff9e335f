"""The inlet and the outlet on librdkafka: as ``source.py`` and ``sink.py`` beside this folder, several times as fast.

The same rules hold: nothing is read that is not asked for (beyond a bounded buffer), and results, dead letters and the
group's progress are one transaction. Errors come as kafka-python's, so that a session ends and begins again for the
same reasons.

::

    source.py   the inlet
    order.py    whether what was read can be where it says that it was
    sink.py     the outlet
"""

from modelserving.serving.fast.sink import FastSink
from modelserving.serving.fast.source import FastSource

__all__ = ["FastSink", "FastSource"]
