"""Plain classes that become actors, and ways to fail. In a module of their own, so that other processes find them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from modelserving.actors import ActorStatus, Reply, Runtime
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.scoring import score_batch


class Counter:
    """Counts what it is sent; ``boom`` kills it, a number makes it sleep, ``how`` asks whether it is a second life."""

    def __init__(self, start: int = 0) -> None:
        self.count = start
        self.life = 1

    def restarted(self) -> None:
        """It takes the place of one that failed."""
        self.life = 2

    def receive(self, message: object, /) -> object:
        """Do as told."""
        if message == "boom":
            raise ValueError("boom")
        if message == "exit":
            raise SystemExit(7)
        if message == "how":
            return self.count, self.life
        if isinstance(message, float):
            time.sleep(message)
        self.count += 1
        return self.count


class Parent:
    """Has a child, and hands everything on to it: its answer is where the answer will be."""

    def __init__(self, runtime: Runtime, name: str) -> None:
        self._runtime = runtime
        self._child = runtime.spawn(Counter, 100, name=name)

    def receive(self, message: object, /) -> Reply | tuple[ActorStatus, ...]:
        """Hand it on, or report."""
        return self._runtime.report() if message == "report" else self._child.request(message)


class Fragile:
    """Cannot be made a second time while a file is there."""

    def __init__(self, obstacle: Path) -> None:
        if obstacle.exists():
            raise OSError(f"{obstacle.name} is in the way")
        self._obstacle = obstacle

    def receive(self, message: object, /) -> object:
        """Fail, and see that the next one cannot be made."""
        if message == "boom":
            self._obstacle.touch()
            raise ValueError("boom")
        return message


def die() -> None:
    """End this process, as ``kill -9`` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    """Fail as a bug does."""
    raise RuntimeError("a bug")


def score_or_die(batch: Batch, slots: ModelSlots, decoder: RecordDecoder | None = None) -> ScoredBatch:
    """Score, unless a message has a deadly key; the process goes with it."""
    return _score(batch, slots, decoder, deadly=True)


def score_or_fail(batch: Batch, slots: ModelSlots, decoder: RecordDecoder | None = None) -> ScoredBatch:
    """Score, unless a message has a deadly key; the actor goes with it."""
    return _score(batch, slots, decoder, deadly=False)


def _score(batch: Batch, slots: ModelSlots, decoder: RecordDecoder | None, deadly: bool) -> ScoredBatch:
    """``always`` kills always; a path kills once, and notes that there."""
    done = score_batch(batch, slots, decoder)
    for message in batch.messages:
        key = (message.key or b"").decode()
        if key == "always" or (key.startswith("once:") and not Path(key[5:]).exists()):
            if key != "always":
                Path(key[5:]).touch()
            die() if deadly else fail()
    return done
