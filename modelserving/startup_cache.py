"""Java's ahead-of-time caches: classes loaded and linked once, so that each later Java starts much faster.

There is one for brokers and one for the Java inside Python. The first Java of its kind, which set-up runs, records
while it runs and writes the cache when it ends. Both lie beside the jars and serve every home. A cache fits one set of
jars in one folder, one Java and its options, so these are its key, the files with their sizes and times; Java itself
ignores a cache that does not fit.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RECORDS = os.name != "nt"
"""Whether a Java can write a cache: Java does when it ends by itself, and on Windows it can only be killed."""


@dataclass(frozen=True, slots=True)
class StartupCache:
    """One cache file, there or not yet.

    Args:
        path: where it is, or will be.
        recordable: whether Java would write one, and take it: not where a jar's path is not ASCII.
    """

    path: Path
    recordable: bool = RECORDS

    @classmethod
    def of(
        cls, folder: Path, java: Path, class_path: Sequence[Path], kind: str = "broker", options: Sequence[str] = ()
    ) -> StartupCache:
        """The cache of that kind that fits a Java, its jars and its options, in ``folder``.

        Raises:
            OSError: a file cannot be looked at.
        """
        files = [java.parent.parent / "release", *class_path]
        facts = "\n".join((*(f"{file}|{(s := file.stat()).st_size}|{s.st_mtime_ns}" for file in files), *options))
        key = hashlib.sha256(os.fsencode(facts)).hexdigest()[:16]
        return cls(folder / f"{kind}-{key}.aot", RECORDS and all(str(file).isascii() for file in files))

    @property
    def is_missing(self) -> bool:
        """Whether it is worth recording."""
        return self.recordable and not self.path.is_file()

    def flags(self, recording: Path) -> list[str]:
        """What to tell Java: use the cache, or record one into ``recording``."""
        return self.flags_to_use() or ([f"-XX:AOTCacheOutput={recording}"] if self.recordable else [])

    def flags_to_use(self) -> list[str]:
        """What to tell a short-lived Java of the same jars: use the cache, if there is one."""
        return [f"-XX:AOTCache={self.path}"] if self.path.is_file() else []

    def keep(self, recording: Path) -> bool:
        """Take over what was recorded, whole, and drop the kind's caches of other jars and other Javas.

        Returns:
            Whether there is a cache now.
        """
        beside = self.path.with_suffix(".part")  # the recording may come from another disk
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(recording, beside)
            beside.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            return False
        for old in self.path.parent.glob(f"{self.path.stem.partition('-')[0]}-*.aot"):
            if old != self.path:
                # Windows keeps a file that a running Java has open; the next time will do.
                with contextlib.suppress(OSError):
                    old.unlink()
        return True

    def drop(self) -> None:
        """Forget a cache that a broker did not start with."""
        with contextlib.suppress(OSError):
            self.path.unlink()
