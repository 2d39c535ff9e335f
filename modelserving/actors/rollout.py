"""How models reach the actor that they are for: between two messages, and without holding up the scoring.

An actor in this process is given a model that is ready. An actor in another process is given its bytes, builds it
beside its scoring, says when it is ready, and is then told to take it.

What an actor was given is remembered, as bytes: an actor that fails may have been unable to save it.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from modelserving.actors.dispatch import ActorClient
from modelserving.actors.messages import (
    Applied,
    AskType,
    Confirm,
    IsPrepared,
    Prepare,
    Restore,
    SetPrepared,
    SetSlots,
)
from modelserving.actors.runtime.api import Ref
from modelserving.actors.state.persistence import SavedState
from modelserving.actors.state.transfer import AnyModel, PackedModel, pack
from modelserving.errors import ActorFailed, ActorStopped, MailboxFull
from modelserving.models.info import LoadedModel, ModelInfo, Slots, SlotsUpdate
from modelserving.models.lifecycle.state import ServingState

log = logging.getLogger(__name__)

_TRIES = 3
_NOTHING = ServingState(None)


@dataclass(slots=True)
class _Given:
    """What the actor of a data type was given: enough to give it again, should it come back without it.

    Args:
        state: after the last update that took effect.
        models: those in its slots, as far as their bytes are known.
        packed: the models of the last update. One that is here was given before, and is not given again but as bytes:
            an actor that failed has closed it.
        lock: held by who changes or checks it.
    """

    state: ServingState | None = None
    models: dict[ModelInfo, PackedModel] = field(default_factory=dict)
    packed: dict[LoadedModel, PackedModel] = field(default_factory=dict)
    lock: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def slots(self) -> Slots[ModelInfo]:
        """Who should be in which slot."""
        return (self.state or _NOTHING).slots

    def note(self, state: ServingState | None, models: Iterable[PackedModel]) -> None:
        """An update took effect; models that are in no slot afterwards are forgotten."""
        self.state = state
        known = self.models | {model.info: model for model in models}
        self.models = {who: known[who] for who in self.slots if who in known}

    def to_restore(self, data_type: str) -> SavedState:
        """The state as it should be, as far as the bytes of its models are known."""
        state = self.state or _NOTHING
        return SavedState(data_type, state.since_ms, state.swaps, self.slots.map(self.models.get))


class ModelRollout:
    """Gives models to the actors of their data types.

    Args:
        manager: who knows those actors.
        client: how messages are sent.
        shares_memory: whether a message can carry a model that is ready.
    """

    def __init__(self, manager: Ref, client: ActorClient, shares_memory: bool) -> None:
        self._manager = manager
        self._client = client
        self._shares_memory = shares_memory
        self._numbers = itertools.count(1)
        self._given: dict[str, _Given] = {}
        self._refusals: dict[str, str] = {}
        self._losses: dict[str, str] = {}
        self.refused = 0

    @property
    def idle(self) -> tuple[str, ...]:
        """The data types that nobody changes or checks at this moment."""
        return tuple(name for name, given in self._given.items() if not given.lock.locked())

    @property
    def lost(self) -> bool:
        """Whether an actor has lost its model, and does not get it back."""
        return bool(self._losses)

    @property
    def problems(self) -> tuple[str, ...]:
        """What did not take effect, or is lost, a line each. Any thread may ask."""
        return (*list(self._losses.values()), *list(self._refusals.values()))

    async def apply(self, update: SlotsUpdate) -> Applied:
        """Let an update take effect; return when it has, or cannot.

        An actor that fails on it comes back with its last state, and is given the update again, this time as bytes.
        """
        given = self._given_to(update.data_type)
        async with given.lock:
            before = given.packed
            given.packed = {loaded: before.get(loaded) or self._pack(loaded) for loaded in update.slots}
            packed = update.slots.map(given.packed.__getitem__)
            ready: Slots[AnyModel] = update.slots.map(lambda loaded: before.get(loaded, loaded))
            applied = await self._deliver(update.data_type, ready, packed, given)
            given.note(applied.state, packed)
        if applied.problem:
            self._refuse(update.data_type, applied.problem)
        else:
            self._refusals.pop(update.data_type, None)
        return applied

    def adopt(self, data_type: str, state: ServingState | None, models: Iterable[PackedModel]) -> None:
        """Note what an actor has that took it from its disk, so that it is put back as what was applied is."""
        # An actor that gets a model back has counted for it already, or knows what it had counted.
        self._given_to(data_type).note(state, [replace(model, statistics="") for model in models])

    async def check(self, data_type: str) -> None:
        """See to it that the actor of a data type has the models that it was given.

        One that failed comes back with what it could save and build. If that is less, or older, it is given back here.
        """
        given = self._given_to(data_type)
        async with given.lock:
            with suppress(ActorFailed, ActorStopped):  # its health says so; a failed one is asked again
                if not await self._has_all(data_type, given):
                    await self._put_back(data_type, given)

    async def _has_all(self, data_type: str, given: _Given) -> bool:
        answer = await self.ask(data_type, Confirm(given.slots))
        if answer or (answer is None and given.state is None):
            self._losses.pop(data_type, None)
            return True
        return False

    async def _put_back(self, data_type: str, given: _Given) -> None:
        log.warning("the actor of %s has not the models that it was given; it is given them again", data_type)
        found: ServingState | None = await self.ask(data_type, Restore(given.to_restore(data_type)))
        desired, here = given.slots, (found or _NOTHING).slots
        if here.current != desired.current:
            self._losses[data_type] = (
                f"the model {desired.current} of {data_type} was lost when its actor failed, and cannot be built "
                "again (the log says why). Its records wait. Publish a model for them, or retire this one"
            )
        elif here != desired:
            pairs = (desired.previous, here.previous), (desired.shadow, here.shadow)
            lost = " and ".join(str(who) for who, left in pairs if who is not None and who != left)
            self._refusals[data_type] = (
                f"the model {lost} of {data_type}, which did not serve, was lost: publish it again"
            )
            given.note(found, [])

    async def _deliver(
        self, data_type: str, ready: Slots[AnyModel], packed: Slots[PackedModel], given: _Given
    ) -> Applied:
        problem = ""
        sent: Slots[AnyModel] = ready if self._shares_memory else packed.map(lambda model: model)
        at_once = self._shares_memory or all(model.info in given.models for model in packed)
        for _ in range(_TRIES):
            try:
                message = SetSlots(sent) if at_once else await self._prepare(data_type, packed)
                applied: Applied | None = await self.ask(data_type, message)
            except ActorFailed as error:
                problem = str(error)
                log.warning("the models of %s are not set yet: %s", data_type, error)
                sent = packed.map(lambda model: model)
            except ActorStopped as error:
                problem = str(error)
                break
            else:
                if applied is not None:
                    return applied
                problem = "its actor was started again and again meanwhile."
        return Applied(given.state, problem)

    def _pack(self, loaded: LoadedModel) -> PackedModel:
        packed = replace(pack(loaded), statistics="")  # the actor counts, and knows what it had counted
        if not self._shares_memory:
            loaded.close()  # it was built here to be checked, and is built again where it scores
        return packed

    def _refuse(self, data_type: str, problem: str) -> None:
        self.refused += 1
        self._refusals[data_type] = f"an update of the models of {data_type} did not take effect: {problem}"
        log.error("%s", self._refusals[data_type])

    def _given_to(self, data_type: str) -> _Given:
        return self._given.setdefault(data_type, _Given())

    async def ask(self, data_type: str, message: object) -> Any:
        """Ask the actor of a data type, as soon as it has room; ``None`` where there is no such actor."""
        while True:
            delivery = await self._client.ask(self._manager, AskType(data_type, message))
            if not delivery.known:
                return None
            with suppress(MailboxFull):
                if delivery.reply is not None:
                    return await self._client.answer(delivery.reply)
            await self._client.while_waiting()

    async def _prepare(self, data_type: str, slots: Slots[PackedModel]) -> SetPrepared:
        """Have models built where they will score; a process that was started again meanwhile is told again."""
        number = next(self._numbers)
        ready = None
        while not ready:
            if ready is None:
                await self.ask(data_type, Prepare(number, slots))
            await self._client.while_waiting()
            ready = await self.ask(data_type, IsPrepared(number))
        return SetPrepared(number)
