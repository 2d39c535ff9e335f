"""What becomes of a batch."""

from __future__ import annotations

import numpy as np
import pytest

from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.models.model import Records, Scores
from modelserving.records import encode_wine
from modelserving.serving import Batch, ScoredBatch, score_batch
from tests.fakes import FakeMessage, FakeModel, messages, served_by, wine


def slots_with(model: FakeModel | None = None, *data_types: str) -> ModelSlots:
    slots = ModelSlots()
    for data_type in data_types or ("wine",):
        slots.swap(served_by(model or FakeModel(), f"{data_type}-model", data_type))
    return slots


def test_an_empty_batch_gives_an_empty_result() -> None:
    """Nothing in, nothing out; the model is not asked."""
    model = FakeModel()
    assert score_batch(Batch(()), slots_with(model)) == ScoredBatch()
    assert model.batches == []


def test_each_answer_says_where_it_came_from() -> None:
    """Data type, model, version, digest, partition, offset, times: everything that a reader may ask."""
    message = FakeMessage(encode_wine(wine(alcohol=11.0)), offset=42, partition=3, key=b"k", timestamp=1_234)
    done = score_batch(Batch([message]), slots_with())
    (answer,) = done.scored
    assert (answer.data_type, answer.prediction) == ("wine", 11.0)
    assert (answer.model_name, answer.model_version, answer.model_digest) == ("wine-model", "1", "digest of wine-model")
    assert (answer.partition, answer.offset, answer.published_ms) == (3, 42, 1_234)
    assert answer.scoring_ns > 0
    assert answer.scored_at_ns > 1_700_000_000 * 10**9
    assert done.keys == (b"k",)


def test_records_of_one_data_type_are_scored_together() -> None:
    """One call of the engine for a batch: that is where the speed comes from."""
    model = FakeModel()
    done = score_batch(Batch(messages([wine()] * 50)), slots_with(model))
    assert model.batches == [50]
    (share,) = done.shares
    assert (share.count, len(done.scored)) == (50, 50)
    assert {answer.scoring_ns for answer in done.scored} == {share.each_ns}


def test_every_message_is_scored_dead_or_skipped() -> None:
    """Garbage, an empty message, no message, hostile and unknown data types cost the good ones nothing."""
    bad: list[bytes | None] = [b"\xff\xfe", b"", None, encode_wine(wine("")), encode_wine(wine("../x"))]
    good, unknown = wine(), wine("beer")
    done = score_batch(Batch(messages([good, *bad, unknown, good])), slots_with())
    assert [answer.offset for answer in done.scored] == [0, 7]
    assert [letter.offset for letter in done.dead] == [1, 2, 3, 4, 5]
    assert done.skipped == 1
    assert [letter.value for letter in done.dead] == bad
    assert {letter.stage for letter in done.dead} == {"decode"}
    assert [letter.error for letter in done.dead] == ["DecodeError"] * 3 + ["FieldError"] * 2
    assert all(letter.reason and letter.topic == "wine-records" for letter in done.dead)


def test_two_data_types_in_one_batch_have_their_own_models() -> None:
    """Each record goes to the model of its data type; key and answer stay together."""
    slots = ModelSlots()
    slots.swap(served_by(FakeModel(1.0), "red", "red"))
    slots.swap(served_by(FakeModel(100.0), "white", "white"))
    records = [wine("red", alcohol=1.0), wine("white", alcohol=2.0), wine("red", alcohol=3.0), wine("white", alcohol=4)]
    sent = [FakeMessage(encode_wine(r), offset, key=str(offset).encode()) for offset, r in enumerate(records)]
    done = score_batch(Batch(sent), slots)
    found = {
        answer.offset: (answer.prediction, answer.model_name, key)
        for answer, key in zip(done.scored, done.keys, strict=True)
    }
    assert found == {0: (1.0, "red", b"0"), 1: (200.0, "white", b"1"), 2: (3.0, "red", b"2"), 3: (400.0, "white", b"3")}
    assert sorted((share.served.info.name, share.count) for share in done.shares) == [("red", 2), ("white", 2)]


def test_a_data_type_whose_slot_was_emptied_is_skipped() -> None:
    """A slot without a model is like no slot."""
    slots = slots_with()
    slots.close()
    assert score_batch(Batch(messages([wine()] * 2)), slots).skipped == 2


@pytest.mark.parametrize("error", [ValueError("tensor of shape (?)"), MemoryError(), ZeroDivisionError("x")])
def test_an_engine_that_fails_costs_its_own_records_only(error: Exception) -> None:
    """Any exception of an engine makes that model's records dead letters; the others are scored, and nothing stops."""
    slots = slots_with(FakeModel(error=error))
    slots.swap(served_by(FakeModel(), "white", "white"))
    done = score_batch(Batch(messages([wine(), wine("white"), wine()])), slots)
    assert [answer.offset for answer in done.scored] == [1]
    assert [(letter.offset, letter.stage, letter.error) for letter in done.dead] == [
        (offset, "score", type(error).__name__) for offset in (0, 2)
    ]
    assert [share.served.info.name for share in done.shares] == ["white"]


def test_a_record_without_an_answer_is_dead_with_the_models_reason() -> None:
    """A word or a NaN for one record leaves the others their answers, and is not counted as scored."""
    model = FakeModel(problems={1: "the model answered 'good', not a number"})
    done = score_batch(Batch(messages([wine()] * 3)), slots_with(model))
    assert [answer.offset for answer in done.scored] == [0, 2]
    (letter,) = done.dead
    assert (letter.offset, letter.stage, letter.error) == (1, "score", "ScoringError")
    assert "'wine-model' gave no score" in letter.reason
    assert "'good'" in letter.reason
    assert done.shares[0].count == 2


def test_a_record_whose_answer_is_too_long_a_text_is_dead_and_the_others_are_answered() -> None:
    """A label that no golden record showed when the model was built."""

    class Talker(FakeModel):
        def score(self, records: Records) -> Scores:
            found = super().score(records)
            return Scores(found.values, found.problems, np.array(["fine", "x" * 500_000, None], object))

    done = score_batch(Batch(messages([wine()] * 3)), slots_with(Talker(problems={2: "it is odd"})))
    assert [(answer.offset, answer.label) for answer in done.scored] == [(0, "fine")]
    reasons = [letter.reason for letter in done.dead]
    assert "its answer is a text of 500,000 letters, and 4,000 are allowed." in reasons[0]
    assert "it is odd" in reasons[1]


def test_positions_are_the_offsets_to_go_on_from() -> None:
    """One after the last message of each partition, whatever became of it."""
    batch = [*messages([wine(), b"\xff"], partition=0), *messages([wine(), wine("beer"), b""], partition=4)]
    assert score_batch(Batch(batch), slots_with()).positions == {("wine-records", 0): 2, ("wine-records", 4): 3}


def test_the_group_goes_with_the_batch() -> None:
    """Who publishes the results tells the broker in which group they were read."""
    group = object()
    assert score_batch(Batch((), group), slots_with()).group is group


def test_the_model_is_leased_while_it_scores() -> None:
    """Swaps in the middle of a score do not close the model under it; it is closed right after."""
    slots = ModelSlots()

    def swap_thrice() -> None:
        for _ in range(3):
            slots.swap(served_by())

    model = FakeModel(during=swap_thrice)
    slots.swap(served_by(model))
    done = score_batch(Batch(messages([wine()])), slots)
    assert done.scored[0].model_name == "fake"
    assert model.closes == 1
