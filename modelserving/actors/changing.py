"""How a change of models reaches the actor that it is for: between two messages, and without holding up the scoring.

An actor in this process is given the model that is ready. An actor in another process is given its bytes, builds it
beside its scoring, says when it is ready, and is then told to take it.
"""

from __future__ import annotations

import itertools
import logging
from contextlib import suppress
from typing import Any

from modelserving.actors.carrying import AnyChange, PackedChange, pack
from modelserving.actors.gathering import Postman
from modelserving.actors.messages import Applied, Apply, ApplyPrepared, AskType, IsPrepared, Prepare
from modelserving.actors.runtime import Ref
from modelserving.errors import ActorFailed, ActorStopped, MailboxFull
from modelserving.models.changes import Change

__all__ = ["Changer"]

log = logging.getLogger(__name__)

_TRIES = 3


class Changer:
    """Gives changes to the actors of their data types.

    Args:
        manager: who knows those actors.
        postman: how messages are sent.
        shares_memory: whether a message can carry a model that is ready.
    """

    def __init__(self, manager: Ref, postman: Postman, shares_memory: bool) -> None:
        self._manager = manager
        self._postman = postman
        self._shares_memory = shares_memory
        self._numbers = itertools.count(1)

    async def apply(self, change: Change) -> Applied:
        """Let a change take effect; return when it has.

        An actor that fails on it comes back with its last state, and is given the change again, this time as bytes.
        """
        sent: AnyChange = change if self._shares_memory else pack(change)
        for _ in range(_TRIES):
            try:
                message = Apply(sent) if self._shares_memory else await self._prepare(sent)
                applied: Applied | None = await self.ask(change.data_type, message)
            except ActorFailed as error:
                log.warning("%s of %s did not take effect yet: %s", type(change).__name__, change.data_type, error)
                sent = pack(sent)
            except ActorStopped as error:
                log.warning("%s of %s: %s", type(change).__name__, change.data_type, error)
                break
            else:
                if applied is not None or isinstance(message, Apply):
                    return applied or Applied(False, None)
        return Applied(False, None)

    async def ask(self, data_type: str, message: object) -> Any:
        """Ask the actor of a data type, as soon as it has room; ``None`` where there is no such actor."""
        while True:
            delivery = await self._postman.ask(self._manager, AskType(data_type, message))
            if not delivery.known:
                return None
            with suppress(MailboxFull):
                if delivery.reply is not None:
                    return await self._postman.answer(delivery.reply)
            await self._postman.while_waiting()

    async def _prepare(self, change: AnyChange) -> Apply | ApplyPrepared:
        """Have the model built where it will score; a process that was started again meanwhile is told again."""
        if not isinstance(change, PackedChange):
            return Apply(change)
        number = next(self._numbers)
        ready = None
        while not ready:
            if ready is None:
                await self.ask(change.data_type, Prepare(number, change))
            await self._postman.while_waiting()
            ready = await self.ask(change.data_type, IsPrepared(number))
        return ApplyPrepared(number)
