"""The same plain classes on both runtimes: what an actor may rely on, wherever it runs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import pytest

from modelserving.actors import ActorStatus, Life, Ref
from modelserving.errors import ActorError, ActorFailed, ActorStopped, AskTimeout, MailboxFull
from tests.actors.conftest import Borrowed
from tests.actors.samples import Counter, Parent
from tests.waiting import WAIT, wait_until


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"actor {secrets.token_hex(4)}"


def status_of(runtime: Borrowed, name: str) -> ActorStatus:
    return next(status for status in runtime.report() if status.name == name)


def _tell_often(ref: Ref, times: int) -> None:
    for _ in range(times):
        ref.tell("go")


def is_now(runtime: Borrowed, name: str, life: Life) -> Callable[[], bool]:
    return lambda: status_of(runtime, name).life is life


def test_messages_are_handled_one_after_the_other_in_their_order(runtime: Borrowed, name: str) -> None:
    """What was told before is done when an ask is answered."""
    counter = runtime.spawn(Counter, 5, name=name)
    for _ in range(20):
        counter.tell("go")
    assert counter.ask("go", timeout=WAIT) == 26


def test_an_actor_that_fails_is_replaced_and_who_asked_is_told(runtime: Borrowed, name: str) -> None:
    """The new one has the arguments of the first, knows that it is a second life, and the mailbox goes on."""
    counter = runtime.spawn(Counter, 5, name=name)
    assert counter.ask("go", timeout=WAIT) == 6
    with pytest.raises(ActorFailed, match=r"failed on str: ValueError: boom"):
        counter.ask("boom", timeout=WAIT)
    assert counter.ask("how", timeout=WAIT) == (5, 2)
    status = status_of(runtime, name)
    assert (status.life, status.restarts, status.last_error) == (Life.RUNNING, 1, "ValueError: boom")


def test_a_told_message_that_fails_is_a_dead_letter(runtime: Borrowed, name: str) -> None:
    """Nobody waits for its answer, so it is counted; not even an actor that wants to exit ends the others."""
    counter = runtime.spawn(Counter, name=name)
    counter.tell("boom")
    counter.tell("exit")
    assert counter.ask("how", timeout=WAIT) == (0, 2)
    assert status_of(runtime, name).dead_letters == 2


def test_an_actor_that_always_fails_is_given_up(runtime: Borrowed, name: str) -> None:
    """Five restarts are allowed here: the sixth failure is the last, and everybody who asks afterwards is told why."""
    counter = runtime.spawn(Counter, name=name)
    for _ in range(6):
        with pytest.raises(ActorFailed):
            counter.ask("boom", timeout=WAIT)
    with pytest.raises(ActorStopped, match=r"given up.*boom"):
        counter.ask("go", timeout=WAIT)
    status = status_of(runtime, name)
    assert (status.life, status.restarts, status.dead_letters) == (Life.GIVEN_UP, 5, 7)


def test_a_full_mailbox_refuses_at_once_and_takes_again(runtime: Borrowed, name: str) -> None:
    """The sender never waits: it hears that there is no room, and may try again."""
    counter = runtime.spawn(Counter, name=name, mailbox=3)
    slow = counter.request(1.0)
    with pytest.raises(MailboxFull, match="full"):
        _tell_often(counter, 5)
    slow.result(timeout=WAIT)
    wait_until(lambda: counter.waiting == 0, "room")
    counter.tell("go")


def test_a_slow_actor_is_seen_at_work(runtime: Borrowed, name: str) -> None:
    """What it is doing, and for how long; who asks it may stop waiting, and the answer still comes."""
    counter = runtime.spawn(Counter, name=name)
    slow = counter.request(2.0)
    with pytest.raises(AskTimeout, match=name):
        slow.result(timeout=0.3)
    status = status_of(runtime, name)
    assert status.doing == "float"
    assert status.busy_s > 0.2
    assert slow.result(timeout=WAIT) == 1


def test_a_stopped_actor_answers_nobody(runtime: Borrowed, name: str) -> None:
    """It handles what it has, then it is gone; a second stop does nothing."""
    counter = runtime.spawn(Counter, name=name)
    last = counter.request("go")
    assert last.result(timeout=WAIT) == 1
    counter.stop()
    counter.stop()
    wait_until(is_now(runtime, name, Life.STOPPED), "its end")
    with pytest.raises(ActorStopped):
        counter.ask("go", timeout=WAIT)


def test_an_actor_spawns_others_and_hands_on_their_answers(runtime: Borrowed, name: str) -> None:
    """A router need not wait: its own answer is the promise of another's."""
    parent = runtime.spawn(Parent, runtime.inner, f"{name}'s child", name=name)
    promise = parent.ask("go", timeout=60)
    assert promise.result(timeout=WAIT) == 101
    assert f"{name}'s child" in {status.name for status in parent.ask("report", timeout=WAIT)}


def test_a_name_is_one_actors_name(runtime: Borrowed, name: str) -> None:
    """As long as it lives; afterwards the name is free."""
    first = runtime.spawn(Counter, name=name)
    with pytest.raises(ActorError, match="already"):
        runtime.spawn(Counter, name=name)
    first.stop()
    wait_until(is_now(runtime, name, Life.STOPPED), "its end")
    assert runtime.spawn(Counter, name=name).ask("go", timeout=WAIT) == 1


def test_an_actor_that_hangs_does_not_keep_others_waiting(runtime: Borrowed, name: str) -> None:
    """Each has its own thread or process."""
    slow, quick = runtime.spawn(Counter, name=name), runtime.spawn(Counter, name=f"{name} too")
    hanging = slow.request(3.0)
    started = time.monotonic()
    assert quick.ask("go", timeout=WAIT) == 1
    with pytest.raises(AskTimeout):
        hanging.result(timeout=max(0.0, 0.5 - (time.monotonic() - started)))
