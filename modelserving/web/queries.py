"""The paths of a server whose state is spread over several instances: ask any of them, and get the whole.

::

    /state/value              what this instance holds, of the model that changed last
    /state/instances          who there is, with which stores and partitions
    /state/instances/<store>  who holds some of a store
    /state/<type>             the whole, of all instances that hold some of it
    /state/<type>/share       what this instance holds: the others ask for it; it never asks on, so nothing goes round

While partitions are moved from one instance to another, or state is restored, there is no right answer. So there is
none, but a 503 that says why; and an instance that does not answer is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from modelserving.errors import ServerError
from modelserving.serving import ServerView
from modelserving.statistics import StatisticsSnapshot
from modelserving.streams_server import Instance, InstanceShare, add_up
from modelserving.streams_server.stores import ModelStatistics
from modelserving.web.peer_client import AskPeer, ask, ask_all
from modelserving.web.schemas import (
    AGAIN,
    ONE_TYPE,
    PROBLEMS,
    DataTypePath,
    ModelState,
    Problem,
    check_path,
    find_state,
    no_model,
    show_state,
    show_statistics,
)

_NOT_NOW: dict[int | str, dict[str, Any]] = {
    503: {"model": Problem, "description": "Partitions are being moved or restored, or an instance does not answer"}
}
_NO_STORE: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "No instance has this store"}}
_COUNTS = ("scored", "skipped", "dead_lettered")
_SHARES = 20


class Queryable(Protocol):
    """What an instance knows: its own state, and who has the rest. Each raises ``ServerError`` while it cannot tell."""

    @property
    def url(self) -> str:
        """Its address, as the others know it."""
        ...

    @property
    def spread(self) -> bool:
        """Whether the records of one data type are spread over all partitions, or are all in that of their key."""
        ...

    @property
    def expected(self) -> Iterable[int]:
        """The partitions that make the whole."""
        ...

    def instances(self, store: str | None = None) -> tuple[Instance, ...]:
        """All instances, or those that hold some of a store."""
        ...

    def holder(self, data_type: str) -> tuple[Instance, int]:
        """Who holds the state of a key, and its partition."""
        ...

    def share(self, data_type: str) -> InstanceShare:
        """What this instance holds."""
        ...


class InstanceState(BaseModel):
    """An instance. The first three fields are those of the JVM tutorial."""

    host: str
    port: int
    storeNames: list[str] = Field(description="stores that it holds some of")
    partitions: list[int] = Field(description="partitions of the records that it works on")
    standbyStoreNames: list[str] = Field(description="stores that it keeps a copy of")
    standbyPartitions: list[int] = Field(description="partitions whose state it keeps a copy of, to take over sooner")


class ShareState(ModelState):
    """The model in use at one instance, and what it counted there."""

    instance: str = Field(description="who answers")
    partitions: dict[int, str] = Field(description="for each partition that it holds: what was counted, by model")


class WholePart(BaseModel):
    """How much of the whole came from where."""

    instance: str = Field(description="the instance that holds it")
    partition: int = Field(description="the partition of the records")
    usage: int = Field(description="how many records of it the model scored")


class WholeState(ModelState):
    """The model in use and its statistics, all instances together."""

    parts: list[WholePart] = Field(description="how much of it came from where")


class _Questions:
    """What is answered, one question a method; FastAPI runs each in a worker thread.

    Args:
        server: this instance.
        local: its state.
        ask: asks another instance.
    """

    def __init__(self, server: ServerView, local: Queryable, ask: AskPeer[ShareState]) -> None:
        self._server = server
        self._local = local
        self._ask = ask

    def value(self) -> ModelState:
        """What this instance alone holds, of the model that was put in its place last. It asks nobody."""
        latest = self._server.latest
        if latest is None:
            return show_state(self._server, None)
        own = self.share(latest)
        return _together(own, [own], own.partitions)

    def instances(self, store: str | None = None) -> list[InstanceState]:
        """The instances of the application, or those that hold some of a store, as all of them know it."""
        return [_show_instance(instance) for instance in self._local.instances(store)]

    def instances_with(self, store: str) -> list[InstanceState]:
        """The instances that hold some of a store."""
        if found := self.instances(store):
            return found
        known = ", ".join(sorted({name for each in self._local.instances() for name in each.stores})) or "none"
        raise HTTPException(404, f"no instance has a store {store!r}. Stores: {known}.")

    def share(self, data_type: str) -> ShareState:
        """What this instance alone holds of a data type. It asks nobody: the others ask it."""
        check_path(data_type)
        state = show_state(self._server, self._server.describe(data_type))
        share = self._local.share(data_type)
        counted = {partition: found.encode().decode() for partition, found in share.partitions.items()}
        return ShareState(**state.model_dump(), instance=share.instance, partitions=counted)

    def whole(self, data_type: str) -> WholeState:
        """A data type, all instances together.

        Where records are spread over all partitions, each instance has counted those of its own partitions: this is the
        sum, of counts and histograms. It is the sum only if each partition was heard of exactly once. Where records are
        keyed by their data type, and so all in one partition, this is the answer of the one instance that holds it,
        found as the writer found the partition: by the hash of the key.

        ``usage`` and all times are of the store, which outlasts processes; ``scored``, ``skipped`` and
        ``dead_lettered`` are what the processes that answered have counted since they began.
        """
        check_path(data_type)
        return self._all_of(data_type) if self._local.spread else self._one_of(data_type)

    def _all_of(self, data_type: str) -> WholeState:
        find_state(self._server, data_type)
        own = self.share(data_type)
        others = [each.url for each in self._local.instances() if each.partitions and each.url != own.instance]
        answers = [own, *ask_all(others, f"/state/{data_type}/share", ShareState, self._ask)]
        return _together(own, answers, self._local.expected)

    def _one_of(self, data_type: str) -> WholeState:
        holder, partition = self._local.holder(data_type)
        if holder.url == self._local.url:
            found = self.share(data_type)
        else:
            found = self._ask(holder.url, f"/state/{data_type}/share", ShareState)
        if partition not in found.partitions:
            raise ServerError(f"{found.instance} does not hold partition {partition} any more. Ask again in a moment.")
        if not found.digest:
            raise no_model(self._server, data_type)
        only = found.model_copy(update={"partitions": {partition: found.partitions[partition]}})
        return _together(only, [only], {partition})


def query_router(server: ServerView, local: Queryable, ask: AskPeer[ShareState] = ask) -> APIRouter:
    """The paths, for ``make_app``.

    Args:
        server: this instance.
        local: its state.
        ask: asks another instance.
    """
    questions = _Questions(server, local, ask)
    router = APIRouter(tags=["queries"], responses=_NOT_NOW)
    # Shares have threads of their own: instances that ask each other must not wait for each other's threads.
    threads = anyio.CapacityLimiter(_SHARES)

    @router.get("/state/value", summary="What this instance holds, of the model that changed last")
    def value() -> ModelState:
        with _refusals():
            return questions.value()

    @router.get("/state/instances", summary="The instances, with their stores and partitions")
    def instances() -> list[InstanceState]:
        with _refusals():
            return questions.instances()

    @router.get("/state/instances/{store}", summary="The instances that hold some of a store", responses=_NO_STORE)
    def instances_with(store: str) -> list[InstanceState]:
        with _refusals():
            return questions.instances_with(store)

    @router.get(ONE_TYPE, summary="The model of one data type, all instances together", responses=PROBLEMS)
    def whole(data_type: DataTypePath) -> WholeState:
        with _refusals():
            return questions.whole(data_type)

    @router.get(f"{ONE_TYPE}/share", summary="The model of one data type, at this instance alone", responses=PROBLEMS)
    async def share(data_type: DataTypePath) -> ShareState:
        with _refusals():
            return await run_sync(partial(questions.share, data_type), limiter=threads)

    return router


@contextmanager
def _refusals() -> Iterator[None]:
    """What cannot be told now is no error of the server: the reason goes to whoever asked, who may ask again."""
    try:
        yield
    except ServerError as error:
        raise HTTPException(503, str(error), AGAIN) from error


def _together(base: ShareState, answers: Sequence[ShareState], expected: Iterable[int]) -> WholeState:
    """One answer of several.

    Args:
        base: says which model it is about.
        answers: of all instances that were asked.
        expected: the partitions that have to be in them.

    Raises:
        ServerError: a partition is in none of them, or in two.
    """
    shares = [_share_of(answer) for answer in answers]
    counted = add_up(shares, frozenset(expected)).find(base.digest)
    parts = [
        WholePart(instance=share.instance, partition=partition, usage=_usage(found, base.digest))
        for share in shares
        for partition, found in share.partitions.items()
    ]
    sums = {name: sum(getattr(answer, name) for answer in answers) for name in _COUNTS}
    seen = show_statistics(counted.snapshot() if counted else StatisticsSnapshot())
    fields = base.model_dump(exclude={"instance", "partitions"}) | sums | seen
    return WholeState(**fields, parts=sorted(parts, key=lambda part: part.partition))


def _share_of(answer: ShareState) -> InstanceShare:
    counted = {partition: ModelStatistics.decode(found.encode()) for partition, found in answer.partitions.items()}
    return InstanceShare(answer.instance, counted)


def _usage(found: ModelStatistics, digest: str) -> int:
    counted = found.find(digest)
    return counted.snapshot().count if counted else 0


def _show_instance(found: Instance) -> InstanceState:
    return InstanceState(
        host=found.host,
        port=found.port,
        storeNames=list(found.stores),
        partitions=list(found.partitions),
        standbyStoreNames=list(found.standby_stores),
        standbyPartitions=list(found.standby_partitions),
    )
