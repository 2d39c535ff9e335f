"""The pure part of the models' life: what was published and commanded, and where that leads."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelserving.models.info import Slots, fingerprint
from modelserving.models.lifecycle.history import History
from modelserving.models.lifecycle.order import LogPosition, ModelRef
from modelserving.models.lifecycle.reconcile import Build, Reconciler
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.records import Action, ModelCommand, ModelDescriptor, ModelType, PartitionSeen
from tests.fakes import FakeModel, served_by

NAMES = "abcd"


def model(name: str, percent: float = 0.0, version: str = "1") -> ModelDescriptor:
    """A model whose bytes are its name."""
    return ModelDescriptor(name, "", "wine", ModelType.PMML, name.encode(), version=version, shadow_percent=percent)


def digest(name: str) -> str:
    return model(name).digest if name else ""


def command(action: Action, name: str = "", percent: float = 0.0) -> ModelCommand:
    return ModelCommand(action, "wine", digest(name), percent)


def promote(name: str = "") -> ModelCommand:
    return command(Action.PROMOTE, name)


def back(name: str = "") -> ModelCommand:
    return command(Action.ROLL_BACK, name)


def shadow(percent: float, name: str = "") -> ModelCommand:
    return command(Action.SHADOW, name, percent)


RETIRE = command(Action.RETIRE)
Said = ModelDescriptor | ModelCommand


def add(history: History, said: Said, moment: int) -> None:
    position = LogPosition(moment, int(isinstance(said, ModelCommand)), 0, moment)
    if isinstance(said, ModelDescriptor):
        history.add_model(said, position)
    else:
        history.add_command(said, position)


def plan(*said: Said, history: History | None = None) -> tuple[str, ...]:
    """Current, previous and shadow by name, each ``-`` if there is none; then how many commands failed."""
    history = history or History()
    for moment, one in enumerate(said):
        add(history, one, moment)
    made = history.desired()
    return *shown(made.slots.get("wine", Slots())), str(len(made.problems))


def shown(slots: Slots[ModelRef]) -> tuple[str, str, str]:
    names = {digest(name): name for name in NAMES}
    said = slots.map(lambda ref: names[ref.digest])
    return (
        said.current or "-",
        said.previous or "-",
        (said.shadow or "-") + (f"{slots.percent:g}" if slots.percent else ""),
    )


A, B, C = model("a"), model("b"), model("c")
AS, BS = model("a", 20.0), model("b", 10.0)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((), "- - - 0"),
        ((A,), "a - - 0"),
        ((A, B, C), "c b - 0"),
        ((A, A), "a - - 0"),
        ((A, B, A), "a b - 0"),
        ((A, B, back()), "a b - 0"),
        ((A, B, back(), back()), "b a - 0"),
        ((A, B, back("a"), back("a")), "a b - 0"),
        ((A, back()), "a - - 1"),
        ((A, BS), "a - b10 0"),
        ((A, BS, shadow(50)), "a - b50 0"),
        ((A, BS, shadow(0)), "a - - 0"),
        ((A, BS, shadow(0), shadow(0)), "a - - 0"),
        ((A, BS, shadow(0, "c")), "a - - 0"),
        ((A, AS), "a - a20 0"),
        ((A, AS, A), "a - - 0"),
        ((A, shadow(50)), "a - - 1"),
        ((A, B, shadow(50, "a")), "b a a50 0"),
        ((A, BS, promote()), "b a - 0"),
        ((A, BS, promote("b"), promote("b")), "b a - 0"),
        ((A, BS, promote(), back()), "a b - 0"),
        ((A, BS, B), "b a - 0"),
        ((A, promote()), "a - - 1"),
        ((A, B, C, promote("a")), "a c - 0"),
        ((A, promote("d")), "a - - 1"),
        ((A, BS, C), "c a b10 0"),
        ((A, B, RETIRE), "- - - 0"),
        ((A, B, RETIRE, RETIRE, back()), "- - - 1"),
        ((A, B, RETIRE, promote("a")), "a - - 0"),
        ((A, RETIRE, B), "b - - 0"),
        ((AS,), "- - a20 0"),
        ((AS, promote()), "a - - 0"),
    ],
)
def test_where_a_history_leads(said: tuple[Said, ...], expected: str) -> None:
    """Models and commands, and the current, previous and shadow that they lead to; what cannot be followed is told."""
    assert plan(*said) == tuple(expected.split())


def test_messages_count_in_the_order_of_their_time_and_not_of_their_arrival() -> None:
    """Two topics are read side by side: a command may be read before the model that it names."""
    history = History()
    add(history, promote("a"), 2)
    assert history.desired().problems
    for moment, said in ((1, B), (0, A)):
        add(history, said, moment)
    assert plan(history=history) == ("a", "b", "-", "0")


def test_a_model_that_is_not_fit_to_serve_leaves_no_trace() -> None:
    """The plan without it is the plan of those who never saw it; commands that need it cannot be followed."""
    history = History()
    assert plan(A, B, C, back("b"), history=history) == ("b", "c", "-", "0")
    ref = history.desired().slots["wine"].current
    assert ref is not None
    history.drop(ref)
    assert plan(history=history) == ("c", "a", "-", "1")


def test_a_model_that_no_topic_has_is_found_in_the_library_if_it_was_published_by_then() -> None:
    """Compaction takes old models away; what is published later is not looked up for an older command."""
    asked: list[tuple[str, str, int]] = []

    def library(data_type: str, wanted: str, by_ms: int) -> ModelRef | None:
        asked.append((data_type, wanted, by_ms))
        return ModelRef(fingerprint(A), A.digest) if wanted == A.digest else None

    history = History(library)
    assert plan(B, back("a"), history=history) == ("a", "b", "-", "0")
    add(history, C, 5)
    assert plan(history=history) == ("c", "a", "-", "0")
    assert asked == [("wine", A.digest, 1)]
    history.drop(ModelRef(fingerprint(A), A.digest))
    assert plan(history=history) == ("c", "b", "-", "1")


def test_the_same_model_is_the_same_however_its_bytes_travel() -> None:
    """By value or by reference, as a shadow or not; but not under another version, or with another digest claimed."""
    same = [
        A,
        replace(A, sha256=A.digest.upper()),
        replace(A, shadow_percent=5.0),
        replace(A, data=b"", location="file:///a", sha256=A.digest),
    ]
    other = [replace(A, version="2"), replace(A, sha256="00" * 32), replace(A, tolerance=1.0), B]
    assert len({fingerprint(one) for one in same}) == 1
    assert len({fingerprint(one) for one in (A, *other)}) == 5


@dataclass
class Server:
    """A server without threads: reads what it is given, and takes a step when it is told to."""

    bad: frozenset[str]

    def __post_init__(self) -> None:
        self.reconciler = Reconciler(History())
        self.slots = ModelSlots()
        self.models: list[FakeModel] = []
        self.served: list[str] = []

    def read(self, moment: int, said: Said) -> None:
        if isinstance(said, ModelDescriptor):
            position = LogPosition(moment, 0, 0, moment)
            self.reconciler.expect(self.reconciler.history.add_model(said, position))
        else:
            add(self.reconciler.history, said, moment)

    def step(self) -> bool:
        """One step; and whether there was one."""
        step = self.reconciler.next_step()
        if step is None:
            return False
        if not isinstance(step, Build):
            self.slots.apply(step)
            self.reconciler.done(step)
        else:
            name = {digest(name): name for name in NAMES}[step.ref.digest]
            if name in self.bad:
                self.reconciler.refused(step)
            else:
                self.models.append(FakeModel())
                self.reconciler.built(step, served_by(self.models[-1], name, digest=step.ref.digest))
        return True

    def settle(self) -> None:
        for _ in range(200):
            if not self.step():
                return
        raise AssertionError("never at rest")

    @property
    def state(self) -> tuple[str, ...]:
        slot = self.slots.get("wine")
        if slot is None:
            return "-", "-", "-"
        beside = slot.shadow
        return (
            slot.current.info.name if slot.current else "-",
            slot.previous.info.name if slot.previous else "-",
            f"{beside.served.info.name}{beside.percent:g}" if beside else "-",
        )

    @property
    def open(self) -> int:
        return sum(not model.closes for model in self.models)

    def close(self) -> None:
        self.reconciler.close()
        self.slots.close()


def test_a_clock_that_runs_ahead_pins_no_model() -> None:
    """On a topic with its publishers' clocks: what comes behind a message in the log was published after it."""
    history, hour = History(), 3_600_000
    history.add_model(model("a"), LogPosition(1_000, 0, 0, 0))
    history.add_model(model("b"), LogPosition(1_000 + hour, 0, 0, 1))
    assert plan(history=history) == ("b", "a", "-", "0")
    history.add_model(model("c"), LogPosition(2_000, 0, 0, 2))
    assert plan(history=history) == ("c", "b", "-", "0")
    history.add_command(back(), LogPosition(3_000, 1, 0, 0))
    assert plan(history=history) == ("b", "c", "-", "0")


def test_a_clock_that_runs_ahead_overtakes_no_command() -> None:
    """Whoever gives a command says what was there; without that, and on a topic made anew, times alone count."""
    hour = 3_600_000
    seen = (PartitionSeen(0, 2, 1_000 + hour),)
    for told, newest, expected in (
        (seen, 1_000 + hour, ("a", "b", "-", "0")),
        ((), 1_000 + hour, ("b", "a", "-", "1")),
        (seen, 2_000 + hour, ("b", "a", "-", "1")),
        ((PartitionSeen(1, 2, 1_000 + hour),), 1_000 + hour, ("b", "a", "-", "1")),
    ):
        history = History()
        history.add_model(model("a"), LogPosition(1_000, 0, 0, 0))
        history.add_command(replace(back(), seen=told), LogPosition(3_000, 1, 0, 0))
        history.add_model(model("b"), LogPosition(newest, 0, 0, 1))
        assert plan(history=history) == expected
        history.add_model(model("c"), LogPosition(4_000, 0, 0, 2))
        assert plan(history=history)[0] == "c"


def test_a_command_from_a_clock_that_runs_ahead_overtakes_no_model() -> None:
    """It is before the models that its giver had not seen; one that came while it was under way is before it."""
    hour = 3_600_000
    seen = (PartitionSeen(0, 2, 2_000),)
    for told, stamp, expected in (
        (seen, 3_000 + hour, ("c", "a", "-", "0")),
        ((), 3_000 + hour, ("b", "c", "-", "0")),
        (seen, 5_000, ("b", "c", "-", "0")),
    ):
        history = History()
        history.add_model(model("a"), LogPosition(1_000, 0, 0, 0))
        history.add_model(model("b"), LogPosition(2_000, 0, 0, 1))
        history.add_command(replace(back(), seen=told), LogPosition(stamp, 1, 0, 0))
        history.add_model(model("c"), LogPosition(4_000, 0, 0, 2))
        assert plan(history=history) == expected
    history.add_command(back(), LogPosition(6_000, 1, 0, 1))
    assert plan(history=history) == ("c", "b", "-", "0")


def test_a_topic_made_anew_goes_on_from_the_one_before_it() -> None:
    """Its offsets begin at 0 again, and prove nothing about those of the old one."""
    history = History()
    history.add_model(model("a"), LogPosition(1_000, 0, 0, 0))
    history.add_model(model("b"), LogPosition(2_000, 0, 0, 1))
    history.add_model(model("c"), LogPosition(5_000, 0, 0, 0))
    assert plan(history=history) == ("c", "b", "-", "0")


SAID = st.one_of(
    st.builds(model, st.sampled_from(NAMES), st.sampled_from([0.0, 0.0, 0.0, 10.0])),
    st.builds(
        command,
        st.sampled_from(Action),
        st.sampled_from(["", *NAMES]),
        st.sampled_from([0.0, 10.0, 50.0]),
    ),
)


def is_bad_shadow(said: Said, bad: frozenset[str]) -> bool:
    return isinstance(said, ModelDescriptor) and said.shadow_percent > 0 and said.name in bad


@settings(max_examples=settings().max_examples * 3 // 2, deadline=None)
@given(
    st.lists(SAID, max_size=25), st.frozensets(st.sampled_from(NAMES), max_size=2), st.randoms(use_true_random=False)
)
def test_a_restarted_server_ends_where_the_running_one_is(
    said: list[Said], bad: frozenset[str], chance: random.Random
) -> None:
    """Whatever is said, whichever models are bad, however unevenly servers read: they end alike, with the rest closed.

    Which models are bad is on no topic: a server that starts finds out only about those that it needs. So with bad
    models about, commands name what they mean, as ours do, and shadows are good ones.
    """
    if bad:
        said = [one for one in said if one != back() and not is_bad_shadow(one, bad)]
    live, slow, restarted = Server(bad), Server(bad), Server(bad)
    arrivals = list(enumerate(said))
    for moment, one in arrivals:
        live.read(moment, one)
        live.settle()
    jumbled = sorted(arrivals, key=lambda arrival: arrival[0] + chance.random() * 4)
    for moment, one in jumbled:
        slow.read(moment, one)
        for _ in range(chance.randrange(4)):
            slow.step()
    slow.settle()
    for moment, one in arrivals:
        restarted.read(moment, one)
    restarted.settle()
    assert live.state == slow.state == restarted.state
    for server in (live, slow, restarted):
        held = server.slots.get("wine")
        kept = {s for s in (held.current, held.previous, held.shadow and held.shadow.served) if s} if held else set()
        assert server.open == len(kept)
        server.close()
        assert {model.closes for model in server.models} <= {1}


def a_serves_and_b_is_being_built() -> tuple[Server, Build]:
    """A server, and the step that it is at."""
    server = Server(frozenset())
    server.read(0, A)
    server.settle()
    server.read(1, B)
    building = server.reconciler.next_step()
    assert isinstance(building, Build)
    return server, building


def test_a_model_that_is_overtaken_while_it_loads_serves_until_the_newer_one_is_ready() -> None:
    """Nobody waits for what may be overtaken, too; then it is the previous one, as on a server that was fast enough."""
    server, building = a_serves_and_b_is_being_built()
    server.read(2, C)  # arrives while b is being built
    server.reconciler.built(building, served_by(late := FakeModel(), "b"))
    server.step()
    assert server.state == ("b", "a", "-")
    server.step()
    server.step()
    assert server.state == ("c", "b", "-")
    server.settle()
    assert (server.state, server.reconciler.overtaken, late.closes) == (("c", "b", "-"), 0, 0)
    server.close()
    assert {late.closes, *(model.closes for model in server.models)} == {1}


def test_models_that_come_faster_than_they_are_built_serve_all_the_same() -> None:
    """Each that is built serves, however many came meanwhile; those in between are never built."""
    server, seen = Server(frozenset()), list[str]()
    published = 0
    for _ in range(4):
        building = server.reconciler.next_step() if published else None
        for _ in range(3):  # three more while one is being built
            server.read(published, model(NAMES[published % 4], version=str(published)))
            published += 1
        if isinstance(building, Build):
            version = str(building.ref.position and building.ref.position.timestamp_ms)
            server.reconciler.built(building, served_by(FakeModel(), version))
            server.step()
            seen.append(server.state[0])
    assert seen == ["2", "5", "8"]
    server.settle()
    assert server.reconciler.overtaken == published - 4
    server.close()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((back(), C), "a"),  # who goes back does not mean the one that is being built
        ((promote("a"), C), "a"),
        ((BS, C), "b"),  # a shadow takes nothing away
        ((shadow(0), C), "b"),
    ],
)
def test_what_a_command_took_away_does_not_serve_meanwhile(said: tuple[Said, ...], expected: str) -> None:
    server, building = a_serves_and_b_is_being_built()
    for moment, one in enumerate(said, 2):
        server.read(moment, one)
    server.reconciler.built(building, served_by(FakeModel(), "b"))
    assert set_what_is_built(server) == expected
    server.settle()
    assert server.state[0] == "c"
    server.close()


def set_what_is_built(server: Server) -> str | None:
    """Take steps until one is a build; who serves then."""
    while not isinstance(step := server.reconciler.next_step(), Build):
        assert step is not None
        server.slots.apply(step)
        server.reconciler.done(step)
    return server.state[0]


@pytest.mark.parametrize(
    ("said", "meanwhile"),
    [
        ((RETIRE, C), "-"),
        ((C, RETIRE, model("d")), "-"),
        ((RETIRE, C, model("d")), "-"),
        ((RETIRE, promote("a"), C), "a"),  # it was brought back
        ((RETIRE, A, C, model("d")), "a"),
        ((RETIRE, BS, C), "-"),  # a shadow brings nothing back
    ],
)
def test_a_retired_model_serves_nobody_while_its_successor_is_built(said: tuple[Said, ...], meanwhile: str) -> None:
    """Also where both are read in one breath: whoever retires a model wants no more answers of it."""
    server = Server(frozenset())
    server.read(0, A)
    server.settle()
    for moment, one in enumerate(said, 1):
        server.read(moment, one)
    assert set_what_is_built(server) == meanwhile
    server.settle()
    assert server.state[0] == ("d" if model("d") in said else "c")
    server.close()


def test_a_retired_model_serves_nobody_where_its_successor_was_read_first() -> None:
    """The two topics are read side by side: what is said on one may be read after what came later on the other."""
    server = Server(frozenset())
    server.read(0, A)
    server.settle()
    server.read(2, C)
    assert set_what_is_built(server) == "a"
    server.read(1, RETIRE)
    assert set_what_is_built(server) == "-"
    server.settle()
    assert server.state[0] == "c"
    server.close()


def test_data_types_take_turns_however_fast_the_models_of_one_come() -> None:
    """The alphabet gives none of them the right to be built first for ever."""
    server, built = Server(frozenset()), list[str]()
    for name in ("beer", "cider", "wine"):
        server.read(0, replace(A, data_type=name))
    for moment in range(1, 7):
        while not isinstance(step := server.reconciler.next_step(), Build):
            assert step is not None
            server.reconciler.done(step)
        server.read(moment, replace(A, version=str(moment), data_type="beer"))  # while the step is carried out
        server.reconciler.built(step, served_by(FakeModel(), "x"))
        built.append(step.data_type)
    assert built == ["beer", "cider", "wine", "beer", "beer", "beer"]
    server.close()


def test_what_is_ready_is_set_before_anything_else_is_built() -> None:
    """A command to retire or to go back waits for no other data type's model."""
    server = Server(frozenset())
    server.read(0, A)
    server.settle()
    server.read(1, replace(B, data_type="beer"))
    server.read(2, RETIRE)
    assert set_what_is_built(server) == "-"
    server.close()


def test_models_that_are_overtaken_twice_are_not_even_built_or_are_closed() -> None:
    """Of a burst, the newest is built, and the one before it for rollback."""
    server = Server(frozenset())
    server.read(0, A)
    building = server.reconciler.next_step()
    assert isinstance(building, Build)
    for moment, one in enumerate((B, C, model("d")), 1):
        server.read(moment, one)
    server.reconciler.built(building, served_by(late := FakeModel(), "a"))
    server.settle()
    assert (server.state, late.closes, len(server.models)) == (("d", "c", "-"), 1, 2)
    assert server.reconciler.overtaken == 2
    server.close()
