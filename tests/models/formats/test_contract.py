"""What every format must do, whatever its engine; parametrised over all of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from modelserving.errors import ModelError, ModelFormatError, ModelRefused, ScoringError
from modelserving.models.formats import factory
from modelserving.models.model import Model
from modelserving.records import ModelDescriptor, WineRecord
from tests.models.samples import Sample


@pytest.fixture
def model(sample: Sample) -> Iterator[Model]:
    """A model of the sample, closed afterwards."""
    built = factory.restore(sample.type, sample.data)
    yield built
    built.close()


def describe(sample: Sample, **changes: Any) -> ModelDescriptor:
    return replace(ModelDescriptor("test", "a model of the tests", "wine", sample.type, sample.data), **changes)


def test_answers_what_the_model_means(sample: Sample, model: Model, wines: list[WineRecord]) -> None:
    """A batch gets the answers that plain Python works out, one for each record, in their order."""
    scores = model.score(wines)
    assert scores.values == pytest.approx([sample.expected(wine) for wine in wines], abs=1e-9)
    assert len(set(scores.values)) > 1
    assert not scores.problems


def test_one_by_one_is_the_same_as_a_batch(model: Model, wines: list[WineRecord]) -> None:
    """A record's answer does not depend on the batch that it is in."""
    singles = [model.score([wine]).values[0] for wine in wines]
    assert model.score(wines).values == pytest.approx(singles, abs=1e-12)


def test_tells_its_inputs_in_its_own_order(sample: Sample, model: Model) -> None:
    """The fields that a model reads are told in the order of its engine, as the records spell them."""
    assert model.inputs == sample.inputs


def test_an_empty_batch_has_no_scores(model: Model) -> None:
    """No records, no answers, no problem."""
    scores = model.score([])
    assert len(scores.values) == 0
    assert not scores.problems


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), None, "twelve"])
def test_an_input_that_is_no_finite_number_costs_only_its_record(
    model: Model, wines: list[WineRecord], bad: object
) -> None:
    """A record with a bad input is a problem that names the field; the others are scored as ever."""
    change: dict[str, Any] = {model.inputs[0]: bad}
    broken = [*wines[:5], replace(wines[5], **change), *wines[6:9]]
    scores = model.score(broken)
    assert list(scores.problems) == [5]
    assert model.inputs[0] in scores.problems[5]
    assert np.isnan(scores.values[5])
    good = [row for row in range(9) if row != 5]
    assert scores.values[good] == pytest.approx(model.score([wines[row] for row in good]).values)


def test_a_batch_of_bad_records_only_has_problems_only(model: Model, wines: list[WineRecord]) -> None:
    """The engine is not asked when there is nothing to ask."""
    change: dict[str, Any] = {model.inputs[0]: float("nan")}
    scores = model.score([replace(wine, **change) for wine in wines[:3]])
    assert list(scores.problems) == [0, 1, 2]
    assert np.isnan(scores.values).all()


def test_its_bytes_make_an_equal_model(sample: Sample, model: Model, wines: list[WineRecord]) -> None:
    """What ``to_bytes`` gives is what the model was made of, and makes it again."""
    assert model.to_bytes() == sample.data
    again = factory.restore(sample.type, model.to_bytes())
    assert again.score(wines).values == pytest.approx(model.score(wines).values, abs=0)
    again.close()


def test_closing_twice_is_closing_once(sample: Sample, wines: list[WineRecord]) -> None:
    """A second close does nothing, and a closed model says so."""
    model = factory.restore(sample.type, sample.data)
    model.close()
    model.close()
    with pytest.raises(ScoringError, match="closed"):
        model.score(wines)


def test_closing_one_model_leaves_others_alone(sample: Sample, model: Model, wines: list[WineRecord]) -> None:
    """Models of the same bytes share nothing that closing could take away."""
    before = model.score(wines).values
    factory.restore(sample.type, sample.data).close()
    assert model.score(wines).values == pytest.approx(before, abs=0)


def test_many_threads_get_the_answers_that_one_gets(model: Model, wines: list[WineRecord]) -> None:
    """A model may be scored from any thread of a pool, also from several at once."""
    expected = model.score(wines).values
    with ThreadPoolExecutor(4) as pool:
        for scores in pool.map(model.score, [wines] * 40):
            assert scores.values == pytest.approx(expected, abs=0)


def test_a_swap_among_threads_disturbs_no_score(sample: Sample, model: Model, wines: list[WineRecord]) -> None:
    """Building and closing other models while this one scores changes no answer."""
    expected = model.score(wines).values
    with ThreadPoolExecutor(3) as pool:
        scores = [pool.submit(model.score, wines) for _ in range(30)]
        builds = [pool.submit(factory.restore, sample.type, sample.data) for _ in range(4)]
        for build in builds:
            build.result().close()
        for score in scores:
            assert score.result().values == pytest.approx(expected, abs=0)


@pytest.mark.parametrize("data", [b"", b"\0", b"not a model", bytes(range(256)), random.Random(1).randbytes(200)])
def test_bytes_that_are_no_model_are_refused(sample: Sample, data: bytes) -> None:
    """Empty, short, text and random bytes are no model of any format, and the message says what was expected."""
    with pytest.raises(ModelFormatError):
        factory.restore(sample.type, data)


def test_two_hundred_megabytes_are_refused_unread(sample: Sample) -> None:
    """No format takes a model of that size, whatever it is."""
    with pytest.raises(ModelRefused, match=r"200,000,000 bytes; at most"):
        factory.restore(sample.type, bytes(200_000_000))


def test_a_model_that_is_cut_short_never_fails_in_another_way(sample: Sample, wines: list[WineRecord]) -> None:
    """However a model is cut, it is refused with this package's own error, or it is still a model."""
    chance = random.Random(11)
    refused = 0
    for length in [chance.randrange(1, len(sample.data)) for _ in range(25)]:
        try:
            model = factory.restore(sample.type, sample.data[:length])
        except ModelError:
            refused += 1
        else:
            model.score(wines)
            model.close()
    assert refused > 15


def test_a_descriptor_makes_the_model_that_it_carries(sample: Sample, wines: list[WineRecord]) -> None:
    """With or without a digest, in small or capital letters, the bytes of a descriptor become a model."""
    plain = describe(sample)
    for descriptor in (plain, replace(plain, sha256=plain.digest), replace(plain, sha256=plain.digest.upper())):
        model = factory.create(descriptor)
        assert model.score(wines[:1]).values == pytest.approx([sample.expected(wines[0])])
        model.close()


def test_a_wrong_digest_is_refused(sample: Sample) -> None:
    """Bytes that are not those that the sender meant are not even read."""
    with pytest.raises(ModelRefused, match="SHA-256"):
        factory.create(describe(sample, sha256="0" * 64))
