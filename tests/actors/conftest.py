"""The two runtimes. Ray is started once for the whole run, and only where its tests are run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modelserving.actors import Actor, ActorStatus, Policy, PykkaRuntime, Ref, Runtime
from modelserving.actors.runtime.ray import RayRuntime

HASTY = Policy(restarts=5, first_pause_s=0.01, longest_pause_s=0.05)


class Borrowed:
    """A runtime that others use, too: the actors that were spawned through this are stopped, it goes on."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._refs: list[Ref] = []
        self.shares_memory = runtime.shares_memory

    def spawn(self, cls: Callable[..., Actor], *args: Any, name: str, mailbox: int = 100) -> Ref:
        """As the runtime."""
        ref = self._runtime.spawn(cls, *args, name=name, mailbox=mailbox)
        self._refs.append(ref)
        return ref

    def report(self) -> tuple[ActorStatus, ...]:
        """As the runtime."""
        return self._runtime.report()

    @property
    def inner(self) -> Runtime:
        """The runtime itself, to be an argument of an actor."""
        return self._runtime

    def close(self) -> None:
        """Stop what was spawned."""
        for ref in self._refs:
            ref.stop()


@pytest.fixture(scope="session")
def ray() -> Iterator[RayRuntime]:
    """Ray on this machine, for all tests that need it; its processes end with the run."""
    pytest.importorskip("ray", reason="the optional part 'ray' is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        with RayRuntime(policy=HASTY) as runtime:
            yield runtime


@pytest.fixture(params=["pykka", pytest.param("ray", marks=[pytest.mark.ray, pytest.mark.slow])])
def runtime(request: pytest.FixtureRequest) -> Iterator[Borrowed]:
    """Each of the two; what is tested with this holds for both."""
    inner = PykkaRuntime(HASTY) if request.param == "pykka" else request.getfixturevalue("ray")
    borrowed = Borrowed(inner)
    yield borrowed
    borrowed.close()
    if request.param == "pykka":
        inner.close()
