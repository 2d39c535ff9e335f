"""Files that are written whole or not at all, and names that none has."""

from __future__ import annotations

import os
import threading
from itertools import count
from pathlib import Path


def write_atomically(target: Path, data: bytes | str, *, mode: int = 0o666, durable: bool = False) -> None:
    """Write a file so that a reader sees all of it, or the one before; also when this process is killed.

    A draft beside it (``<name>.<process>.<thread>.draft``) takes its place. Its folder is made if it is missing.

    Args:
        target: the file.
        data: its content; text is UTF-8, with the line ends that it has.
        mode: who may read it, less what the process's umask takes away.
        durable: return only when the disk has it, so that it outlives a power cut.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.{os.getpid()}.{threading.get_ident()}.draft")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(draft, flags, mode), "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    if durable and hasattr(os, "O_DIRECTORY"):  # Windows has no way to do this, and needs none
        _sync_folder(target.parent)


def free_name(path: Path, mark: str = "-") -> Path:
    """A name beside a file or folder that none has: its own, the mark and a number."""
    return next(free for number in count(1) if not (free := path.with_name(f"{path.name}{mark}{number}")).exists())


def _sync_folder(folder: Path) -> None:
    """Have the disk know the names in a folder."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
