"""Following a stage from outside, on good days and bad ones. Against a real broker."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from modelserving.broker import EmbeddedKafka
from modelserving.errors import ServerError
from modelserving.kafka import Connection, create_topics, delete_topics, make_producer
from modelserving.records import ScoredRecord, Topics, encode_scored
from modelserving.widgets.stage.feed import ScoreFeed
from modelserving.widgets.stage.snapshot import Condition, StageSnapshot
from modelserving.widgets.stage.view import StageView
from tests.waiting import WAIT

pytestmark = [
    pytest.mark.usefixtures("collected"),
    pytest.mark.broker,
    # kafka-python leaves the sockets of failed attempts to connect to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


def _scored(offset: int, model: str = "tree") -> bytes:
    now = time.time_ns()
    return encode_scored(
        ScoredRecord("wine", 5.0, model, "1", f"d-{model}", 0, offset, 1000, now, now // 1_000_000 - 10)
    )


def _publish(connection: Connection, topics: Topics, offsets: range, model: str = "tree") -> None:
    with make_producer(connection) as producer:
        for offset in offsets:
            producer.send(topics.scored, value=_scored(offset, model), key=b"wine")
        producer.flush()


@contextmanager
def _http_face(state: object, port: int = 0) -> Iterator[str]:
    """A server whose ``/state`` says what it is told."""

    class Face(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/state" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(state).encode())

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", port), Face) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _condition(wanted: Condition) -> object:
    return lambda snapshot: snapshot.condition is wanted


def test_scores_and_swaps_arrive_in_the_snapshot(connection: Connection, topics: Topics) -> None:
    """What is on the result topic is counted, from its beginning, and the swap is found at its offset."""
    _publish(connection, topics, range(10))
    _publish(connection, topics, range(10, 15), "forest")
    with StageView(connection, topics) as view:
        snapshot = view.wait_for(lambda s: s.scored == 15)
        assert [(swap.offset, snapshot.models[swap.model].name) for swap in snapshot.swaps] == [(10, "forest")]


def test_a_transaction_that_was_aborted_is_not_counted(connection: Connection, topics: Topics) -> None:
    """The view shows committed results only, as every honest reader of them does."""
    with make_producer(connection, transactional_id=f"t-{secrets.token_hex(4)}") as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topics.scored, value=_scored(0, "ghost"))
        producer.flush()
        producer.abort_transaction()
    _publish(connection, topics, range(3))
    with StageView(connection, topics) as view:
        snapshot = view.wait_for(lambda s: s.scored >= 3)
        assert (snapshot.scored, [model.name for model in snapshot.models]) == (3, ["tree"])


def test_dead_letters_are_counted(connection: Connection, topics: Topics) -> None:
    """Each message on the dead-letter topic is one more."""
    with make_producer(connection) as producer:
        for _ in range(4):
            producer.send(topics.dead_letters, value=b"garbage")
        producer.flush()
    with StageView(connection, topics) as view:
        assert view.wait_for(lambda s: s.dead_letters >= 4).scored == 0


def test_garbage_on_the_result_topic_is_no_score(connection: Connection, topics: Topics) -> None:
    """Somebody else's bytes among the results do not end the view."""
    with make_producer(connection) as producer:
        producer.send(topics.scored, value=b"\xff\xff\xff")
        producer.send(topics.scored, value=_scored(0))
        producer.flush()
    with StageView(connection, topics) as view:
        assert view.wait_for(lambda s: s.scored >= 1).scored == 1


def test_max_records_ends_the_view_at_exactly_so_many(connection: Connection, topics: Topics) -> None:
    """Ten were asked for, twenty-five are there: ten are counted, and the view ends by itself."""
    _publish(connection, topics, range(25))
    with StageView(connection, topics, max_records=10) as view:
        snapshot = view.wait_for(_condition(Condition.FINISHED))  # type: ignore[arg-type]
        assert snapshot.scored == 10
        view._painter.join(10)
        assert not view.running


def test_topics_may_come_later(connection: Connection) -> None:
    """A view that is opened before the topics exist waits for them."""
    topics = Topics().prefixed(f"t{secrets.token_hex(4)}")
    with StageView(connection, topics) as view:
        assert view.snapshot().condition is Condition.WAITING
        create_topics(connection, topics)
        try:
            _publish(connection, topics, range(2))
            assert view.wait_for(lambda s: s.scored == 2)
        finally:
            delete_topics(connection, topics)


def test_what_the_server_says_is_shown(connection: Connection, topics: Topics) -> None:
    """Skipped records and scoring times are known to the server alone."""
    state = {"name": "tree", "version": "1", "skipped": 7, "p50_ns": 8000, "p99_ns": 40000}
    with _http_face(state) as url, StageView(connection, topics, url) as view:
        report = view.wait_for(lambda s: s.server is not None).server
        assert report is not None
        assert (report.skipped, report.p50_ns, report.p99_ns) == (7, 8000, 40000)


def test_a_server_that_is_gone_is_said_and_its_return_too(connection: Connection, topics: Topics) -> None:
    """The view says that the server does not answer, goes on with what Kafka has, and notices the return."""
    with _http_face({}) as url:
        view = StageView(connection, topics, url)
        view.wait_for(lambda s: s.server is not None)
    with view:
        view.wait_for(_condition(Condition.SERVER_AWAY))  # type: ignore[arg-type]
        _publish(connection, topics, range(5))
        assert view.wait_for(lambda s: s.scored == 5).condition is Condition.SERVER_AWAY
        with _http_face({}, int(url.rpartition(":")[2])):
            view.wait_for(lambda s: s.condition is not Condition.SERVER_AWAY)


@pytest.mark.parametrize("state", ["text", [], {"p50_ns": "many"}, {"p50_ns": None}])
def test_an_answer_that_is_no_state_is_no_answer(connection: Connection, topics: Topics, state: object) -> None:
    """Another program on the port does not end the view."""
    with _http_face(state) as url, StageView(connection, topics, url) as view:
        view.wait_for(_condition(Condition.SERVER_AWAY))  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_broker_that_stops_and_starts_is_survived(
    kafka: EmbeddedKafka, connection: Connection, topics: Topics, capfd: pytest.CaptureFixture[str]
) -> None:
    """The view says so, recovers by itself, counts no result twice, and prints nothing."""
    _publish(connection, topics, range(10))
    capfd.readouterr()
    with StageView(connection, topics) as view:
        view.wait_for(lambda s: s.scored == 10)
        kafka.stop()
        view.wait_for(_condition(Condition.BROKER_AWAY))  # type: ignore[arg-type]
        kafka.start()
        view.wait_for(lambda s: s.condition is not Condition.BROKER_AWAY, within_s=60)
        _publish(connection, topics, range(10, 15))
        assert view.wait_for(lambda s: s.scored >= 15).scored == 15
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_view_can_be_opened_and_closed_without_a_broker(
    kafka: EmbeddedKafka, connection: Connection, topics: Topics
) -> None:
    """No broker is a condition that the view shows, and closing does not wait for one."""
    kafka.stop()
    try:
        view = StageView(connection, topics)
        view.wait_for(_condition(Condition.BROKER_AWAY))  # type: ignore[arg-type]
        view.close()
        with pytest.raises(ServerError, match="the view has ended"):
            view.wait_for(lambda s: s.scored > 0, within_s=1)
    finally:
        kafka.start()


def test_a_closed_feed_leaves_no_thread(connection: Connection, topics: Topics) -> None:
    """Reader and asker end with the feed, and a second close does nothing."""
    before = set(threading.enumerate())
    with _http_face({}) as url:
        feed = ScoreFeed(connection, topics, url)
        feed.start()
        _wait(feed, lambda s: s.server is not None)
        feed.close()
        feed.close()
    assert {thread.name for thread in set(threading.enumerate()) - before if "wine-scored" in thread.name} == set()
    assert feed.snapshot().condition is Condition.STOPPED


def _wait(feed: ScoreFeed, condition: object) -> StageSnapshot:
    deadline = time.monotonic() + WAIT
    while not condition(snapshot := feed.snapshot()) and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.02)
    return snapshot
