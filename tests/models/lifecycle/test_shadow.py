"""A model beside the one that serves: which records it scores, and how the two compare."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from modelserving.models.formats.inputs import to_batch
from modelserving.models.info import Slots
from modelserving.models.lifecycle.shadow import Shadow, ShadowWork, choose
from modelserving.models.lifecycle.slots import ModelSlot, ModelSlots
from modelserving.models.model import Records, Scores
from modelserving.records import WineRecord
from modelserving.serving import Batch, score_batch
from tests.fakes import FakeModel, messages, served_by, wine


def work(slot: ModelSlot, records: list[WineRecord], answers: list[float]) -> ShadowWork:
    count = len(records)
    return ShadowWork(slot, to_batch(records), [0] * count, list(range(count)), np.array(answers))


def slot_with(model: FakeModel, percent: float = 100.0) -> ModelSlot:
    slot = ModelSlot()
    slot.set(Slots(shadow=served_by(model, "shadow"), percent=percent))
    return slot


def test_the_two_are_compared_number_by_number() -> None:
    """How many, how many alike, how far apart on the average and at most."""
    slot = slot_with(FakeModel(1.0))
    work(slot, [wine(alcohol=a) for a in (9.0, 10.0, 11.0, 12.0)], [9.0, 10.0 + 1e-9, 10.0, 15.0]).run()
    found = slot.describe().shadow
    assert found is not None
    assert (found.identity.name, found.percent) == ("shadow", 100.0)
    assert (found.compared, found.equal, found.max_difference) == (4, 2, 3.0)
    assert found.mean_difference == pytest.approx(1.0)
    assert (found.errors, found.statistics.count) == (0, 4)


class Labelling(FakeModel):
    """Answers a label for each wine; a number where it spells one."""

    def score(self, records: Records) -> Scores:
        labels = np.array(["5" if alcohol > 10 else "good" for alcohol in super().score(records).values], dtype=object)
        return Scores(np.where(labels == "5", 5.0, np.nan), labels=labels)


def test_labels_agree_or_not_and_numbers_differ_by_so_much() -> None:
    """A label that spells a number is one; a word and a number are never the same."""
    slot = slot_with(Labelling())
    labels = np.array(["good", "bad", "5", "6", "good", None], dtype=object)
    answers = [float("nan"), float("nan"), 5.0, 6.0, float("nan"), float("nan")]
    sent = work(slot, [wine(alcohol=a) for a in (9.0, 9.0, 11.0, 11.0, 11.0, 9.0)], answers)
    replace(sent, labels=labels).run()
    found = slot.describe().shadow
    assert found is not None
    assert (found.compared, found.equal, found.errors) == (5, 2, 0)
    assert (found.mean_difference, found.max_difference) == (0.5, 1.0)


def test_a_shadow_that_fails_costs_nobody_anything() -> None:
    """Whatever it raises, or gives instead of a number, is counted."""
    slot = slot_with(FakeModel(error=MemoryError()))
    work(slot, [wine()] * 3, [1.0] * 3).run()
    slot.set(Slots(shadow=served_by(FakeModel(problems={1: "a word"}), "other"), percent=100.0))
    work(slot, [wine(alcohol=1.0)] * 3, [1.0] * 3).run()
    found = slot.describe().shadow
    assert found is not None
    assert (found.identity.name, found.errors, found.compared, found.equal) == ("other", 1, 2, 2)


def test_records_that_were_not_answered_are_not_compared() -> None:
    """There is nothing to compare with."""
    model = FakeModel()
    work(slot_with(model), [wine(), wine()], [float("nan"), 1.0]).run()
    assert model.batches == [1]


def test_without_a_shadow_nothing_is_done() -> None:
    """It may have been retired since the batch was scored."""
    work(ModelSlot(), [wine()], [1.0]).run()


@pytest.mark.parametrize("percent", [0.0, 0.5, 10.0, 50.0, 99.0, 100.0])
def test_the_share_is_met_and_is_the_same_every_time(percent: float) -> None:
    """By partition and offset alone; of a stream that repeats every so many records, all of its beats are met."""
    offsets = np.arange(100_000)
    chosen = choose(percent, np.zeros_like(offsets), offsets)
    assert chosen.mean() * 100 == pytest.approx(percent, abs=0.5)
    assert (chosen == choose(percent, np.zeros_like(offsets), offsets)).all()
    for beat in (2, 10, 16):
        assert chosen[::beat].mean() * 100 == pytest.approx(percent, abs=2)
    if percent == 50.0:
        assert 0.4 < (chosen == choose(percent, np.ones_like(offsets), offsets)).mean() < 0.6


def test_scoring_leaves_the_shadows_work_for_later() -> None:
    """The answers are ready before the shadow is asked; the usage of a model counts only what it answered."""
    slots, beside = ModelSlots(), FakeModel(2.0)
    slots.swap(served_by(FakeModel(1.0), "current"))
    slot = slots.get("wine")
    assert slot is not None
    assert score_batch(Batch(messages([wine()])), slots).shadows == ()
    slot.set(slot.slots.start_shadow(shadow := served_by(beside, "shadow"), 100.0))
    done = score_batch(Batch(messages([wine(), b"\xff", wine("beer"), wine(alcohol=3.0)])), slots)
    assert ([answer.prediction for answer in done.scored], beside.batches) == ([wine().alcohol, 3.0], [])
    for one in done.shadows:
        one.run()
    found = slot.describe().shadow
    assert found is not None
    assert (beside.batches, found.compared, found.max_difference) == ([2], 2, wine().alcohol)
    assert shadow.statistics.snapshot().count == 0


def test_a_shadow_is_not_closed_while_it_scores() -> None:
    """Its end waits for the end of the batch."""
    slot = ModelSlot()
    model = FakeModel(during=lambda: slot.set(Slots()))
    slot.set(Slots(shadow=served_by(model), percent=100.0))
    work(slot, [wine()], [1.0]).run()
    assert (model.closes, slot.shadow) == (1, None)


def test_many_threads_lose_no_count() -> None:
    """Servers compare in more than one thread."""
    shadow = Shadow(served_by(FakeModel()), 100.0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: shadow.score([wine()] * 5, np.ones(5)), range(200)))
    assert shadow.comparison().compared == 1_000
