"""Where the embedded broker keeps its things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Files of one embedded broker, all in one folder. Names are short, for Windows has a limit on paths.

    Args:
        folder: ``<home>/kafka``.
    """

    folder: Path

    @classmethod
    def of(cls, home: Path) -> Layout:
        """The layout under a home folder."""
        return cls(home.resolve() / "kafka")

    @property
    def data(self) -> Path:
        """The broker's log folder: topics, and the cluster's metadata."""
        return self.folder / "data"

    @property
    def new_data(self) -> Path:
        """A log folder that is being made."""
        return self.folder / "data.new"

    @property
    def identity(self) -> Path:
        """Cluster id and last port; they outlive a stop."""
        return self.folder / "identity.json"

    @property
    def state(self) -> Path:
        """Who runs now; gone when nobody does."""
        return self.folder / "running.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.folder / "supervisor.lock"

    @property
    def log(self) -> Path:
        """What the broker says."""
        return self.folder / "broker.log"

    @property
    def jvm_log(self) -> Path:
        """What Java says before there is a broker, or instead of one."""
        return self.folder / "java.log"

    @property
    def supervisor_log(self) -> Path:
        """A traceback, if the supervisor fails."""
        return self.folder / "supervisor.log"

    @property
    def properties(self) -> Path:
        """The broker's settings, written anew at each start."""
        return self.folder / "server.properties"

    @property
    def logging(self) -> Path:
        """log4j's settings, written anew at each start."""
        return self.folder / "log4j2.properties"

    @property
    def arguments(self) -> Path:
        """Java's argument file, written anew at each start; also how a left-over Java is recognised as ours."""
        return self.folder / "java.args"
