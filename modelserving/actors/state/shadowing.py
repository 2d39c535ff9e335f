"""What shadows still have to do: each batch waits until its own results are committed, and only then is it compared.

While the results of one batch are committed, the next one is scored already: so each has a name, by which the actor
finds again what belongs to it.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Set as AbstractSet

from modelserving.models.lifecycle.shadow import ShadowWork

_MOST = 200


class ShadowQueue:
    """The shadow's work of the batches that are not committed yet, oldest first.

    Args:
        most: so many batches are kept; then the oldest is forgotten, since it was surely never committed.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        # The workers of a pool, and an actor's next life, are told of batches that others have scored.
        self._mark = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._waiting: dict[str, tuple[ShadowWork, ...]] = {}

    def keep(self, works: tuple[ShadowWork, ...]) -> str:
        """Keep the work of a batch until it is committed.

        Returns:
            The batch's name; empty: there is nothing to do for it.
        """
        if not works:
            return ""
        name = f"{self._mark}-{next(self._numbers)}"
        self._waiting[name] = works
        if len(self._waiting) > self._most:
            del self._waiting[next(iter(self._waiting))]
        return name

    def on_commit(self, committed: AbstractSet[str]) -> None:
        """Compare the batches that are committed. Batches before them never will be, and are forgotten."""
        names = list(self._waiting)
        last = max((index for index, name in enumerate(names) if name in committed), default=-1)
        for name in names[: last + 1]:
            works = self._waiting.pop(name)
            for work in works if name in committed else ():
                work.run()

    def __len__(self) -> int:
        return len(self._waiting)
