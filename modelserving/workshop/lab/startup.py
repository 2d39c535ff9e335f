"""What a kernel of the lab runs first: ■ stops also the first cell, with one line. Python's own prompt ignores it."""

import contextlib

with contextlib.suppress(ImportError):
    from modelserving.workshop.lesson.notebook import prepare_kernel

    prepare_kernel()
    del prepare_kernel
del contextlib
