"""The topics, by name."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace

from modelserving.errors import ConfigError
from modelserving.records.defaults import DEFAULT_TYPE


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

    records: str = f"{DEFAULT_TYPE}-records"
    models: str = f"{DEFAULT_TYPE}-models"
    scored: str = f"{DEFAULT_TYPE}-scored"
    dead_letters: str = f"{DEFAULT_TYPE}-dead-letters"
    control: str = "model-control"

    @classmethod
    def of(cls, records: str) -> Topics:
        """The five of a pipeline by its records' topic: what stands before ``-records`` stands before all names.

        Args:
            records: its name, for example ``income-records``, which gives ``income-models``, ``income-scored``,
                ``income-dead-letters`` and ``income-control``.
        """
        stem = records.removesuffix("-records")
        return cls(records, f"{stem}-models", f"{stem}-scored", f"{stem}-dead-letters", f"{stem}-control")

    def renamed(self, **named: str) -> Topics:
        """The same with other names for some, by field; an empty one changes nothing.

        Raises:
            ConfigError: two have one name then.
        """
        topics = replace(self, **{field: name for field, name in named.items() if name})
        twice = sorted({name for name in topics.names if topics.names.count(name) > 1})
        if twice:
            raise ConfigError(f"two of the topics have the name {twice[0]!r}: {', '.join(topics.names)}.")
        return topics

    def prefixed(self, prefix: str) -> Topics:
        """The same five with ``prefix-`` before each name: a lesson's, or a test's, own."""
        return Topics(*(f"{prefix}-{name}" for name in self.names))

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return astuple(self)


TOPICS = Topics()
"""The names that are used unless told otherwise."""
