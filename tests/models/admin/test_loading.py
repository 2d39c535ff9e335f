"""A model that takes a matrix, and a table that has to say what its columns are."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from modelserving.errors import UnnamedColumns
from modelserving.models.admin.loading import load_for_table
from modelserving.records import FEATURES, Column, ColumnType
from tests.models.onnx_samples import onnx_bytes, operator

LETTERS = tuple("abcdefghijk")


def matrix(folder: Path, width: int | None) -> Path:
    """A model that answers the index of its largest column, and names none."""
    path = folder / "model.onnx"
    path.write_bytes(onnx_bytes([operator("Identity", "x", output="quality")], inputs={"x": width}))
    return path


def columns(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


@pytest.mark.parametrize("width", [3, 11, None], ids=["three", "as many as wine has", "as many as come"])
def test_the_tables_columns_of_numbers_are_taken_where_there_are_as_many(tmp_path: Path, width: int | None) -> None:
    """Texts do not count. A matrix of eleven columns is not the default records' where the table is another one's."""
    numbers = LETTERS[: width or 11]
    table = (*columns(numbers[0]), Column("town", ColumnType.STRING), *columns(*numbers[1:]))
    model, taken = load_for_table(matrix(tmp_path, width), lambda: table)
    assert model.inputs == taken == numbers


def test_one_more_or_less_is_told(tmp_path: Path) -> None:
    """Nobody knows which of them is not meant."""
    for names in (LETTERS[:4], LETTERS[:2]):
        said = rf"matrix of 3 columns.*the records have {len(names)} columns of numbers \(a, b.*--inputs a,b,c"
        table = columns(*names)
        with pytest.raises(UnnamedColumns, match=said):
            load_for_table(matrix(tmp_path, 3), partial(tuple, table))
    with pytest.raises(UnnamedColumns, match="3 columns"):
        load_for_table(matrix(tmp_path, 3), lambda: columns("a", "b", "c,d"))


def test_what_is_named_stays(tmp_path: Path) -> None:
    """By a parameter, whose table is not looked at; or by the table, which has the default records' own names."""

    def never() -> tuple[Column, ...]:
        raise AssertionError

    named = {"inputs": ",".join(reversed(LETTERS))}
    assert load_for_table(matrix(tmp_path, 11), never, parameters=named)[0].inputs == tuple(reversed(LETTERS))
    wines = [name.replace("_", " ") for name in reversed(FEATURES)]
    model, taken = load_for_table(matrix(tmp_path, 11), lambda: columns(*wines, "vintage"))
    assert (model.inputs, taken) == (FEATURES, ())
