"""A lesson's ground on a real broker: topics and groups of its own, what it manages, how it begins again and ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from modelserving.broker import EmbeddedKafka, status
from modelserving.broker.state import FileLock
from modelserving.config import Settings
from modelserving.errors import BrokerUnavailable, ConfigError, KafkaError, ServerError, WaitTimeout
from modelserving.kafka import Connection, end_offsets, list_topics, make_consumer, make_producer
from modelserving.workshop import Lesson, lag, start, take, topic_setting
from modelserving.workshop.display.questions import Question
from modelserving.workshop.lesson import lesson as lesson_module
from modelserving.workshop.lesson import lesson_topics
from modelserving.workshop.processes.process import ServerProcess
from tests.waiting import WAIT

pytestmark = pytest.mark.broker


class Resource:
    """Knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Managed(Resource):
    """The same as a context manager."""

    def __enter__(self) -> str:
        return "entered"

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def test_a_lesson_has_four_empty_topics_of_its_own(lesson: Lesson) -> None:
    """Names begin with the lesson's prefix, so lessons cannot meet; nothing is in them."""
    assert lesson.topics.records == "lesson-90-wine-records"
    assert end_offsets(lesson.connection, lesson.topics.records) == {0: 0}
    assert topic_setting(lesson.connection, lesson.topics.models, "cleanup.policy") == "compact"


def test_starting_prints_three_lines(begin: Callable[[str], Lesson], capsys: pytest.CaptureFixture[str]) -> None:
    """Which broker, what is the lesson's own, and how to begin again."""
    begin("90")
    broker, yours, reset = capsys.readouterr().out.splitlines()[-3:]
    assert "Apache Kafka at 127.0.0.1:" in broker
    assert "lesson-90-" in yours
    assert "lesson.reset()" in reset


def test_starting_twice_ends_the_first_and_empties_the_topics(begin: Callable[[str], Lesson]) -> None:
    """The set-up cell can be run again: what ran behind the cells ends, and records, groups and files are gone.

    So are other topics of its name, and what its servers kept: a second run of a lesson begins as the first did.
    """
    first = begin("90")
    resource = first.manage(Resource())
    first.topic("more")
    of_servers = [
        first.settings.home / kept / "lesson-90-server" for kept in ("state", "streams", "heating", "monitor")
    ]
    for folder in of_servers:
        folder.mkdir(parents=True)
    send(first, first.topics.records, b"old")
    commit(first, first.group("readers"))
    (first.folder / "file").touch()
    second = begin("90")
    assert resource.closed == 1
    assert end_offsets(second.connection, second.topics.records) == {0: 0}
    assert lag(second.connection, second.group("readers"), second.topics.records) == {0: 0}
    assert not list(second.folder.iterdir())
    own = [topic for topic in list_topics(second.connection) if topic.startswith("lesson-90")]
    assert sorted(own) == sorted(second.topics.names)
    assert not any(folder.exists() for folder in of_servers)


def test_starting_with_keep_leaves_the_records(begin: Callable[[str], Lesson], settings: Settings) -> None:
    """Whoever restarts the kernel in the middle of a lesson can go on."""
    send(begin("90"), "lesson-90-wine-records", b"kept")
    with start("90", keep=True, settings=settings) as again:
        assert end_offsets(again.connection, again.topics.records) == {0: 1}


def test_a_lesson_is_open_in_one_kernel(
    begin: Callable[[str], Lesson], settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    """A second notebook would empty the topics of the first: it is refused, or shares them where it asks for that."""
    monkeypatch.setattr(lesson_module, "_GONE_WITHIN_S", 0.0)
    (settings.home / "open").mkdir()
    with FileLock(settings.home / "open" / "lesson-90") as other:
        assert other.acquire()
        with pytest.raises(ConfigError, match="Lesson 90 is open in another kernel, and starting it here would empty"):
            begin("90")
        with start("90", fast=True, keep=True, settings=settings):
            assert "lesson-90- (shared with another kernel" in capsys.readouterr().out
    begin("90").close()
    assert "shared" not in capsys.readouterr().out


def test_lessons_do_not_touch_each_other(begin: Callable[[str], Lesson]) -> None:
    """Starting a lesson empties its own topics alone."""
    other = begin("91")
    send(other, other.topics.records, b"stays")
    begin("90").reset()
    assert end_offsets(other.connection, other.topics.records) == {0: 1}


def test_a_topic_is_made_anew(lesson: Lesson) -> None:
    """A cell that makes a topic can be run again, and finds it empty."""
    send(lesson, lesson.topic("more", partitions=2), b"old")
    assert end_offsets(lesson.connection, lesson.topic("more", partitions=3)) == {0: 0, 1: 0, 2: 0}


def test_a_topic_of_the_pipeline_is_made_anew_with_its_own_settings(lesson: Lesson) -> None:
    """A cell that empties the scored wines leaves them with the broker's clock."""
    scored = lesson.topic("wine-scored")
    assert scored == lesson.topics.scored
    assert topic_setting(lesson.connection, scored, "message.timestamp.type") == "LogAppendTime"


def test_a_group_that_is_still_in_use_gets_another_name(begin: Callable[[str], Lesson]) -> None:
    """A consumer that a killed kernel left in the group must not take records from the new run."""
    first = begin("90")
    with make_consumer(first.connection, first.topics.records, group=first.group("readers")) as lingering:
        send(first, first.topics.records, b"old")
        take(lingering, 1)
        second = begin("90")
        assert second.group("readers") != "lesson-90-readers"
        assert second.group("others") == "lesson-90-others"


def test_managed_things_end_in_reverse_order_with_the_lesson_and_at_a_reset(begin: Callable[[str], Lesson]) -> None:
    """A client that was made after its server ends before it, and a task before the producer that it sends with."""
    order: list[str] = []
    lesson = begin("90")
    for name in ("server", "client"):
        lesson.manage(closing_into(order, name), name=name)
    lesson.reset()
    assert order == ["client", "server"]
    for name in ("server", "client"):
        lesson.manage(closing_into(order, name), name=name)
    lesson.close()
    lesson.close()
    assert order == ["client", "server"] * 2


def test_a_name_is_managed_once(lesson: Lesson) -> None:
    """When a cell is run again, the former thing ends before the new one is made."""
    first = Managed()
    assert lesson.manage(first, name="server") == "entered"
    seen: list[int] = []

    def make() -> Resource:
        seen.append(first.closed)
        return Resource()

    second = lesson.manage(make, name="server")
    assert seen == [1]
    assert second.closed == 0


def test_who_works_on_a_topic_ends_before_it_is_made_anew(begin: Callable[[str], Lesson]) -> None:
    """A worker that a stopped cell has left would write into the new topic; those on other topics work on."""
    lesson, order = begin("91"), list[str]()
    topic, other = lesson.topic("work"), lesson.topic("work-too")
    for name in (topic, f"{topic} ('2',)", f"{other} ()", "view"):
        lesson.manage(closing_into(order, name), name=name)
    assert lesson.topic("work") == topic
    assert order == [f"{topic} ('2',)", topic]


def test_a_closed_lesson_manages_nothing(begin: Callable[[str], Lesson]) -> None:
    """A cell that is run after the clean-up cell starts no server that nobody would end."""
    lesson = begin("90")
    lesson.close()
    started: list[Resource] = []
    with pytest.raises(ConfigError, match="This lesson is closed"):
        lesson.manage(lambda: started.append(Resource()), name="server")
    assert not started


def test_what_is_made_while_the_lesson_closes_ends_with_it(begin: Callable[[str], Lesson]) -> None:
    """A server that a task behind the cells starts just then would run until the kernel ends."""
    lesson, late = begin("90"), Resource()
    making, go = threading.Event(), threading.Event()

    def make() -> Resource:
        making.set()
        go.wait()
        return late

    def manage() -> None:
        with pytest.raises(ConfigError, match="closed"):
            lesson.manage(make, name="server")

    task = threading.Thread(target=manage)
    task.start()
    assert making.wait(WAIT)
    lesson.close()
    go.set()
    task.join()
    assert late.closed == 1


def test_background_work_ends_with_the_lesson(begin: Callable[[str], Lesson]) -> None:
    """A task is asked to stop, and the lesson waits for it."""
    lesson = begin("90")
    task = lesson.background(lambda stop: stop.wait(), "a task")
    assert task.running
    lesson.close()
    assert not task.running


def test_waiting_in_vain_says_what_for(lesson: Lesson) -> None:
    """A cell that waits ends with a sentence and not never."""
    with pytest.raises(KafkaError, match=r"Waited 0 s for rain"):
        lesson.wait_for(lambda: False, "rain", seconds=0)


def test_what_is_told_may_wait_for_what_the_cell_does_not_show(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait in the cell would give the answer away; so the text has the condition, and names of the notebook in it."""
    question = Question("how-many", "How many?", "{next(turns)}", "It was so.", until="next(turns) == 3")
    for module in ("lesson.lesson", "display.predictions"):
        monkeypatch.setattr(f"modelserving.workshop.{module}.find_question", lambda *_: question)
    monkeypatch.setitem(globals(), "turns", count(1))
    assert lesson.tell("how-many").title == "The answer: 4"


def test_a_check_is_written_down_and_can_be_forgotten(
    begin: Callable[[str], Lesson], capsys: pytest.CaptureFixture[str]
) -> None:
    """Progress stays when the kernel ends; resetting an exercise says so and forgets it."""
    lesson = begin("00")
    assert "Not yet" in repr(lesson.check("hello-broker", lambda producer, topic: None))
    assert begin("00").progress.step("hello-broker").attempts == 1
    lesson.reset("hello-broker")
    assert "progress of: hello-broker" in capsys.readouterr().out
    assert lesson.progress.step("hello-broker").attempts == 0


def test_an_exercise_of_another_lesson_is_refused(lesson: Lesson) -> None:
    """A check that was copied into the wrong notebook says where it belongs."""
    with pytest.raises(ConfigError, match="belongs to lesson 00"):
        lesson.check("hello-broker", print)


def test_hints_come_one_by_one_and_the_last_one_stays(begin: Callable[[str], Lesson]) -> None:
    """Each call gives a plainer hint."""
    lesson = begin("00")
    said = [repr(lesson.hint("hello-broker")) for _ in range(3)]
    assert said[0].startswith("Hint 1 of 2")
    assert said[1].startswith("Hint 2 of 2")
    assert said[2].startswith(said[1])
    assert "That was the last one" in said[2]


def test_a_solution_comes_folded(begin: Callable[[str], Lesson]) -> None:
    """A glance does not spoil it: it is shown when it is clicked."""
    shown = begin("00").solution("hello-broker")._repr_html_()
    assert shown.startswith("<details")
    assert "<details open" not in shown


def test_resetting_a_lesson_says_what_goes_and_leaves_it_usable(
    lesson: Lesson, capsys: pytest.CaptureFixture[str]
) -> None:
    """Topics are named before they are deleted, and are there again, empty."""
    extra = lesson.topic("extra")
    send(lesson, lesson.topics.records, b"old")
    lesson.reset()
    assert extra in capsys.readouterr().out
    assert extra not in list_topics(lesson.connection)
    assert end_offsets(lesson.connection, lesson.topics.records) == {0: 0}


def test_a_lesson_leaves_an_external_cluster_alone(lesson: Lesson) -> None:
    """Stopping the broker is for the embedded one."""
    assert lesson.external
    assert "leaves it alone" in repr(lesson.stop_broker())
    send(lesson, lesson.topics.records, b"still there")


@pytest.mark.slow
def test_an_embedded_broker_is_stopped_and_started_without_loss(tmp_path: Path) -> None:
    """The lesson's connection, and what was sent while there was no broker, survive."""
    with EmbeddedKafka(home=tmp_path, port=0), start("90", settings=Settings(home=tmp_path)) as lesson:
        producer = lesson.producer()
        producer.send(lesson.topics.records, value=b"before").get(timeout=60)
        lesson.stop_broker()
        assert status(tmp_path) is None
        promise = producer.send(lesson.topics.records, value=b"meanwhile")
        lesson.start_broker()
        assert promise.get(timeout=60).offset == 1
        assert end_offsets(lesson.connection, lesson.topics.records) == {0: 2}
    assert status(tmp_path) is None


@pytest.mark.slow
def test_a_broker_started_again_outlives_what_the_lesson_manages(tmp_path: Path) -> None:
    """A server that ends with the lesson still has its broker then, and need not be killed."""
    brokers: list[object] = []

    class LooksForItsBroker(Resource):
        def close(self) -> None:
            brokers.append(status(tmp_path))

    with start("90", settings=Settings(home=tmp_path)) as lesson:
        lesson.manage(LooksForItsBroker())
        lesson.stop_broker()
        lesson.start_broker()
    assert brokers != [None]
    assert status(tmp_path) is None


def test_a_producer_is_not_taken_from_a_task_that_sends_with_it(lesson: Lesson) -> None:
    """A cell that asks for a producer can be run again: what sends behind the cells goes on."""
    producer = lesson.producer()
    assert lesson.producer() is producer
    producer.close()
    assert lesson.producer() is not producer
    send(lesson, lesson.topics.records, b"again")


def test_a_flush_does_not_wait_for_a_broker_that_is_away_and_says_so(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some records are on no topic then; a cell that flushes has to know."""
    producer = lesson.producer()
    producer.send(lesson.topics.records, value=b"here")
    producer.flush()
    with monkeypatch.context() as away:
        away.setattr(producer._accumulator, "await_flush_completion", _never)
        with pytest.raises(BrokerUnavailable, match=r"no Kafka broker answers .* What was sent last may not be"):
            producer.flush()


def _never(timeout: float) -> None:
    raise KafkaTimeoutError(f"nothing was acknowledged within {timeout} seconds")


def test_a_wait_in_vain_says_what_it_can_find_out(lesson: Lesson) -> None:
    """The broker is blamed only where it does not answer; what has failed behind the cells is named."""
    with pytest.raises(WaitTimeout, match=r"the tide, in vain\. The broker answers, and nothing behind the cells"):
        lesson.wait_for(lambda: False, "the tide", 0)
    task = lesson.background(lambda _: 1 / 0, "pour")
    with suppress(ServerError):
        task.wait(60)
    with pytest.raises(WaitTimeout, match="pour behind the cells ended with ZeroDivisionError"):
        lesson.wait_for(lambda: False, "the tide", 0)


class _EndsAtOnce(ServerProcess):
    module = "platform"


def test_a_server_that_was_told_to_end_is_not_blamed(lesson: Lesson) -> None:
    """One that has ended by itself is."""
    server = lesson.manage(lambda: _EndsAtOnce("stage"), name="server")
    server.wait(60)
    with pytest.raises(WaitTimeout, match="`platform serve stage` has ended, with status"):
        lesson.wait_for(lambda: False, "the tide", 0)
    server.stop()
    with pytest.raises(WaitTimeout, match="nothing behind the cells has failed"):
        lesson.wait_for(lambda: False, "the tide", 0)


def test_where_nobody_watches_a_wait_has_more_time(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person is told after half a minute; in a test, a busy machine is no fault of the lesson."""
    given: list[float] = []
    monkeypatch.setattr(lesson_topics, "wait_until", lambda _condition, _what, seconds: given.append(seconds))
    for fast in (True, False):
        monkeypatch.setattr(lesson, "fast", fast)
        lesson.wait_for(lambda: True, "nothing")
    lesson.wait_for(lambda: True, "nothing", 5)
    assert given == [90, 30, 5]


def test_a_consumer_of_a_lesson_takes_its_own_place(lesson: Lesson) -> None:
    """A cell that makes a consumer can be run again: the former one leaves the group, and the new one reads."""
    send(lesson, lesson.topics.records, b"one")
    for _ in range(2):
        again = lesson.consumer(lesson.topics.records, "alarm", group=lesson.group("alarms"))
        assert take(again, 1)[0].value == b"one"


def send(lesson: Lesson, topic: str, value: bytes) -> None:
    with make_producer(lesson.connection) as producer:
        producer.send(topic, value=value).get(timeout=60)


def commit(lesson: Lesson, group: str) -> None:
    with make_consumer(lesson.connection, lesson.topics.records, group=group) as consumer:
        take(consumer, 1)
        consumer.commit()


def closing_into(order: list[str], name: str) -> Callable[[], Resource]:
    class Noted(Resource):
        def close(self) -> None:
            order.append(name)

    return Noted


def test_the_lesson_works_from_a_thread(lesson: Lesson, connection: Connection) -> None:
    """A background task may use the lesson's connection."""
    done = threading.Event()

    def work(_: threading.Event) -> None:
        assert end_offsets(connection, lesson.topics.records) == {0: 0}
        done.set()

    task = lesson.background(work, "worker")
    assert task.wait(60)
    assert done.is_set()


def test_a_check_after_the_end_of_the_lesson_says_so(begin: Callable[[str], Lesson]) -> None:
    """Whoever has run the clean-up cell is told what to run, and is not blamed."""
    lesson = begin("00")
    lesson.close()
    assert "Run its set-up cell" in repr(lesson.check("hello-broker", lambda producer, topic: None))
    assert lesson.progress.step("hello-broker").attempts == 0


@pytest.mark.slow
def test_a_check_starts_a_broker_that_is_down(tmp_path: Path) -> None:
    """That is no fault of the answer: the check mends it, says so, and judges."""
    with EmbeddedKafka(home=tmp_path, port=0), start("00", fast=True, settings=Settings(home=tmp_path)) as lesson:
        lesson.stop_broker()
        said = repr(lesson.check("hello-broker", lambda producer, topic: "Ada"))
    assert "The topic is still empty" in said
    assert "it has been started again" in said
