"""The topics, by name."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TOPICS", "Topics"]


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of the four topics of one pipeline.

    Args:
        records: what is to be scored; keyed by data type.
        models: models as data; compacted, keyed by data type.
        scored: the answers; keyed by data type.
        dead_letters: what could not be decoded, scored or built: the original bytes, the reason in headers.
    """

    records: str = "wine-records"
    models: str = "wine-models"
    scored: str = "wine-scored"
    dead_letters: str = "wine-dead-letters"

    def prefixed(self, prefix: str) -> Topics:
        """The same four with ``prefix-`` before each name: a lesson's, or a test's, own."""
        return Topics(*(f"{prefix}-{name}" for name in (self.records, self.models, self.scored, self.dead_letters)))


TOPICS = Topics()
"""The names that are used unless told otherwise."""
