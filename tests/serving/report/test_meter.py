"""What a server counts of its batches, without a broker."""

from __future__ import annotations

from modelserving.kafka.dead_letters import DeadLetter
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.serving import Batch, BatchOutcome, Counts, Meter, ModelKey, ScoringTime, outcome_of, score_batch
from modelserving.serving.messages import ScoredBatch
from modelserving.serving.report.meter import BUCKETS_S
from tests.fakes import messages, served_by, wine

TREE = ModelKey("wine", "tree", "1", "abc")


def letter(error: str) -> DeadLetter:
    """A dead letter."""
    return DeadLetter(b"", None, "wine-records", 0, 0, "decode", error, "why")


def test_a_batch_is_counted_as_it_was_scored() -> None:
    """Answers by model, dead letters by what was tried and the error, and what found no model."""
    slots = ModelSlots()
    slots.swap(served_by(name="tree"))
    meter = Meter()
    meter.add(outcome_of(score_batch(Batch(messages([wine(), wine(), b"\xff", wine("beer")])), slots)))
    slots.close()
    assert meter.counts == Counts(scored=2, skipped=1, dead_lettered=1)
    assert meter.unserved == ("beer",)
    assert meter.dead_letters() == {("decode", "DecodeError"): 1}
    assert {model: found.count for model, found in meter.durations().items()} == {
        ModelKey("wine", "tree", "1", "digest of tree"): 2
    }


def test_outcomes_add_up_as_their_batches_would() -> None:
    """Kafka Streams commits several batches at once."""
    batches = [
        ScoredBatch(skipped=2, dead=(letter("DecodeError"),)),
        ScoredBatch(skipped=3, dead=(letter("FieldError"),)),
    ]
    one_by_one, together = Meter(), Meter()
    for batch in batches:
        one_by_one.add(outcome_of(batch, [ScoringTime(TREE, 4, 100)]))
    together.add(sum((outcome_of(batch, [ScoringTime(TREE, 4, 100)]) for batch in batches), BatchOutcome()))
    assert together.counts == one_by_one.counts == Counts(skipped=5, dead_lettered=2)
    assert together.dead_letters() == one_by_one.dead_letters()
    assert together.durations() == one_by_one.durations()


def test_a_duration_falls_into_the_first_bucket_that_holds_it() -> None:
    """A limit belongs to its own bucket; what is longer than all of them is counted, too."""
    meter = Meter()
    meter.add(
        BatchOutcome(
            times=(ScoringTime(TREE, 1, 1_000), ScoringTime(TREE, 2, 1_001), ScoringTime(TREE, 4, 5_000_000_000))
        )
    )
    found = meter.durations()[TREE]
    by_limit = dict(zip(BUCKETS_S, found.cumulative, strict=True))
    assert (by_limit[5e-7], by_limit[1e-6], by_limit[2.5e-6], by_limit[1.0], found.count) == (0, 1, 3, 3, 7)
    assert found.sum_s == (1_000 + 2 * 1_001 + 4 * 5_000_000_000) / 1e9


def test_it_does_not_grow_however_many_models_and_errors_there_are() -> None:
    """Models that scored long ago give way; errors of new kinds are counted together, and none is lost."""
    meter = Meter()
    for number in range(200):
        model = TREE._replace(digest=str(number))
        meter.add(BatchOutcome(dead=(("decode", f"Error{number}"),), times=(ScoringTime(model, 1, 10),)))
    assert len(meter.durations()) == 64
    assert TREE._replace(digest="199") in meter.durations()
    assert len(meter.dead_letters()) == 65
    assert sum(meter.dead_letters().values()) == 200
