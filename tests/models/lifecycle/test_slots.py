"""The slot of the model in use: swaps, rollbacks, leases, and who closes what, and when."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from modelserving.models.info import LoadedModel, Slots, SlotsUpdate
from modelserving.models.lifecycle.slots import ModelSlot, ModelSlots
from tests.fakes import FakeModel, served_by, update


def pairs(count: int) -> list[tuple[LoadedModel, FakeModel]]:
    models = [FakeModel() for _ in range(count)]
    return [(served_by(model, f"m{index}"), model) for index, model in enumerate(models)]


class TestSwap:
    def test_an_empty_slot_leases_nothing(self) -> None:
        """Before the first model there is none to score with."""
        slot = ModelSlot()
        with slot.lease() as served:
            assert served is None
        assert (slot.current, slot.previous, slot.since_ms, slot.swaps) == (None, None, 0, 0)

    def test_the_new_model_serves_at_once_and_the_old_one_is_kept(self) -> None:
        """After a swap the next lease gets the new model; the one before it is not closed yet."""
        (first, old), (second, _) = pairs(2)
        slot = ModelSlot()
        slot.swap(first)
        slot.swap(second)
        with slot.lease() as served:
            assert served is second
        assert (slot.current, slot.previous, slot.swaps, old.closes) == (second, first, 2, 0)
        assert slot.since_ms > 0

    def test_the_model_before_the_previous_is_closed(self) -> None:
        """Two models are kept; the third swap closes the first, once."""
        slot, made = ModelSlot(), pairs(3)
        for served, _ in made:
            slot.swap(served)
        assert [model.closes for _, model in made] == [1, 0, 0]

    def test_a_model_that_falls_out_while_leased_is_closed_with_its_last_lease(self) -> None:
        """Two batches hold it: the end of the first changes nothing, the end of the second closes it."""
        slot, made = ModelSlot(), pairs(3)
        slot.swap(made[0][0])
        with slot.lease():
            with slot.lease() as held:
                slot.swap(made[1][0])
                slot.swap(made[2][0])
                assert held is made[0][0]
            assert made[0][1].closes == 0
        assert made[0][1].closes == 1

    def test_a_lease_that_ends_with_an_error_ends_all_the_same(self) -> None:
        """A score that failed does not keep its model open for ever."""
        slot, made = ModelSlot(), pairs(3)
        slot.swap(made[0][0])
        with suppress(ValueError), slot.lease():
            slot.swap(made[1][0])
            slot.swap(made[2][0])
            raise ValueError
        assert made[0][1].closes == 1


class TestSet:
    def test_models_that_change_slots_are_not_closed(self) -> None:
        """Current and previous in each other's slots: that is a rollback, and a second one takes the first one back."""
        (first, old), (second, new) = pairs(2)
        slot = ModelSlot()
        slot.set(Slots(second, first))
        assert slot.set(Slots(first, second))
        assert (slot.current, slot.previous, slot.swaps) == (first, second, 2)
        assert slot.set(Slots(second, first))
        assert old.closes == new.closes == 0

    def test_only_another_current_model_is_a_swap(self) -> None:
        """What changes beside it leaves its time and its number as they are; without any there is no time."""
        (current, _), (beside, _), (other, _) = pairs(3)
        slot = ModelSlot()
        assert slot.set(Slots(current))
        since_ms, slot.since_ms = slot.since_ms, 7
        assert not slot.set(Slots(current, beside))
        assert not slot.set(Slots(current, beside, other, 5.0))
        assert (slot.since_ms, slot.swaps) == (7, 1)
        assert slot.set(Slots())
        assert (slot.since_ms, slot.swaps) == (0, 1)
        assert since_ms > 7

    def test_a_comparison_goes_on_while_its_shadow_stays(self) -> None:
        """With another share, or beside another model; one that serves meanwhile begins anew."""
        (current, _), (beside, _), (other, _) = pairs(3)
        slot = ModelSlot()
        slot.set(Slots(current, None, beside, 5.0))
        comparison = slot.shadow
        slot.set(Slots(other, current, beside, 50.0))
        assert slot.shadow is comparison
        assert comparison is not None
        assert comparison.percent == 50.0
        slot.set(Slots(beside, other))
        assert slot.shadow is None
        slot.set(Slots(other, current, beside, 50.0))
        assert slot.shadow is not comparison

    def test_a_model_in_two_slots_is_closed_when_it_is_in_none(self) -> None:
        """A model that served before, and is tried again as a shadow, need not be there twice."""
        (current, _), (twice, model) = pairs(2)
        slot = ModelSlot()
        slot.set(Slots(current, twice, twice, 5.0))
        slot.set(Slots(current, None, twice, 5.0))
        assert model.closes == 0
        slot.set(Slots(current))
        assert model.closes == 1


class TestClose:
    def test_both_models_are_closed_once(self) -> None:
        """A closed slot is empty; closing it again does nothing."""
        slot, made = ModelSlot(), pairs(2)
        for served, _ in made:
            slot.swap(served)
        slot.close()
        slot.close()
        assert (slot.current, slot.previous) == (None, None)
        assert [model.closes for _, model in made] == [1, 1]

    def test_a_leased_model_outlives_the_slot(self) -> None:
        """A batch that is being scored when the server stops is scored to its end."""
        slot, ((served, model),) = ModelSlot(), pairs(1)
        slot.swap(served)
        with slot.lease() as held:
            slot.close()
            assert held is served
            assert model.closes == 0
        assert model.closes == 1


class SlotMachine(RuleBasedStateMachine):
    """Swaps, rollbacks, shadows, leases and closings in any order, beside a slot in a few lines of plain Python."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.slot = ModelSlot()
        self.models: dict[LoadedModel, FakeModel] = {}
        self.held: list[LoadedModel] = []
        self.kept: list[LoadedModel] = []  # current first, then previous
        self.beside: LoadedModel | None = None

    @rule()
    def swap(self) -> None:
        served = self.make()
        self.slot.swap(served)
        self.kept = [served, *self.kept[:1]]

    @rule()
    def roll_back(self) -> None:
        if len(self.kept) == 2:
            self.kept.reverse()
            self.set(self.beside)

    @rule()
    def keep_previous(self) -> None:
        served = self.make()
        self.kept = [*self.kept[:1], served]
        self.set(self.beside)

    @rule(share=st.sampled_from([10.0, 100.0]))
    def start_shadow(self, share: float) -> None:
        self.set(self.make(), share)

    @rule(share=st.sampled_from([0.0, 5.0]))
    def set_shadow(self, share: float) -> None:
        self.set(self.beside if share else None, share)

    @rule()
    def promote_shadow(self) -> None:
        if self.beside is not None:
            self.kept = [self.beside, *self.kept[:1]]
            self.set(None)

    def make(self) -> LoadedModel:
        served = served_by(model := FakeModel())
        self.models[served] = model
        return served

    def set(self, beside: LoadedModel | None, share: float = 10.0) -> None:
        self.beside = beside
        current, previous = [*self.kept, None, None][:2]
        self.slot.set(Slots(current, previous, beside, share if beside else 0.0))

    @rule(target=leases)
    def lease_shadow(self) -> tuple[ExitStack, LoadedModel | None]:
        stack = ExitStack()
        shadow = stack.enter_context(self.slot.lease_shadow())
        served = shadow.served if shadow else None
        assert served is self.beside
        if served is not None:
            self.held.append(served)
        return stack, served

    @rule(target=leases)
    def lease(self) -> tuple[ExitStack, LoadedModel | None]:
        stack = ExitStack()
        served = stack.enter_context(self.slot.lease())
        assert served is (self.kept[0] if self.kept else None)
        if served is not None:
            self.held.append(served)
        return stack, served

    @rule(lease=leases)
    def score(self, lease: tuple[ExitStack, LoadedModel | None]) -> None:
        if lease[1] is not None and lease[1] in self.held:
            lease[1].model.score(())

    @rule(lease=consumes(leases))
    def end(self, lease: tuple[ExitStack, LoadedModel | None]) -> None:
        stack, served = lease
        stack.close()
        if served is not None:
            self.held.remove(served)

    @rule(again=st.booleans())
    def close(self, again: bool) -> None:
        self.slot.close()
        if again:
            self.slot.close()
        self.kept = []
        self.beside = None

    @invariant()
    def closed_exactly_when_nobody_needs_it(self) -> None:
        for served, model in self.models.items():
            assert model.closes == (served not in (*self.kept, self.beside, *self.held))
        assert [self.slot.current, self.slot.previous] == [*self.kept, None, None][:2]


TestInterleavings = SlotMachine.TestCase
TestInterleavings.settings = settings(
    max_examples=settings().max_examples * 3 // 2, stateful_step_count=30, deadline=None
)


def test_threads_that_score_and_swap_at_once_never_meet_a_closed_model() -> None:
    """Whatever the threads do to each other, each score has an open model, and in the end each is closed once."""
    slot = ModelSlot()
    made = pairs(301)
    slot.swap(made[0][0])

    def swap() -> None:
        chance = random.Random(1)
        for served, _ in made[1:]:
            slot.swap(served)
            if chance.random() < 0.3:
                slot.set(Slots(slot.previous, slot.current))

    def score(_: int) -> None:
        for _ in range(400):
            with slot.lease() as served:
                assert served is not None
                served.model.score(())

    with ThreadPoolExecutor(4) as pool:
        swapping = pool.submit(swap)
        list(pool.map(score, range(3)))
        swapping.result()
    slot.close()
    assert {model.closes for _, model in made} == {1}


def test_five_hundred_swaps_close_each_model_once() -> None:
    """Also when each is scored with at its end, and every third one is rolled back."""
    slot, made = ModelSlot(), pairs(500)
    for number, (served, _) in enumerate(made):
        slot.swap(served)
        if number % 3 == 2:
            slot.set(Slots(slot.previous, slot.current))
        with slot.lease() as held:
            assert held is not None
            held.model.score(())
    slot.close()
    assert {model.closes for _, model in made} == {1}


class TestSlots:
    def test_a_retired_data_type_has_no_model(self) -> None:
        """It is not listed any more; what is set later finds its slot again."""
        slots = ModelSlots()
        slots.swap(served_by())
        assert slots.apply(SlotsUpdate("wine", Slots()))
        assert slots.data_types == ()
        assert slots.describe("wine") is None
        assert not slots.apply(SlotsUpdate("wine", Slots()))
        slots.swap(served_by())
        assert slots.swaps == 2

    def test_it_describes_models_that_live_elsewhere_too(self) -> None:
        """A state is plain data: who serves, since when, who was before, and how the shadow compares."""
        slots = ModelSlots()
        a, b, c = (served_by(name=name) for name in "abc")
        slots.apply(update(a))
        slots.apply(update(b, a, c, 5.0))
        state = slots.describe("wine")
        assert state is not None
        assert state.identity is not None
        assert state.previous is not None
        assert state.shadow is not None
        assert [one.name for one in (state.identity, state.previous, state.shadow.identity)] == ["b", "a", "c"]
        assert (state.swaps, state.statistics.count, state.shadow.percent) == (2, 0, 5.0)

    def test_each_data_type_has_a_slot_of_its_own(self) -> None:
        """A model for one data type leaves the others alone."""
        slots = ModelSlots()
        red, white = served_by(data_type="red"), served_by(data_type="white")
        slots.swap(white)
        slots.swap(red)
        found = {name: slot.current for name in slots.data_types if (slot := slots.get(name))}
        assert found == {"red": red, "white": white}
        assert slots.data_types == ("red", "white")
        assert slots.get("beer") is None

    def test_the_latest_is_the_one_that_was_swapped_last(self) -> None:
        """``/state`` shows it; before any model there is none."""
        slots = ModelSlots()
        assert slots.latest is None
        for data_type in ("red", "white", "red"):
            slots.swap(served_by(data_type=data_type))
            assert slots.latest is slots.get(data_type)
        assert slots.swaps == 3

    def test_closing_retires_every_model(self) -> None:
        """A server that stops leaves no model open; closing again does nothing."""
        slots, models = ModelSlots(), [FakeModel(), FakeModel(), FakeModel()]
        for data_type, model in zip(("red", "red", "white"), models, strict=True):
            slots.swap(served_by(model, data_type=data_type))
        slots.close()
        slots.close()
        assert [model.closes for model in models] == [1, 1, 1]

    @pytest.mark.parametrize("data_type", ["red", "white"])
    def test_threads_make_one_slot_for_a_data_type(self, data_type: str) -> None:
        """Two first models of a data type that arrive at once share one slot."""
        slots = ModelSlots()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: slots.swap(served_by(data_type=data_type)), range(100)))
        assert slots.swaps == 100
