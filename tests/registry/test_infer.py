"""The schema of a file, from what is in it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelserving.errors import RecordError
from modelserving.records import Column, ColumnType
from modelserving.registry import infer_schema

ROWS = "age;fare;code;member;note\n30;1.5;08;true;a\n;2;9;FALSE;NA\n"
EXPECTED = (
    Column("age", ColumnType.INT64, nullable=True),
    Column("fare", ColumnType.DOUBLE, nullable=False),
    Column("code", ColumnType.STRING, nullable=False),
    Column("member", ColumnType.BOOLEAN, nullable=False),
    Column("note", ColumnType.STRING, nullable=True),
)
EXAMPLES = [(30,), (1.5, 2.0), ("08", "9"), (True, False), ("a",)]
"""Of each column, with which models are tried."""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_types_are_what_all_cells_are(tmp_path: Path) -> None:
    """Whatever separates them; a leading zero is kept; a column may miss what it misses in the file."""
    for separator in ";,\t":
        schema = infer_schema(write(tmp_path / "a b.csv", ROWS.replace(";", separator)))
        assert schema.columns == EXPECTED
        assert [column.examples for column in schema.columns] == EXAMPLES
        assert (schema.name, schema.encoding) == ("a_b", "json")


def test_other_files_know_their_types(tmp_path: Path) -> None:
    """JSON lines and Parquet."""
    text = '{"age": 30, "ok": true}\n{"age": null, "ok": false}\n'
    expected = (Column("age", ColumnType.DOUBLE), Column("ok", ColumnType.BOOLEAN, nullable=False))
    assert infer_schema(write(tmp_path / "r.jsonl", text)).columns == expected
    pq.write_table(pa.table({"age": pa.array([1, None], pa.int32())}), tmp_path / "r.parquet")
    assert infer_schema(tmp_path / "r.parquet").columns == (Column("age", ColumnType.INT64),)


def test_a_list_among_parquets_columns_is_no_failure(tmp_path: Path) -> None:
    """A model need not read it; nor a date, nor what is a structure."""
    days = pa.array([date(2026, 1, 2), date(2026, 1, 2)])
    lists, structures = pa.array([[1, 2], [3]]), pa.array([{"a": 1}, None])
    pq.write_table(pa.table({"age": [1, 2], "list": lists, "in": structures, "day": days}), tmp_path / "r.parquet")
    columns = infer_schema(tmp_path / "r.parquet").columns
    assert [column.type for column in columns] == [ColumnType.INT64, *[ColumnType.STRING] * 3]
    assert [column.examples for column in columns] == [(1, 2), ("[1, 2]", "[3]"), ("{'a': 1}",), ("2026-01-02",)]


def test_the_answer_is_left_out(tmp_path: Path) -> None:
    """By name; a name that is not there is told with those that are."""
    path = write(tmp_path / "r.csv", "age,risk\n1,high\n")
    assert infer_schema(path, leave_out=["risk"]).names == ("age",)
    with pytest.raises(RecordError, match=r"no column 'label'\. It has: age, risk"):
        infer_schema(path, leave_out=["label"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", "no header: its first line has '5.1'"),
        ("setosa,5.1,5.1\nvirginica,3,3\n", "no header: its first line has '5.1'"),
        (",age\n0,30\n", "column 1 has no name. If it is pandas' index, write the file with index=False"),
        ("age|job\n30|smith\n", "the header is one column, 'age|job'"),
        ("age;fare\n30;7,5\n31;8,25\n", "'7,5' has a comma. Write '7.5'"),
        ("age,job\n", "a header and no records"),
        ("", "empty"),
    ],
)
def test_what_people_do_wrong_gets_a_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    """With what to do."""
    with pytest.raises(RecordError, match=complaint.replace("|", r"\|")):
        infer_schema(write(tmp_path / "r.csv", text))
