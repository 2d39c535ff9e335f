"""The queue in front of an actor."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelserving.actors.runtime.mailbox import Mailbox
from modelserving.errors import MailboxFull


def test_it_takes_exactly_as_many_as_it_may_from_however_many_senders() -> None:
    """Eight threads push as hard as they can: not one message more gets in."""
    mailbox = Mailbox("busy", 100)
    start = threading.Barrier(8)

    def push(_: int) -> int:
        start.wait()
        taken = 0
        for number in range(50):
            try:
                mailbox.put(number)
            except MailboxFull:
                continue
            taken += 1
        return taken

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(push, range(8))) == 100
    assert len(mailbox) == 100


def test_the_first_in_is_the_first_out_and_makes_room() -> None:
    """The order is kept; a full mailbox says whose it is."""
    mailbox = Mailbox("wine", 2)
    mailbox.put("a")
    mailbox.put("b")
    with pytest.raises(MailboxFull, match="'wine' is full: 2 messages"):
        mailbox.put("c")
    assert mailbox.get() == "a"
    mailbox.put("c")
    assert [mailbox.get(), mailbox.get()] == ["b", "c"]
    assert mailbox.empty()


def test_the_request_to_stop_is_never_refused() -> None:
    """Else an actor with a full mailbox could not be ended."""
    mailbox = Mailbox("wine", 1)
    mailbox.put("a")
    mailbox.lift_bound()
    mailbox.put("stop")
    assert len(mailbox) == 2
