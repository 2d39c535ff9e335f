"""From records to numbers, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import ModelFormatError, ModelInputError
from modelserving.models.formats.inputs import FieldReader, find_columns, find_fields, to_batch
from modelserving.models.model import choose_outputs
from modelserving.records import FEATURES, Column, ColumnType, WineRecord

spelt = st.sampled_from(FEATURES).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(" _.").map(lambda gap: name.replace("_", gap)))
)


@given(st.lists(spelt, max_size=15))
def test_fields_are_found_in_any_order_and_spelling(names: list[tuple[str, str]]) -> None:
    """``fixed acidity``, ``fixed.acidity`` and ``fixed_acidity`` are one field; the order is the model's."""
    assert find_fields([spelling for _, spelling in names]) == tuple(name for name, _ in names)


@given(st.text().filter(lambda name: "".join(c if c not in " ." else "_" for c in name.strip()) not in FEATURES))
def test_other_names_are_no_fields(name: str) -> None:
    """A name that is none of the eleven is refused, and the message lists what the records have."""
    with pytest.raises(ModelInputError, match="fixed_acidity, volatile_acidity"):
        find_fields(["alcohol", name])


@pytest.mark.parametrize("name", ["PH", "ph", "Alcohol", "fixedacidity", "quality", ""])
def test_capitals_and_letters_count(name: str) -> None:
    """Names that only look like a field are refused by name."""
    with pytest.raises(ModelInputError, match=repr(name)):
        find_fields([name])


@given(st.lists(st.sampled_from(FEATURES), unique=True))
def test_a_matrix_has_the_fields_as_columns(fields: list[str]) -> None:
    """Row by record, column by field, in the order asked for; also for one field, and for none."""
    values: list[Any] = [[float(row * 100 + column) for column in range(11)] for row in range(3)]
    wines = [WineRecord(*row) for row in values]
    matrix = FieldReader(fields).read(wines)
    assert matrix.shape == (3, len(fields))
    assert matrix.tolist() == [[getattr(wine, field) for field in fields] for wine in wines]


def test_single_precision_is_what_32_bits_hold(wines: list[WineRecord]) -> None:
    """A field that a model takes in single precision is rounded to it, and only that field."""
    matrix = FieldReader(["pH", "alcohol"], single_precision={"pH"}).read(wines)
    assert matrix[0].tolist() == [float(np.float32(wines[0].pH)), wines[0].alcohol]


def test_a_number_too_large_for_the_engine_is_a_problem(wines: list[WineRecord]) -> None:
    """What would overflow in 32 bits is told before it does."""
    reader = FieldReader(["alcohol"], largest=float(np.finfo(np.float32).max))
    [problem] = reader.problems(reader.read([replace(wines[0], alcohol=1e300)])).values()
    assert problem == "alcohol is 1e+300, too large for this model"


def test_whole_numbers_may_not_have_a_fraction(wines: list[WineRecord]) -> None:
    """A model trained on whole numbers gets no others; the engine would cut them off in silence."""
    reader = FieldReader(["alcohol"], whole={"alcohol"})
    matrix = reader.read([replace(wines[0], alcohol=value) for value in (15.0, 15.5)])
    assert reader.problems(matrix) == {1: "alcohol is 15.5, and this model takes whole numbers only"}


def test_columns_are_found_by_name_and_type() -> None:
    """Whatever their order and spelling; a category may be written as a whole number."""
    schema = pa.schema([("cyl", pa.int32()), ("engine_size", pa.float32()), ("maker", pa.string())])
    wanted = [
        Column("maker", ColumnType.STRING),
        Column("engine size", ColumnType.DOUBLE),
        Column("cyl", ColumnType.STRING),
    ]
    assert find_columns(wanted, schema) == (2, 1, 0)


def test_columns_are_found_as_exporters_spell_them() -> None:
    """ONNX has names without blanks and brackets, R has dots; of two that are spelt alike none is meant."""
    wanted = [Column("mass__g_"), Column("bill.length"), Column("x-")]
    columns = {"bill length": [1.0], "mass (g)": [2.0], "x+": [3.0], "x-": [4.0]}
    batch = pa.RecordBatch.from_pydict(columns)
    assert find_columns(wanted, batch.schema) == (1, 0, 3)
    with pytest.raises(ModelInputError, match="the model wants 'x_'"):
        find_columns([Column("x_")], batch.schema)


def test_columns_that_begin_with_a_digit_are_found() -> None:
    """ONNX puts a ``_`` before it, R an ``X``; a column that has that name itself is the one that is meant."""
    schema = pa.schema([(name, pa.float64()) for name in ("X1", "2nd try", "3.d", "1")])
    assert find_columns([Column("_2nd_try"), Column("X3.d"), Column("X1")], schema) == (1, 2, 0)
    with pytest.raises(ModelInputError, match="the model wants '_1'"):
        find_columns([Column("_1")], schema)


@pytest.mark.parametrize(
    ("wanted", "known"),
    [("x+ x-", "x- y"), ("age<30 age>=30", "age>=30 x"), ("price($)", "price(E)"), ("C++", "C# Java"), ("x+ x-", "x_")],
)
def test_columns_that_differ_in_their_signs_are_not_taken_for_each_other(wanted: str, known: str) -> None:
    """What one reads of a record must be what was meant."""
    with pytest.raises(ModelInputError, match="which the records do not have"):
        find_columns([Column(name) for name in wanted.split()], pa.schema([(n, pa.float64()) for n in known.split()]))


def test_all_that_does_not_fit_is_named() -> None:
    """Every missing column, and every wrong type, in one message."""
    schema = pa.schema([("a", pa.string()), ("b", pa.float64())])
    with pytest.raises(ModelInputError, match=r"'x', 'y', which the records do not have\. They have: a, b"):
        find_columns([Column("x"), Column("y")], schema)
    with pytest.raises(ModelInputError, match=r"'a' is string, and it takes double; 'b' is double, and it takes str"):
        find_columns([Column("a"), Column("b", ColumnType.STRING)], schema)


def test_a_record_batch_reads_like_the_wines_that_it_holds(wines: list[WineRecord]) -> None:
    """Columns or objects: the matrix is the same; a null is NaN."""
    reader = FieldReader(["pH", "alcohol"])
    assert (reader.read(to_batch(wines)) == reader.read(wines)).all()
    batch = pa.RecordBatch.from_pydict({"alcohol": [None, 1], "pH": [2.5, 3.0]})
    assert str(reader.read(batch).tolist()) == "[[2.5, nan], [3.0, 1.0]]"


def test_named_outputs_are_asked_for() -> None:
    """None unless asked, all with a star, and one that is not there is refused with those that are."""
    assert choose_outputs(["a", "b"], {}) == ()
    assert choose_outputs(["a", "b"], {"outputs": "*"}) == ("a", "b")
    assert choose_outputs(["a", "b"], {"outputs": "b"}) == ("b",)
    with pytest.raises(ModelFormatError, match=r"no output 'c'.*It has: a, b"):
        choose_outputs(["a", "b"], {"outputs": "c"})
