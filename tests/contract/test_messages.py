"""No message ends a server, or holds it up: of any bytes, by any client, on any topic, before and after the start."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from modelserving.client import read_topics
from modelserving.models.admin.listing import read_overview
from modelserving.records import encode_wine
from modelserving.speculative.control import settings_topic
from modelserving.workshop.processes.process import ServerProcess
from tests.contract.servers import (
    SPECULATIVE,
    Foreign,
    Pipeline,
    constant_model,
    published,
    whatever_the_store,
    wine,
)
from tests.waiting import WAIT, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
HUGE = 30 * 1024 * 1024


@whatever_the_store
def test_messages_of_every_codec_are_read_on_every_topic(pipeline: Pipeline) -> None:
    """Records and models that librdkafka compressed, before and after the start; reader and list read them, too."""
    wines = [Foreign(encode_wine(wine()), b"wine")] * 3
    models = {codec: constant_model(float(number), codec) for number, codec in enumerate(CODECS)}

    def send() -> None:
        for codec, model in models.items():
            pipeline.send_foreign(pipeline.topics.models, Foreign(published(model)[0], b"wine"), compression_type=codec)
            pipeline.send_foreign(pipeline.topics.records, *wines, compression_type=codec)
            for topic in (pipeline.topics.control, pipeline.topics.scored, pipeline.topics.dead_letters):
                pipeline.send_foreign(topic, Foreign(b"\0" * 1000), compression_type=codec)

    send()
    with pipeline.serve() as server:
        pipeline.wait_for_slots(server, "zstd", "lz4", "-")
        wait_until(pipeline.settled(server, 15), "the records that were there")
        send()
        wait_until(pipeline.settled(server, 30), "the records that came")
        assert server.get("/state")["scored"] == 30
    listed = read_overview(pipeline.connection, pipeline.topics)
    assert listed.of("wine")[0].model.name == "zstd"
    assert len(list(read_topics(pipeline.connection, pipeline.topics))) >= 30 + 30 + 30


@whatever_the_store
def test_a_message_that_fits_only_while_it_is_compressed_is_a_dead_letter(
    pipeline: Pipeline, server: ServerProcess
) -> None:
    """Thirty million bytes come in a few thousand: as much of them is kept as fits, with their number."""
    for topic in (pipeline.topics.records, pipeline.topics.models):
        pipeline.send_foreign(topic, Foreign(b"\xff" * HUGE, b"wine"), compression_type="zstd")
    pipeline.send_wines(1)
    wait_until(pipeline.settled(server, 2), "the wine behind it")
    wait_until(lambda: len(pipeline.dead()) == 2, "both dead letters")
    assert all(0 < len(letter.value or b"") < HUGE for letter in pipeline.dead())
    assert server.get("/state")["scored"] == 1


SOME_BYTES = st.one_of(
    st.none(), st.binary(max_size=300), st.just(encode_wine(wine())), st.just(published(constant_model(1, "x"))[0])
)
MESSAGES = st.builds(
    Foreign,
    SOME_BYTES,
    st.one_of(st.none(), st.binary(max_size=30), st.just(b"wine")),
    st.lists(st.tuples(st.text(max_size=10), st.one_of(st.none(), st.binary(max_size=20))), max_size=2).map(tuple),
)


@pytest.mark.parametrize("pipeline", ["stage", f"{SPECULATIVE}-fast", "actor", "streams-custom"], indirect=True)
def test_no_message_stops_a_running_server(pipeline: Pipeline, server: ServerProcess) -> None:
    """Whatever comes on its topics, by whatever codec: the wine behind it has its answer, and the server runs.

    It runs until the pipe to the process that started it is closed. Then it ends cleanly by itself.
    """
    send_garbage(pipeline, server)
    done, topics = 1001, list(pipeline.topics.names)
    if pipeline.kind.startswith(SPECULATIVE):  # which asks, by librdkafka, several models about what the stage reads
        topics.append(settings_topic(pipeline.topics))

    @settings(
        max_examples=8, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(st.tuples(st.sampled_from(topics), MESSAGES), min_size=1, max_size=5), st.sampled_from(CODECS))
    def send(messages: list[tuple[str, Foreign]], codec: str) -> None:
        nonlocal done
        for topic, message in messages:
            if message.value is not None or message.key is not None:
                pipeline.send_foreign(topic, message, compression_type=codec)
                done += topic == pipeline.topics.records
        pipeline.send_wines(1)
        done += 1
        wait_until(pipeline.settled(server, done), f"{done} records, after {messages}")
        assert server.running

    send()
    state = server.get("/state")
    assert sum(int(str(state[name])) for name in ("scored", "skipped", "dead_lettered")) == done
    assert server._process.stdin is not None
    server._process.stdin.close()
    assert server.wait(WAIT) == 0, server.log()


def send_garbage(pipeline: Pipeline, server: ServerProcess) -> None:
    """A thousand random messages on each topic: each is a dead letter, and the good record behind them is scored."""
    chance = random.Random(7)
    garbage = [b"\xff" + chance.randbytes(chance.randrange(300)) for _ in range(1000)]
    pipeline.send_model(*garbage)
    pipeline.send_records(*garbage)
    wait_until(pipeline.settled(server, 1000), "the garbage to be dealt with")
    wait_until(lambda: server.get("/state")["models_refused"] == 1000, "all refusals")
    pipeline.send_wines(1)
    wait_until(pipeline.settled(server, 1001), "an answer")
    assert server.get("/state")["name"] == "five"
    assert len(pipeline.scored()) == 1
    letters = Counter(letter.topic for letter in pipeline.dead())
    assert letters == {pipeline.topics.records: 1000, pipeline.topics.models: 1000}
