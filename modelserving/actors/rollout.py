"""How a change of models reaches the actor that it is for: between two messages, and without holding up the scoring.

An actor in this process is given the model that is ready. An actor in another process is given its bytes, builds it
beside its scoring, says when it is ready, and is then told to take it.

What an actor was given is remembered, as bytes: an actor that fails may have been unable to save it.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from modelserving.actors.dispatch import Postman
from modelserving.actors.messages import Applied, Apply, ApplyPrepared, AskType, IsPrepared, Prepare, Restore
from modelserving.actors.placement import Placement, confirmation
from modelserving.actors.runtime.api import Ref
from modelserving.actors.transfer import AnyChange, PackedChange, PackedModel, pack
from modelserving.errors import ActorFailed, ActorStopped, MailboxFull
from modelserving.models.lifecycle.changes import Change
from modelserving.models.lifecycle.state import ServingState

__all__ = ["ModelRollout"]

log = logging.getLogger(__name__)

_TRIES = 3


class ModelRollout:
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
        self._placements: dict[str, Placement] = {}
        self._refusals: dict[str, str] = {}
        self._losses: dict[str, str] = {}
        self.refused = 0

    @property
    def idle(self) -> tuple[str, ...]:
        """The data types that nobody changes or checks at this moment."""
        return tuple(name for name, placement in self._placements.items() if not placement.lock.locked())

    @property
    def lost(self) -> bool:
        """Whether an actor has lost its model, and does not get it back."""
        return bool(self._losses)

    @property
    def problems(self) -> tuple[str, ...]:
        """What did not take effect, or is lost, a line each. Any thread may ask."""
        return (*list(self._losses.values()), *list(self._refusals.values()))

    async def apply(self, change: Change) -> Applied:
        """Let a change take effect; return when it has, or cannot.

        An actor that fails on it comes back with its last state, and is given the change again, this time as bytes.
        """
        placement = self._placement(change.data_type)
        async with placement.lock:
            packed = pack(change)
            applied = await self._deliver(change, packed, placement.state)
            placement.note(applied.state, [packed.model] if isinstance(packed, PackedChange) else [])
        if applied.problem:
            self._refuse(change, applied.problem)
        elif applied.done:
            self._refusals.pop(change.data_type, None)
        return applied

    def adopt(self, data_type: str, state: ServingState | None, models: Sequence[PackedModel]) -> None:
        """Note what an actor has that took it from its disk, so that it is put back as what was applied is."""
        self._placement(data_type).note(state, models)

    async def check(self, data_type: str) -> None:
        """See to it that the actor of a data type has the models that it was given.

        One that failed comes back with what it could save and build. If that is less, or older, it is given back here.
        """
        placement = self._placement(data_type)
        async with placement.lock:
            with suppress(ActorFailed, ActorStopped):  # its health says so; a failed one is asked again
                if not await self._has_all(data_type, placement):
                    await self._put_back(data_type, placement)

    async def _has_all(self, data_type: str, placement: Placement) -> bool:
        answer = await self.ask(data_type, placement.confirm())
        if answer or (answer is None and placement.state is None):
            self._losses.pop(data_type, None)
            return True
        return False

    async def _put_back(self, data_type: str, placement: Placement) -> None:
        log.warning("the actor of %s has not the models that it was given; it is given them again", data_type)
        found: ServingState | None = await self.ask(data_type, Restore(placement.to_restore(data_type)))
        wanted = placement.confirm()
        if (found.identity if found else None) != wanted.current:
            self._losses[data_type] = (
                f"the model {wanted.current} of {data_type} was lost when its actor failed, and cannot be built "
                "again (the log says why). Its records wait. Publish a model for them, or retire this one"
            )
        elif confirmation(found) != wanted:
            here = confirmation(found)
            pairs = (wanted.previous, here.previous), (wanted.shadow, here.shadow)
            lost = " and ".join(str(who) for who, left in pairs if who is not None and who != left)
            self._refusals[data_type] = (
                f"the model {lost} of {data_type}, which did not serve, was lost: publish it again"
            )
            placement.note(found, [])

    async def _deliver(self, change: Change, packed: AnyChange, before: ServingState | None) -> Applied:
        sent: AnyChange = change if self._shares_memory else packed
        problem = ""
        for _ in range(_TRIES):
            try:
                message = Apply(sent) if self._shares_memory else await self._prepare(sent)
                applied: Applied | None = await self.ask(change.data_type, message)
            except ActorFailed as error:
                problem = str(error)
                log.warning("%s of %s did not take effect yet: %s", type(change).__name__, change.data_type, error)
                sent = packed
            except ActorStopped as error:
                problem = str(error)
                break
            else:
                if applied is not None or isinstance(message, Apply):
                    return applied or Applied(False, None)
                problem = "its actor was started again and again meanwhile."
        return Applied(False, before, problem)

    def _refuse(self, change: Change, problem: str) -> None:
        self.refused += 1
        kind = type(change).__name__
        log.error("%s of %s did not take effect, the models are as before: %s", kind, change.data_type, problem)
        self._refusals[change.data_type] = f"{kind} of {change.data_type} did not take effect: {problem}"

    def _placement(self, data_type: str) -> Placement:
        return self._placements.setdefault(data_type, Placement())

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
