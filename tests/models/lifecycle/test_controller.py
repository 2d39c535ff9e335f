"""From messages about models to updates of the slots, without Kafka."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from modelserving.errors import BrokerUnavailable, ModelCheckError, ModelUnreachable
from modelserving.kafka import Connection, DeadLetter
from modelserving.kafka.messages import Message
from modelserving.models.admin.publish import publish_model
from modelserving.models.info import LoadedModel, SlotsUpdate
from modelserving.models.lifecycle.controller import ModelController
from modelserving.models.lifecycle.fetch import NOTHING_ALLOWED, FetchPolicy
from modelserving.models.lifecycle.order import LogPosition
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.models.store.repository import ModelRepository
from modelserving.records import (
    TOPICS,
    Action,
    ModelCommand,
    ModelDescriptor,
    ModelType,
    Topics,
    encode_command,
    encode_descriptor,
)
from modelserving.serving.model_source import ModelSource
from modelserving.serving.options import ServerOptions
from modelserving.system.stopping import StopWaiting, pause, stoppable
from tests.fakes import FakeMessage, FakeModel, served_by
from tests.waiting import WAIT


def model(name: str, **more: object) -> ModelDescriptor:
    return replace(ModelDescriptor(name, "", "wine", ModelType.PMML, name.encode()), **more)  # type: ignore[arg-type]


class Rig:
    """A controller with a log of messages, and models that are built in plain Python; those called ``bad`` are not."""

    def __init__(
        self,
        repository: ModelRepository | None = None,
        during: Callable[[str], object] = lambda _: None,
        fetch: FetchPolicy = NOTHING_ALLOWED,
    ) -> None:
        self.slots = ModelSlots()
        self.dead: list[DeadLetter] = []
        self.log: list[FakeMessage] = []
        self.built: list[FakeModel] = []
        self.recalled: list[int] = []
        self.unfit: set[str] = set()
        self.away = False
        self._during = during
        self.controller = ModelController(
            TOPICS,
            self.dead.append,
            build=self._build,
            repository=repository,
            fetch=fetch,
            recall=self._recall,
        )

    def send(self, said: ModelDescriptor | ModelCommand | bytes, live: bool = True) -> None:
        """A message arrives."""
        if isinstance(said, ModelCommand):
            value, topic = encode_command(said), TOPICS.control
        else:
            value, topic = said if isinstance(said, bytes) else encode_descriptor(said), TOPICS.models
        self.log.append(FakeMessage(value, len(self.log), topic=topic, timestamp=len(self.log)))
        self.controller.take(self.log[-1], live)

    def settle(self) -> tuple[str, ...]:
        """Work until all is as desired; and the names in current, previous and shadow."""
        self.controller.settle(self.slots.apply)
        return self.names

    @property
    def names(self) -> tuple[str, ...]:
        """Those in current, previous and shadow now."""
        slot = self.slots.get("wine")
        models = (slot.current, slot.previous, slot.shadow and slot.shadow.served) if slot else (None, None, None)
        return tuple(served.info.name if served else "-" for served in models)

    def _build(self, descriptor: ModelDescriptor) -> LoadedModel:
        self._during(descriptor.name)
        if descriptor.name.startswith("bad") or descriptor.name in self.unfit:
            raise ModelCheckError("it is bad.")
        self.built.append(made := FakeModel())
        return served_by(made, descriptor.name, descriptor.data_type, descriptor.digest)

    def _recall(self, position: LogPosition) -> Message | None:
        self.recalled.append(position.offset)
        if self.away:
            raise BrokerUnavailable("no broker")
        return self.log[position.offset]


def test_models_and_commands_become_slots() -> None:
    """One after the other, each model in its slot."""
    rig = Rig()
    rig.send(model("a"))
    rig.send(model("b"))
    rig.send(model("c", shadow_percent=5.0))
    assert rig.settle() == ("b", "a", "c")
    rig.send(ModelCommand(Action.ROLL_BACK, "wine", model("a").digest))
    assert rig.settle() == ("a", "b", "c")
    assert (rig.controller.refused, len(rig.built), rig.controller.data_types) == (0, 3, ("wine",))


def test_what_is_bad_is_a_dead_letter_and_the_rest_goes_on() -> None:
    """A model that is not fit, noise on either topic, and a command that cannot be followed."""
    rig = Rig()
    rig.send(model("a"))
    rig.send(model("bad"))
    rig.send(b"\xff\xfe")
    rig.send(ModelCommand(Action.ROLL_BACK, "wine"))
    assert rig.settle() == ("a", "-", "-")
    assert [(letter.offset, letter.stage, letter.error) for letter in rig.dead] == [
        (2, "model", "DecodeError"),
        (1, "model", "ModelCheckError"),
        (3, "control", "CommandRefused"),
    ]
    assert "cannot roll back for data type 'wine': there is no previous model" in rig.dead[-1].reason
    assert [letter.value for letter in rig.dead] == [rig.log[offset].value for offset in (2, 1, 3)]
    assert rig.settle() == ("a", "-", "-")
    assert rig.controller.refused == 3


def test_a_model_whose_check_waits_when_the_server_ends_is_not_refused() -> None:
    """Its service is away while the server is told to stop: the next one builds it, and finds no dead letter."""
    stop = threading.Event()
    stop.set()
    rig = Rig(during=lambda _: pause(3600))
    rig.send(model("far"))
    with stoppable(stop), pytest.raises(StopWaiting):
        rig.settle()
    rig.controller.close()
    assert (rig.controller.refused, rig.dead) == (0, [])


def test_a_model_that_a_command_names_and_that_is_nowhere_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Compaction took it, and there is no repository: another serves, but not without a word, until one is wanted."""
    rig = Rig()
    rig.send(model("b"), live=False)
    rig.send(ModelCommand(Action.ROLL_BACK, "wine", model("a").digest), live=False)
    assert rig.settle() == ("b", "-", "-")
    assert [(letter.offset, letter.error) for letter in rig.dead] == [(1, "CommandRefused")]
    assert "publish the model again" in rig.controller.absent["wine"]
    assert [said.partition(": ")[0] for said in caplog.messages] == [f"control at {TOPICS.control}[0]@1 refused"]
    assert rig.controller.absent["wine"] in caplog.text
    rig.settle()
    assert len(rig.dead) == 1
    rig.send(model("c"))
    assert (rig.settle(), dict(rig.controller.absent)) == (("c", "b", "-"), {})


def test_a_command_that_was_followed_ends_the_wish_for_an_absent_model() -> None:
    """Whoever wants another model now misses the first one no longer."""
    rig = Rig()
    for name in ("a", "b"):
        rig.send(model(name))
    rig.send(ModelCommand(Action.PROMOTE, "wine", model("never published").digest))
    rig.settle()
    assert list(rig.controller.absent) == ["wine"]
    rig.send(ModelCommand(Action.ROLL_BACK, "wine"))
    assert (rig.settle(), dict(rig.controller.absent)) == (("a", "b", "-"), {})


def test_old_commands_that_cannot_be_followed_any_more_are_no_dead_letters() -> None:
    """Compaction took their models, and others came since: nobody misses them any more."""
    rig = Rig()
    rig.send(ModelCommand(Action.PROMOTE, "wine", "ab" * 32), live=False)
    rig.send(model("a"), live=False)
    assert rig.settle() == ("a", "-", "-")
    assert rig.dead == []


def test_a_command_that_was_followed_is_settled() -> None:
    """When its model is gone for good later, that is no failure of the command: no dead letter, and nothing is kept."""
    rig = Rig()
    for name in ("a", "b"):
        rig.send(model(name))
    rig.send(ModelCommand(Action.ROLL_BACK, "wine", model("a").digest))
    assert rig.settle() == ("a", "b", "-")
    assert not rig.controller._commands
    rig.unfit.add("a")
    for name in ("c", "d"):
        rig.send(model(name))
        rig.settle()
    rig.send(ModelCommand(Action.PROMOTE, "wine", model("a").digest))
    assert rig.settle() == ("d", "c", "-")
    assert [(letter.topic, letter.offset) for letter in rig.dead] == [(TOPICS.models, 0), (TOPICS.control, 5)]


def test_a_model_that_no_topic_has_comes_from_the_repository(tmp_path: Path) -> None:
    """What served is kept; a server that starts later, without the message, can be told to use it."""
    repository = ModelRepository(tmp_path)
    first = Rig(repository)
    first.send(model("a"))
    first.settle()
    later = Rig(repository)
    later.send(model("b"))
    later.send(ModelCommand(Action.ROLL_BACK, "wine", model("a").digest))
    assert later.settle() == ("a", "b", "-")
    without = Rig()
    without.send(model("b"))
    without.send(ModelCommand(Action.ROLL_BACK, "wine", model("a").digest))
    assert without.settle() == ("b", "-", "-")
    assert "the repository has none" in without.dead[0].reason


def test_bytes_in_memory_are_bounded_and_read_again_when_they_are_wanted() -> None:
    """A thousand models of some megabytes would not fit; the message is still on the topic."""
    rig = Rig()
    for name in "abcdefghij":
        rig.send(model(name, data=name.encode() * 10_000_000), live=False)
    assert rig.settle() == ("j", "i", "-")
    assert sum(len(kept.value or b"") for kept in rig.controller._messages.values()) <= 64 * 1024 * 1024
    assert rig.recalled == []
    rig.send(ModelCommand(Action.PROMOTE, "wine", model("a", data=b"a" * 10_000_000).digest))
    assert rig.settle() == ("a", "j", "-")
    assert rig.recalled == [0]


def test_a_model_waits_for_a_broker_that_cannot_be_asked_for_it() -> None:
    """It is on the topic, and no reason for a server to end, nor for another model to serve in its place."""
    rig = Rig()
    for name in "abcdefghij":
        rig.send(model(name, data=name.encode() * 10_000_000), live=False)
    assert rig.settle() == ("j", "i", "-")
    rig.away = True
    rig.send(ModelCommand(Action.PROMOTE, "wine", model("a", data=b"a" * 10_000_000).digest))
    assert rig.settle() == ("j", "i", "-")
    assert rig.controller.pause is not None
    assert not rig.dead
    rig.away = False
    rig.controller._due.clear()
    assert rig.settle() == ("a", "j", "-")


def test_a_model_by_reference_is_fetched_and_kept_by_value(tmp_path: Path) -> None:
    """What is in the repository serves even when its source is gone."""
    (tmp_path / "there").write_bytes(b"far")
    repository = ModelRepository(tmp_path / "repository")
    rig = Rig(repository, fetch=FetchPolicy(tmp_path))
    far = model("far", data=b"", location=(tmp_path / "there").as_uri(), sha256=model("far").digest)
    rig.send(far)
    assert rig.settle() == ("far", "-", "-")
    (kept,) = repository.entries()
    assert repository.read(kept).data == b"far"


def unreachable(*times: str) -> Callable[[str], None]:
    """Models whose source does not answer, each as often as it is named here; then it does."""
    left = list(times)

    def fetch(name: str) -> None:
        if name in left:
            left.remove(name)
            raise ModelUnreachable("nobody answers.")

    return fetch


def test_a_source_that_does_not_answer_is_tried_again() -> None:
    """A host that is down for a moment costs no model, and nobody hears of it."""
    rig = Rig(during=unreachable("far", "far"), fetch=FetchPolicy(pauses=(0, 0)))
    rig.send(model("far"))
    assert rig.settle() == ("far", "-", "-")
    assert (rig.dead, rig.controller.refused, rig.controller.pause) == ([], 0, None)


def test_a_source_that_never_answers_is_tried_so_often_and_no_more() -> None:
    """Then the model is refused, with the reason; published once more, it is tried as often once more."""
    rig = Rig(during=unreachable(*["far"] * 5), fetch=FetchPolicy(pauses=(0, 0)))
    rig.send(model("a"))
    rig.send(model("far"))
    assert rig.settle() == ("a", "-", "-")
    (letter,) = rig.dead
    assert (letter.offset, letter.error) == (1, "ModelUnreachable")
    assert letter.reason == "nobody answers. It was tried 3 times. Publish it again when its place answers."
    rig.send(model("far"))
    assert rig.settle() == ("far", "a", "-")
    assert (len(rig.dead), rig.controller.pause) == (1, None)


def test_the_pause_before_a_further_try_holds_up_nothing_else() -> None:
    """Other data types, commands and newer models go on, and the one in use serves, as long as the pause may be."""
    rig = Rig(during=unreachable("far"), fetch=FetchPolicy(pauses=(3600,)))
    rig.send(model("a"))
    rig.settle()
    rig.send(model("far"))
    rig.send(model("grape", data_type="wine-white"))
    assert rig.settle() == ("a", "-", "-")
    assert rig.slots.get("wine-white") is not None
    assert rig.controller.pause is not None
    assert 0 < rig.controller.pause <= 3600
    rig.send(model("newer"))
    assert rig.settle() == ("newer", "a", "-")
    rig.send(ModelCommand(Action.RETIRE, "wine"))
    assert rig.settle() == ("-", "-", "-")
    assert rig.dead == []


def test_a_newer_model_that_arrives_meanwhile_serves_as_soon_as_it_is_ready() -> None:
    """It is taken while the other is being built, in another thread; that one serves until then."""
    building, go_on = threading.Event(), threading.Event()

    def wait(name: str) -> None:
        if name == "slow":
            building.set()
            assert go_on.wait(WAIT)

    rig = Rig(during=wait)
    seen: list[str] = []

    def apply(update: SlotsUpdate) -> None:
        rig.slots.apply(update)
        slot = rig.slots.get("wine")
        assert slot is not None
        assert slot.current is not None
        seen.append(slot.current.info.name)

    rig.send(model("slow"))
    worker = threading.Thread(target=rig.controller.settle, args=(apply,), daemon=True)
    worker.start()
    assert building.wait(WAIT)
    rig.send(model("quick"))
    go_on.set()
    worker.join(WAIT)
    assert not worker.is_alive()
    assert rig.settle() == ("quick", "slow", "-")
    assert (seen[0], seen[-1]) == ("slow", "quick")
    assert (rig.controller.overtaken, rig.controller.refused, rig.dead) == (0, 0, [])


class Slow:
    """A model called ``slow`` is built until somebody lets it go on."""

    def __init__(self) -> None:
        self.building, self._go_on = threading.Event(), threading.Event()

    def __call__(self, name: str) -> None:
        if name == "slow":
            self.building.set()
            assert self._go_on.wait(WAIT)

    def end(self) -> None:
        """It is ready."""
        self._go_on.set()


@pytest.mark.parametrize(
    ("said", "at_once", "then"),
    [
        (ModelCommand(Action.RETIRE, "wine"), ("-", "-", "-"), ("-", "-", "-")),
        (ModelCommand(Action.ROLL_BACK, "wine", model("a").digest), ("a", "b", "s"), ("a", "slow", "s")),
        (ModelCommand(Action.PROMOTE, "wine"), ("s", "b", "-"), ("s", "slow", "-")),
        (ModelCommand(Action.SHADOW, "wine"), ("b", "a", "-"), ("slow", "b", "-")),
    ],
    ids=["retire", "rollback", "promote", "end of the shadow"],
)
def test_a_command_that_needs_no_model_to_be_built_is_obeyed_while_one_is(
    said: ModelCommand, at_once: tuple[str, ...], then: tuple[str, ...]
) -> None:
    """However long that may take: a model that was retired, or rolled back, gives no further answer."""
    rig = Rig(during=(slow := Slow()))
    for one in (model("a"), model("b"), model("s", shadow_percent=50.0)):
        rig.send(one)
        rig.settle()
    rig.send(model("slow"))
    worker = threading.Thread(target=rig.settle, daemon=True)
    worker.start()
    assert slow.building.wait(WAIT)
    rig.send(said)
    rig.controller.apply_updates(rig.slots.apply)
    assert rig.names == at_once
    slow.end()
    worker.join(WAIT)
    assert rig.settle() == then


def test_a_stage_obeys_a_command_while_a_model_is_being_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """So does the actor server, which reads about models in the same way."""
    rig, said = Rig(during=(slow := Slow())), list[FakeMessage]()

    class Topics:
        def __init__(self, *_: object) -> None: ...

        def read_to_end(self) -> list[FakeMessage]:
            return [FakeMessage(encode_descriptor(model("a")), 0, topic=TOPICS.models)]

        def poll(self) -> list[FakeMessage]:
            pause(0.001)
            return [said.pop(0)] if said else []

        def close(self) -> None: ...

    async def apply(update: SlotsUpdate) -> None:
        rig.slots.apply(update)

    async def until(happened: Callable[[], bool]) -> None:
        while not happened():
            await anyio.sleep(0.001)

    async def scenario() -> None:
        with anyio.fail_after(WAIT):
            async with ModelSource(Connection("nowhere"), options(TOPICS, rig)) as source:
                await source.read_to_end(apply)
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(source.follow, apply)
                    said.append(FakeMessage(encode_descriptor(model("slow")), 1, topic=TOPICS.models, timestamp=1))
                    await until(slow.building.is_set)
                    retire = encode_command(ModelCommand(Action.RETIRE, "wine"))
                    said.append(FakeMessage(retire, 0, topic=TOPICS.control, timestamp=2))
                    try:
                        await until(lambda: rig.names == ("-", "-", "-"))
                    finally:
                        slow.end()
                    tasks.cancel_scope.cancel()

    monkeypatch.setattr("modelserving.serving.model_source.ModelTopics", Topics)
    anyio.run(scenario)


def test_models_that_found_no_slot_are_closed_with_the_controller() -> None:
    """A server that is stopped between a build and the swap leaves no model open."""
    rig = Rig()
    rig.send(model("a"))
    assert rig.controller.build()
    assert [one.closes for one in rig.built] == [0]
    rig.controller.close()
    rig.controller.close()
    assert [one.closes for one in rig.built] == [1]


@pytest.mark.broker
def test_a_server_tries_again_by_itself_when_a_source_does_not_answer(connection: Connection, topics: Topics) -> None:
    """At the start, before it goes on; and later, without any further message."""
    rig = Rig(during=unreachable("first", "first", "second", "second"))

    found: list[str] = []

    async def apply(update: SlotsUpdate) -> None:
        assert update.slots.current is not None
        found.append(update.slots.current.info.name)

    async def scenario() -> None:
        await anyio.to_thread.run_sync(publish_model, connection, topics, model("first"))
        async with ModelSource(connection, options(topics, rig)) as source:
            await source.read_to_end(apply)
            with anyio.fail_after(WAIT):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(source.follow, apply)
                    await anyio.to_thread.run_sync(publish_model, connection, topics, model("second"))
                    while found != ["first", "second"]:
                        await anyio.sleep(0.01)
                    tasks.cancel_scope.cancel()
            assert source.controller.refused == 0

    anyio.run(scenario)


@pytest.mark.broker
def test_a_source_that_is_cancelled_before_an_update_is_taken_leaves_no_model_open(
    connection: Connection, topics: Topics
) -> None:
    """Built, and nobody there to take it: it is closed. What was taken is its taker's."""
    rig = Rig()

    async def refuse(update: SlotsUpdate) -> None:
        raise AssertionError(f"nothing was published, and {update} came")

    async def scenario() -> None:
        async with ModelSource(connection, options(topics, rig)) as source:
            await source.read_to_end(refuse)
            send, updates = anyio.create_memory_object_stream[SlotsUpdate](0)
            with anyio.fail_after(WAIT):
                async with send, updates, anyio.create_task_group() as tasks:
                    tasks.start_soon(source.follow, send.send)
                    await anyio.to_thread.run_sync(publish_model, connection, topics, model("taken"))
                    taken = await updates.receive()
                    await anyio.to_thread.run_sync(publish_model, connection, topics, model("left"))
                    while len(rig.built) < 2 or not updates.statistics().tasks_waiting_send:
                        await anyio.sleep(0.01)
                    tasks.cancel_scope.cancel()
            assert [loaded.info.name for loaded in taken.slots] == ["taken"]

    anyio.run(scenario)
    assert [one.closes for one in rig.built] == [0, 1]


def options(topics: Topics, rig: Rig) -> ServerOptions:
    return ServerOptions(topics, build=rig._build, fetch=FetchPolicy(pauses=(0.01, 0.01)))


def test_a_publication_whose_bytes_are_gone_is_said_until_something_newer_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Compaction took them, and no repository has them: as for a command's model, one dead letter and a word."""
    monkeypatch.setattr("modelserving.models.lifecycle.controller._KEPT_BYTES", 0)
    rig = Rig()
    rig.send(model("a"))
    assert rig.settle() == ("a", "-", "-")
    monkeypatch.setattr(rig, "log", [None] * 10)
    rig.controller.take(FakeMessage(encode_descriptor(model("b")), 1, topic=TOPICS.models, timestamp=1))
    assert rig.settle() == ("a", "-", "-")
    assert "is not on wine-models any more, and no repository has it" in rig.controller.absent["wine"]
    assert [(letter.offset, letter.value, letter.stage) for letter in rig.dead] == [(1, None, "model")]
    rig.controller.take(
        FakeMessage(encode_command(ModelCommand(Action.RETIRE, "wine")), 2, topic=TOPICS.control, timestamp=2)
    )
    assert (rig.settle(), rig.controller.absent) == (("-", "-", "-"), {})
