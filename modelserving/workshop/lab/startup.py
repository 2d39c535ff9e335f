"""What a kernel of the lab runs first: ■ stops also the first cell, with one line, and its seconds are counted.

Python's own prompt ignores it.
"""

import contextlib

with contextlib.suppress(ImportError):
    from modelserving.widgets.waiting import count_waits
    from modelserving.workshop.lesson.notebook import prepare_kernel

    prepare_kernel()
    count_waits(True)
    del count_waits, prepare_kernel
del contextlib
