"""What a schema registry is, and one that remembers."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from modelserving.errors import UnknownSchema
from modelserving.registry.compatibility import Rule
from modelserving.registry.definition import Definition

_ASK_AGAIN_S = 10.0
_UNKNOWN_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """A version of a subject.

    Args:
        schema_id: the number under which records name it.
        subject: of which it is a version.
        version: counted from 1.
        definition: what it says.
    """

    schema_id: int
    subject: str
    version: int
    definition: Definition


class SchemaRegistry(Protocol):
    """Keeps schemas under subjects, and knows them by number. A schema never changes under its number."""

    def register(self, subject: str, definition: Definition) -> RegisteredSchema:
        """Add a version to a subject; or find the one that says the same.

        Raises:
            SchemaError: it breaks the subject's rule; with the column that does.
            RegistryUnavailable, BrokerUnavailable: nobody answers.
        """
        ...

    def find(self, schema_id: int) -> Definition:
        """The schema that has a number.

        Raises:
            UnknownSchema: none has.
            RegistryUnavailable, BrokerUnavailable: nobody answers.
        """
        ...

    def subjects(self) -> tuple[str, ...]:
        """All subjects, sorted."""
        ...

    def versions(self, subject: str) -> tuple[RegisteredSchema, ...]:
        """The versions of a subject, oldest first; none for a subject that is not known."""
        ...

    def rule(self, subject: str) -> Rule:
        """What new versions of a subject must keep."""
        ...

    def set_rule(self, subject: str, rule: Rule) -> None:
        """Say what new versions of a subject must keep."""
        ...

    def close(self) -> None:
        """Give back what it holds. A second call does nothing."""
        ...


class CachedRegistry:
    """Finds schemas by number for who scores: each is asked for once.

    What is unknown is asked for again after ten seconds at the earliest: it may have been registered meanwhile, and a
    topic full of such records must not be a question each. Any thread may ask.

    Args:
        registry: what is asked.
        clock: seconds that only grow.
    """

    def __init__(self, registry: SchemaRegistry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self._found: dict[int, Definition] = {}
        self._unknown: OrderedDict[int, tuple[float, UnknownSchema]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, schema_id: int) -> Definition:
        """As ``SchemaRegistry.find``."""
        found = self._found.get(schema_id)
        if found is not None:
            return found
        with self._lock:
            asked, error = self._unknown.get(schema_id, (0.0, None))
            if error is not None and self._clock() - asked < _ASK_AGAIN_S:
                raise error
            try:
                return self._found.setdefault(schema_id, self._registry.find(schema_id))
            except UnknownSchema as unknown:
                self._unknown[schema_id] = self._clock(), unknown
                if len(self._unknown) > _UNKNOWN_KEPT:
                    self._unknown.popitem(last=False)
                raise
