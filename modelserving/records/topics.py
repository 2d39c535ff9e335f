"""The topics, by name."""

from __future__ import annotations

from dataclasses import astuple, dataclass

__all__ = ["TOPICS", "Topics"]


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of the five topics of one pipeline.

    Args:
        records: what is to be scored; keyed by data type.
        models: models as data; compacted, keyed by data type.
        scored: the answers; keyed by data type.
        dead_letters: what could not be decoded, scored, built or obeyed: the original bytes, the reason in headers.
        control: what is wanted of the models: commands; keyed by data type, kept for ever.
    """

    records: str = "wine-records"
    models: str = "wine-models"
    scored: str = "wine-scored"
    dead_letters: str = "wine-dead-letters"
    control: str = "model-control"

    def prefixed(self, prefix: str) -> Topics:
        """The same five with ``prefix-`` before each name: a lesson's, or a test's, own."""
        return Topics(*(f"{prefix}-{name}" for name in self.names))

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return astuple(self)


TOPICS = Topics()
"""The names that are used unless told otherwise."""
