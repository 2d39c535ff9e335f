"""A session whose results cannot be committed ends with that error alone, whatever waits at this moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from kafka.errors import CommitFailedError

from modelserving.actors import ActorServer, ServingSettings
from modelserving.actors import server as actor_server
from modelserving.actors.dispatch import Gathered
from modelserving.kafka import Connection
from modelserving.models.info import SlotsUpdate
from modelserving.serving import Batch, ScoredBatch, ServerOptions
from modelserving.stage import StageServer
from modelserving.stage import server as stage_server

NOBODY = Connection("127.0.0.1:1")


class Inlet:
    """Batches without end."""

    hold = None

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        return Batch(())


class Outlet:
    """The group has another generation by the time of the commit; the next batch waits to be taken then."""

    async def write(self, _batch: ScoredBatch) -> None:
        await anyio.wait_all_tasks_blocked()
        raise CommitFailedError


class Here:
    """Works where it is called: no thread."""

    async def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)


class Gatherer:
    """Has actors that answer at once."""

    def __init__(self, *_: object) -> None:
        pass

    async def score(self, _batch: Batch) -> Gathered:
        return Gathered(ScoredBatch(), ())


def opens(what: object) -> Callable[..., AbstractAsyncContextManager[Any]]:
    """What takes the place of a client."""

    @asynccontextmanager
    async def opened(*_: object, **__: object) -> AsyncIterator[Any]:
        yield what

    return opened


async def stage(_folder: Path) -> None:
    server = StageServer(NOBODY, ServerOptions(), lambda *_: ScoredBatch())
    send, models = anyio.create_memory_object_stream[SlotsUpdate](0)
    async with send, models:
        await server._session(Here(), models)  # type: ignore[arg-type]


async def actor(folder: Path) -> None:
    server = ActorServer(NOBODY, ServerOptions(), ServingSettings(folder), lambda: None)  # type: ignore[arg-type,return-value]
    await server._session(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("session", "module"), [(stage, stage_server), (actor, actor_server)])
def test_the_next_batch_that_waits_is_no_error_of_its_own(
    session: Callable[[Path], Any], module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that was closed under the batch ended the whole server, where another one of its group had come back."""
    monkeypatch.setattr(module, "open_inlet", opens(Inlet()))
    monkeypatch.setattr(module, "open_outlet", opens(Outlet()))
    monkeypatch.setattr(actor_server, "Gatherer", Gatherer)

    async def until_it_ends() -> BaseExceptionGroup[BaseException] | None:
        try:
            await session(tmp_path)
        except BaseExceptionGroup as errors:
            return errors
        return None

    errors = anyio.run(until_it_ends)
    assert errors is not None
    assert errors.split(CommitFailedError)[1] is None
