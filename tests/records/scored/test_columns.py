"""Many answers at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.records import ScoredColumns, ScoredRecord, ScoredRun, decode_scored, encode_scored_batch
from tests.records.strategies import scored_records

ANSWER = ScoredRecord("wine", 5.0, "m", "1", "d", 2, 7, 1_500, 3, 4)


@given(st.lists(st.tuples(scored_records, st.integers(1, 40)), max_size=4))
def test_a_batch_is_written_as_its_answers_are(runs: list[tuple[ScoredRecord, int]]) -> None:
    """Runs of answers of one model, few or many, keep their order; each reads as if it had been written alone."""
    batch = [scored._replace(offset=offset) for scored, count in runs for offset in range(count)]
    assert [decode_scored(value) for value in encode_scored_batch(batch)] == batch
    plain = encode_scored_batch(batch)
    assert encode_scored_batch(batch, b"before") == [b"before" + value for value in plain]


@given(st.lists(scored_records, max_size=6))
def test_columns_are_the_answers_that_they_were_made_of(answers: list[ScoredRecord]) -> None:
    """Length, order, each by its number from both ends, slices, indices."""
    columns = ScoredColumns.of(answers)
    assert ScoredColumns.of(columns) is columns
    assert (len(columns), [*columns], [*columns[1:]]) == (len(answers), answers, answers[1:])
    assert [columns[row] for row in range(-len(answers), len(answers))] == answers * 2
    assert (columns.partitions, columns.offsets) == ([a.partition for a in answers], [a.offset for a in answers])


def test_there_is_no_answer_behind_the_last() -> None:
    """As with any sequence; the numbers of an answer are Python's own."""
    columns = ScoredColumns.of([ANSWER] * 2)
    with pytest.raises(IndexError):
        columns[2]
    assert {type(columns[1].offset), type(columns[1].partition)} == {int}


def test_records_of_several_partitions_are_written_with_their_own() -> None:
    """A poll brings records of all partitions; each answer says which one its record was of."""
    answers = [ANSWER._replace(partition=row // 20 % 3, offset=row) for row in range(100)]
    assert [decode_scored(value) for value in encode_scored_batch(ScoredColumns.of(answers))] == answers


def test_some_of_a_run_keep_their_words() -> None:
    """A row without an answer is left out with its label."""
    run = ScoredRun.of([ANSWER._replace(offset=row, label=f"l{row}") for row in range(50)])
    (first, *_) = found = [*run.take(np.array([3, 40]))]
    assert [(one.offset, one.label) for one in found] == [(3, "l3"), (40, "l40")]
    assert decode_scored(encode_scored_batch(ScoredColumns([run]))[3]) == first
