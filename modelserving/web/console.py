"""What a server says in its terminal while it runs: that it is ready, each swap, dead letters, the broker's ways.

It only looks at what the HTTP face shows, too, so all kinds of server say the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn

import anyio
from anyio.to_thread import run_sync

from modelserving.models.info import ModelInfo
from modelserving.serving import Counts, ServerView
from modelserving.terminal import printable

_LOOK_EVERY_S = 0.5
_MODELS_EVERY_S = 1.5
_DEAD_EVERY_S = 10.0
_COUNTS_EVERY_S = 60.0


class ConsoleReporter:
    """Says what has changed since the last look.

    Args:
        server: what it looks at.
        say: takes a line.
        clock: seconds.
    """

    def __init__(
        self, server: ServerView, say: Callable[[str], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._server = server
        self._say = say
        self._clock = clock
        self._serves: bool | None = None
        self._models: dict[str, ModelInfo | None] = {}
        self._counts = Counts()
        self._dead = self._skipped = 0
        self._looked_at_models = self._told_dead = self._told_skipped = float("-inf")
        self._told_counts = clock()

    def look(self) -> None:
        """Look once, and say what is new. May wait for an actor or a store."""
        self._tell_health()
        now = self._clock()
        if now - self._looked_at_models >= _MODELS_EVERY_S:
            self._looked_at_models = now
            self._tell_models()
        counts = self._server.counts
        if counts.dead_lettered > self._dead and now - self._told_dead >= _DEAD_EVERY_S:
            new, self._dead, self._told_dead = counts.dead_lettered - self._dead, counts.dead_lettered, now
            self._say(f"{new} new dead {'letter' if new == 1 else 'letters'}; `modelserving reader` shows them.")
        if counts.skipped > self._skipped and now - self._told_skipped >= _DEAD_EVERY_S:
            new, self._skipped, self._told_skipped = counts.skipped - self._skipped, counts.skipped, now
            self._say(printable(f"{new} {'record' if new == 1 else 'records'} skipped: {self._why_skipped()}"))
        if counts != self._counts and now - self._told_counts >= _COUNTS_EVERY_S:
            self._counts, self._told_counts = counts, now
            self._say(f"{counts.scored} scored, {counts.skipped} skipped, {counts.dead_lettered} dead letters so far.")

    def _why_skipped(self) -> str:
        """Which models are missing, and which are there: a schema and a model are often named otherwise."""
        served = self._server.data_types
        unserved = self._server.meter.unserved
        missing = [name for name in unserved if name not in served] or unserved
        there = f"; there are models for {', '.join(served)}" if served else ""
        return f"no model is there for data type {' or '.join(missing)}{there}."

    def _tell_health(self) -> None:
        health = self._server.health()
        before, self._serves = self._serves, health.ok
        if health.ok and not before:
            self._say("Ready." if before is None else "Serving again.")
        elif before and not health.ok:
            why = f": {health.details[0]}" if health.details else ""
            self._say(f"Not serving now, {health.phase}{why}.".replace("..", "."))
        elif not health.ok and before is None:
            self._serves = None

    def _tell_models(self) -> None:
        known = {name: self._server.describe(name) for name in self._server.data_types}
        now = {name: state.identity if state is not None else None for name, state in known.items()}
        for name, model in now.items():
            if model is not None and model != self._models.get(name):
                self._say(printable(f"{name} is scored by {model.name} {model.version} ({model.type.slug}) now."))
        for name in self._models.keys() - now.keys():
            self._say(printable(f"{name} has no model any more; its records are skipped."))
        self._models = now


async def report_to_console(server: ServerView, say: Callable[[str], object]) -> NoReturn:
    """Say what changes, until cancelled."""
    reporter = ConsoleReporter(server, say)
    while True:
        await run_sync(reporter.look, abandon_on_cancel=True)
        await anyio.sleep(_LOOK_EVERY_S)
