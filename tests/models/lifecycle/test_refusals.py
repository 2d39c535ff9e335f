"""Dead letters of models are written once, also by a server that starts again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelserving.kafka import Connection, DeadLetter, read_dead_letters
from modelserving.models.lifecycle.refusals import RefusalWriter
from modelserving.records import Topics


def test_a_letter_is_written_once_however_often_a_server_starts(connection: Connection, topics: Topics) -> None:
    """Each start finds the unfit model again; other bytes at the same position are those of a topic made anew."""
    unfit = DeadLetter(b"bad", None, topics.models, 0, 3, "model", "ModelCheckError", "it is bad.")
    again = replace(unfit, value=b"others")
    for letters in ([unfit], [unfit, unfit], [again, unfit]):
        writer = RefusalWriter(connection, topics)
        for letter in letters:
            writer.write(letter)
        writer.close()
        writer.close()
    assert read_dead_letters(connection, topics.dead_letters) == [unfit, again]


@pytest.mark.slow
def test_a_broker_that_is_away_ends_nobody(connection: Connection, topics: Topics) -> None:
    """The letter is logged instead."""
    writer = RefusalWriter(replace(connection, bootstrap_servers="127.0.0.1:1"), topics)
    writer.write(DeadLetter(b"bad", None, topics.models, 0, 0, "model", "E", "r"))
    writer.close()
