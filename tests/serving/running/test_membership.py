"""A server that comes under a name which its group knows gets its partitions, also if that name had none."""

from __future__ import annotations

import secrets
import time

import anyio
import pytest

from modelserving.kafka import Connection, create_topics, delete_topics, make_admin, make_consumer
from modelserving.records import Topics
from modelserving.serving.fast import FastSource
from modelserving.serving.options import ServerOptions
from modelserving.serving.running import membership
from modelserving.serving.running.membership import Membership
from modelserving.serving.source import DataSource
from tests.waiting import WAIT, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@pytest.mark.parametrize("client", [DataSource, FastSource])
def test_who_comes_under_a_name_that_had_nothing_gets_all(
    connection: Connection, client: type[DataSource | FastSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before had joined when it did not know the topic; the group keeps that for its name, and asks nobody."""
    monkeypatch.setattr(membership, "_UNSHARED_S", 0.5)
    topics, group = Topics().prefixed(f"m{secrets.token_hex(4)}"), f"g{secrets.token_hex(4)}"
    options = ServerOptions(topics=topics, group=group)
    with make_consumer(connection, topics.records, group=group, group_instance_id=options.member) as before:

        def has_joined() -> bool:
            before.poll(timeout_ms=100)
            return bool(before.group_metadata().generation_id > 0)

        wait_until(has_joined, "the group")
    create_topics(connection, topics, partitions=2)

    async def go() -> int:
        found, deadline = Membership(options), time.monotonic() + WAIT

        def count() -> int:
            return sum(found.has_had(part, -1.0) for part in range(2))

        with make_admin(connection) as admin:
            async with client(connection, topics.records, group, options.member, 10) as source:
                while count() < 2 and time.monotonic() < deadline:
                    await source.hold()
                    list(found.look(admin, 2))
                    found.share_anew(admin)
        return count()

    assert anyio.run(go) == 2
    delete_topics(connection, topics)
