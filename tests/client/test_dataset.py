"""What a client publishes, and at what rate."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from modelserving.client import DATA_FILES, Dataset, Rate, load_dataset
from modelserving.config import data_folder
from modelserving.errors import ConfigError, ModelServingError
from modelserving.kafka import MAX_MESSAGE_BYTES
from modelserving.records import ModelDescriptor, ModelType, encode_descriptor
from tests.fakes import wine


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ({"record_interval_ms": -1}, "records every -1 ms: give 0 or more"),
        ({"record_interval_ms": math.nan}, "records every nan ms: give 0 or more"),
        ({"record_interval_ms": math.inf}, "records every inf ms: give 0 or more"),
        ({"model_interval_ms": 0}, "models every 0 ms: give more than 0"),
        ({"model_interval_ms": math.nan}, "models every nan ms: give more than 0"),
        ({"faults": 1.5}, r"faults 1.5: give a share from 0 to 1, for example 0.05"),
        ({"faults": -0.1}, "faults -0.1: give a share"),
        ({"faults": math.nan}, "faults nan: give a share"),
        ({"max_records": 0}, "at most 0 records: give 1 or more"),
    ],
)
def test_a_pace_that_makes_no_sense_is_refused(rate: dict[str, float], message: str) -> None:
    """The message has what was given, and what may be."""
    with pytest.raises(ConfigError, match=message):
        Rate(**rate)  # type: ignore[arg-type]


def test_the_extremes_are_allowed() -> None:
    """No pause at all, every record broken, one record: all of that is a rate."""
    assert Rate(record_interval_ms=0, model_interval_ms=0.001, max_records=1, faults=1.0).faults == 1.0


def test_a_supply_without_records_is_refused() -> None:
    """A client that has nothing to publish says so at once."""
    with pytest.raises(ConfigError, match="no records to publish"):
        Dataset(())


def test_a_model_that_fits_in_no_message_is_refused() -> None:
    """It is told before anything is published, with its size and the limit; the whole message counts."""
    model = ModelDescriptor("huge", "", "wine", ModelType.PMML, bytes(MAX_MESSAGE_BYTES))
    size = len(encode_descriptor(model))
    with pytest.raises(ConfigError, match=f"model 'huge' makes a message of {size} bytes, .* {MAX_MESSAGE_BYTES}"):
        Dataset((wine(),), (model,))


def test_the_workbooks_own_supply_is_complete() -> None:
    """All records of a data type and the models that score them, none of another."""
    dataset = load_dataset(data_folder())
    assert {record.data_type for record in dataset.records} == {"wine"}
    assert len(dataset.records) > 1_000
    assert len(dataset.models) > 1
    assert {model.data_type for model in dataset.models} == {"wine"}
    assert all(model.golden for model in dataset.models)


def test_two_data_types_come_in_turn() -> None:
    """One of each, records and models, so that whoever sees the first few sees both; none is left out."""
    dataset = load_dataset(data_folder(), tuple(DATA_FILES))
    assert [record.data_type for record in dataset.records[:4]] == ["wine", "white", "wine", "white"]
    assert [model.data_type for model in dataset.models[:4]] == ["wine", "white", "wine", "white"]
    alone = [load_dataset(data_folder(), (name,)) for name in DATA_FILES]
    assert len(dataset.records) == sum(len(one.records) for one in alone)
    assert sorted(model.name for model in dataset.models) == sorted(model.name for one in alone for model in one.models)


def test_an_unknown_data_type_is_told_the_known_ones() -> None:
    """There is no file for it."""
    with pytest.raises(ConfigError, match=r"no records of data type 'beer'. There are: wine, white"):
        load_dataset(data_folder(), ("beer",))


def test_a_folder_without_data_is_told(tmp_path: Path) -> None:
    """The message names the file that is missing."""
    with pytest.raises(ModelServingError, match="wine_red"):
        load_dataset(tmp_path)


def test_records_need_not_come_from_a_file() -> None:
    """A lesson publishes a handful of its own."""
    assert Dataset((wine(),)).models == ()
