"""Files of records with columns by name."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelserving.errors import RecordError
from modelserving.records import Column, ColumnType
from modelserving.records.schema_files import read_schema
from modelserving.records.tables import has_header, read_table
from modelserving.registry import infer_schema

INT64 = ColumnType.INT64

COLUMNS = (Column("age", ColumnType.INT64), Column("job", ColumnType.STRING), Column("code", ColumnType.STRING))
ROWS = [{"age": 30, "job": "smith, iron", "code": "08"}, {"age": None, "job": None, "code": "9"}]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.csv", 'age,job,code\n30,"smith, iron",08\nNA,,9\n'),
        ("r.csv", '"code";"age";"job"\n08;30;smith, iron\n9;;NA\n'),
        ("r.tsv", "age\tjob\tcode\n30\tsmith, iron\t08\n\tNA\t9\n"),
        ("r.jsonl", '{"age": 30, "job": "smith, iron", "code": "08"}\n{"age": null, "code": 9}\n'),
        ("r.json", '[{"age": 30, "job": "smith, iron", "code": "08"},\n {"age": null, "code": 9}]'),
        ("r.csv", '"code","age","job"\r\n08,30,"smith, iron"\r\n9,,\r\n'),
    ],
)
def test_columns_are_found_by_name_with_the_types_that_are_asked(tmp_path: Path, name: str, text: str) -> None:
    """Whatever the separator and the order; an empty cell and ``NA`` are missing; a text keeps its leading zero."""
    [batch] = read_table(write(tmp_path / name, text), COLUMNS)
    assert batch.select(["age", "job", "code"]).to_pylist() == ROWS


def test_parquet_brings_its_own_types(tmp_path: Path) -> None:
    """It is read as it is, in batches."""
    pq.write_table(pa.table({"age": pa.array([1, 2, 3], pa.int32())}), tmp_path / "r.parquet")
    batches = list(read_table(tmp_path / "r.parquet", (), 2))
    assert [batch.num_rows for batch in batches] == [2, 1]
    assert batches[0].schema.field("age").type == pa.int32()


def test_a_decimal_of_parquet_is_a_number(tmp_path: Path) -> None:
    """Databases write them; no model takes one."""
    prices = pa.array([Decimal("1.50"), None], pa.decimal128(6, 2))
    pq.write_table(pa.table({"price": prices, "town": ["Ulm", "Bonn"]}), tmp_path / "r.parquet")
    [batch] = read_table(tmp_path / "r.parquet", ())
    assert batch.to_pylist() == [{"price": 1.5, "town": "Ulm"}, {"price": None, "town": "Bonn"}]


def test_an_unknown_column_is_numbers_if_all_its_cells_are(tmp_path: Path) -> None:
    """All of the file is looked at before a type is settled."""
    [batch, _] = read_table(write(tmp_path / "r.csv", "a,b\n1,1\n2.5,x\n"), (), 1)
    assert [str(field.type) for field in batch.schema] == ["double", "string"]


@pytest.mark.parametrize("mark", ["\u2028", "\x85"])
def test_a_record_ends_where_its_line_does(tmp_path: Path, mark: str) -> None:
    """Unicode has more ends of a line, which may stand in a text."""
    [table] = read_table(write(tmp_path / "r.csv", f"a,b\nx{mark}y,1\n"), ())
    [lines] = read_table(write(tmp_path / "r.jsonl", f'{{"a": "x{mark}y", "b": 1}}\n'), ())
    assert table.to_pylist() == lines.to_pylist() == [{"a": f"x{mark}y", "b": 1.0}]


def test_a_name_with_an_underscore_is_no_number(tmp_path: Path) -> None:
    """Python would read ``1_2`` as 12; and separators in quotes separate nothing."""
    [batch] = read_table(write(tmp_path / "r.csv", '"plot, of land";b\n1_2;3\n'), ())
    assert batch.to_pylist() == [{"plot, of land": "1_2", "b": 3.0}]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ColumnType.INT32, "3000000000"),
        (ColumnType.INT64, "9223372036854775808"),
        (ColumnType.INT64, "1e30"),
        (ColumnType.FLOAT, "1e39"),
        (ColumnType.DOUBLE, "1_000"),
    ],
)
def test_a_number_that_its_column_cannot_hold_is_named(tmp_path: Path, kind: ColumnType, value: str) -> None:
    """It is neither cut nor made infinite."""
    with pytest.raises(RecordError, match=f"row 0, column 'x': '{value}' is no {kind}"):
        list(read_table(write(tmp_path / "r.csv", f"x\n{value}\n"), (Column("x", kind),)))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("age\n1\nold\n", "row 1, column 'age': 'old' is no int64"),
        ("age\n1.5\n", "row 0, column 'age': '1.5' is no int64"),
        ("age,job\n1\n", "row 0: 1 cells, and the header has 2"),
        ("age,age\n1,2\n", "names 'age' twice"),
        ("age;job\n1,5;x\n", "row 0, column 'age': '1,5' is no int64"),
        ("age;job\n1,500;x\n", r"row 0, column 'age': '1,500' has a comma\. Write '1500'\."),
        ("rate;job\n7,5;x\n", r"row 0, column 'rate': '7,5' has a comma\. Write '7\.5'\."),
        ("rate;job\n-1,234;x\n", r"column 'rate': '-1,234' has a comma\. Write '-1\.234' or '-1234'\."),
        ("rate;job\n1,234,567;x\n", r"column 'rate': '1,234,567' has a comma\. Write '1234567'\."),
        ("", "the file is empty"),
    ],
)
def test_what_does_not_fit_is_named_by_row_and_column(tmp_path: Path, text: str, complaint: str) -> None:
    """Rows are counted from 0, as the answers are."""
    with pytest.raises(RecordError, match=complaint):
        list(read_table(write(tmp_path / "r.csv", text), (*COLUMNS, Column("rate", ColumnType.DOUBLE))))


def test_a_header_has_no_number_in_front(tmp_path: Path) -> None:
    """Wines come with and without one."""
    assert has_header(write(tmp_path / "a.csv", '"fixed acidity";"pH"\n7.4;3\n'))
    assert not has_header(write(tmp_path / "b.csv", "7.4;3\n"))


def test_an_empty_file_has_no_number_in_front(tmp_path: Path) -> None:
    """That it is empty is said by who reads its records."""
    assert has_header(write(tmp_path / "a.csv", ""))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
@pytest.mark.parametrize("read", [has_header, lambda path: list(read_table(path, ())), infer_schema])
def test_a_file_in_another_encoding_is_told_what_to_be_saved_as(tmp_path: Path, encoding: str, read: Any) -> None:
    """Spreadsheets write such; the line is named."""
    path = tmp_path / "a.csv"
    path.write_bytes("age;town\n30;Köln\n".encode(encoding))
    line = 2 if encoding == "latin-1" else 1
    with pytest.raises(RecordError, match=f"line {line} is not written in UTF-8 .* Save the file as UTF-8"):
        read(path)


def test_a_text_keeps_the_spaces_around_it_and_a_number_needs_none(tmp_path: Path) -> None:
    """Whoever trained on the file with pandas or R has learned texts with them; ``NA`` is missing all the same."""
    path = write(tmp_path / "r.csv", "age, job, ok, big\n 30 , smith, true, 9007199254740993\n31, NA, , 2\n")
    expected = [
        {"age": 30, "job": " smith", "ok": True, "big": 9007199254740993},
        {"age": 31, "job": None, "ok": None, "big": 2},
    ]
    schema = infer_schema(path)
    assert [column.type for column in schema.columns] == [INT64, ColumnType.STRING, ColumnType.BOOLEAN, INT64]
    [batch] = read_table(path, schema.columns)
    assert batch.to_pylist() == expected


def test_a_schema_is_read_from_a_file(tmp_path: Path) -> None:
    """Names, types, and whether a value may be missing; what is no schema is told what one looks like."""
    text = '{"name": "customer", "columns": [{"name": "age", "type": "int32", "nullable": false}]}'
    schema = read_schema(write(tmp_path / "s.json", text))
    assert (schema.name, schema.columns) == ("customer", (Column("age", ColumnType.INT32, nullable=False),))
    with pytest.raises(RecordError, match=r"'date' is not a valid ColumnType.*types double, float"):
        read_schema(write(tmp_path / "t.json", '{"columns": [{"name": "age", "type": "date"}]}'))
