"""What the operating system is asked for, in one way each.

::

    closing.py     a with statement around whatever has a close
    files.py       a file that is written whole or not at all; a name that none has
    imports.py     libraries that another one would import for nothing
    interrupts.py  Ctrl-C that waits until something is not half done
    lazy.py        names that a package imports when they are first used
    leaving.py     the end of a process that has threads which do not end
    nesting.py     JSON that somebody else wrote, read no deeper than the stack goes
    pacing.py      work that is not urgent, and gives way
    parent.py      the end of the process that started this one
    ports.py       loopback ports: free ones, and who has one that is not
    stopping.py    waits that end when the work is not wanted any more
    waiting.py     ask again and again, until it is so or the time is over
"""

from modelserving.system.files import write_atomically
from modelserving.system.waiting import poll

__all__ = ["poll", "write_atomically"]
