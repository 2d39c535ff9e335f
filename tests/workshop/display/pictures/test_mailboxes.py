"""A picture of actors and their mailboxes."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from modelserving.actors.runtime.api import ActorStatus, Life
from modelserving.errors import ConfigError
from modelserving.widgets.colours import WARNING
from modelserving.workshop.display.pictures.mailboxes import mailboxes

SLEEPER = ActorStatus("sleeper", waiting=2, doing="Event")
TASTER = ActorStatus("taster <1>", Life.GIVEN_UP, restarts=3)


def test_it_shows_what_waits_what_is_read_and_who_was_given_up() -> None:
    """The sentence says the same as the picture."""
    made = mailboxes((SLEEPER, TASTER), room=3)
    assert made.alt == (
        "sleeper: 2 of 3 waiting, reads: Event, running. taster <1>: 0 of 3 waiting, given up, restarts: 3."
    )
    texts = [element.text for element in ET.fromstring(made.svg).iter() if element.tag.endswith("text")]
    assert {"sleeper", "Event", "taster <1>", "given up, restarts: 3", "nothing"} <= set(texts)
    assert made.svg.count("stroke-dasharray") == 1 + 3
    assert f'fill="{WARNING}"' not in made.svg, "as a text it has too little contrast"


def test_many_messages_are_counted() -> None:
    """Five are drawn, or seven where there is room; the others are a number."""
    assert "+95" in mailboxes([ActorStatus("busy", waiting=100)]).svg
    assert "+93" in mailboxes([ActorStatus("busy", waiting=100)], width=760).svg
    assert "empty" in mailboxes([ActorStatus("idle")]).svg


def test_without_actors_it_says_so() -> None:
    """Instead of an empty frame."""
    with pytest.raises(ConfigError, match="no actor was started"):
        mailboxes([])
