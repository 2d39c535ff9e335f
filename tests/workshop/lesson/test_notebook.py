"""What a notebook's kernel has before its first cell."""

from __future__ import annotations

import subprocess
import sys

_KERNEL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from modelserving.workshop.lesson.notebook import prepare_kernel
InteractiveShell.instance()
before = "numpy" in sys.modules
prepare_kernel()
print(before, "numpy" in sys.modules)
"""


def test_numpy_is_there_before_a_cell_can_be_stopped() -> None:
    """Stopped in the middle of its first import, it could not be imported again before a restart."""
    done = subprocess.run([sys.executable, "-c", _KERNEL], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "True"
