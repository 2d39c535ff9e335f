"""Wine records: the bytes of a message, and the lines of a file."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import DecodeError, FieldError, RecordError
from modelserving.records import FEATURES, WineRecord, check_data_type, decode_wine, encode_wine, read_wines
from tests.fakes import WINE
from tests.records.strategies import data_types, wines

HOSTILE = [
    "",
    "..",
    ".",
    "../x",
    "/etc",
    "a/b",
    "a\\b",
    "a" * 65,
    "wine\n",
    "wi\0ne",
    "-x",
    "_x",
    "wein é",
    "wine ",
    "C:",
]
LINE = "7.4;0.7;0;1.9;0.076;11;34;0.9978;3.51;0.56;9.4"


def in_file(folder: Path, text: str) -> Path:
    path = folder / "wines.csv"
    path.write_bytes(text.encode())
    return path


class TestBytes:
    @given(wines)
    def test_what_is_written_is_read_again(self, record: WineRecord) -> None:
        """Every measurement and the data type survive the way through a message."""
        assert decode_wine(encode_wine(record)) == record

    def test_the_layout_is_that_of_the_jvm_tutorial(self) -> None:
        """Doubles 1 to 11 in the order of the file, and the data type as field 12: written here by hand."""
        fields = b"".join(
            bytes([number << 3 | 1]) + struct.pack("<d", getattr(WINE, name))
            for number, name in enumerate(FEATURES, start=1)
            if getattr(WINE, name)
        )
        by_hand = fields + bytes([12 << 3 | 2, 4]) + b"wine"
        assert by_hand[0] == 0x09
        assert decode_wine(by_hand) == WINE
        assert encode_wine(WINE) == by_hand

    def test_fields_of_a_newer_sender_are_passed_over(self) -> None:
        """A message with a field that we do not know is still a record."""
        unknown = bytes([0xF8, 0x07, 0x2A])  # field 127, a varint: 42
        assert decode_wine(encode_wine(WINE) + unknown) == WINE

    @pytest.mark.parametrize("value", [b"", None])
    def test_an_empty_message_is_no_record(self, value: bytes | None) -> None:
        """Protocol Buffers would read it as a record of zeros; we say that it is empty."""
        with pytest.raises(DecodeError, match="empty"):
            decode_wine(value)

    def test_garbage_is_told_by_its_size_and_first_bytes(self) -> None:
        """The message says how many bytes there were and how they began, so that somebody can look for the sender."""
        with pytest.raises(DecodeError, match=r"^7 bytes, first ff fe 00 01 02, are no wine record"):
            decode_wine(b"\xff\xfe\x00\x01\x02\x03\x04")

    @given(st.binary(max_size=200))
    def test_no_bytes_raise_anything_but_record_errors(self, value: bytes) -> None:
        """Whatever strangers send, it is a record or a RecordError."""
        try:
            record = decode_wine(value)
        except RecordError:
            return
        assert check_data_type(record.data_type) == record.data_type

    @pytest.mark.parametrize("data_type", HOSTILE)
    def test_a_hostile_data_type_is_refused(self, data_type: str) -> None:
        """A data type ends in URLs and file names, so nothing gets through that means more than a name."""
        with pytest.raises(FieldError, match="not allowed"):
            decode_wine(encode_wine(replace(WINE, data_type=data_type)))


class TestDataType:
    @given(data_types)
    def test_a_plain_name_is_allowed(self, data_type: str) -> None:
        """1 to 64 letters, digits, hyphens and underscores, the first a letter or a digit."""
        assert check_data_type(data_type) == data_type

    @given(st.text())
    def test_nothing_else_is(self, data_type: str) -> None:
        """What is allowed is one path segment in ASCII, and nothing that climbs out of a folder."""
        try:
            check_data_type(data_type)
        except FieldError:
            return
        assert data_type.isascii()
        assert data_type.replace("-", "").replace("_", "").isalnum()
        assert 1 <= len(data_type) <= 64

    def test_a_long_one_is_not_quoted_in_full(self) -> None:
        """A message stays readable even when the data type is a megabyte."""
        with pytest.raises(FieldError) as caught:
            check_data_type("x" * 1_000_000)
        assert len(str(caught.value)) < 200


class TestFile:
    def test_without_header_columns_come_in_the_order_of_the_original(self, tmp_path: Path) -> None:
        """Eleven features and the quality, by position."""
        assert list(read_wines(in_file(tmp_path, f"{LINE};5\n{LINE};6\n"))) == [(WINE, 5.0), (WINE, 6.0)]

    @pytest.mark.parametrize("separator", [";", ","])
    @pytest.mark.parametrize("spell", [str, lambda name: f'"{name.replace("_", " ")}"'])
    def test_with_header_columns_are_found_by_name(self, tmp_path: Path, separator: str, spell: type[str]) -> None:
        """Order, separator, quotes and spaces of the original's header do not matter."""
        names = [*reversed(FEATURES), "quality"]
        cells = [str(getattr(WINE, name, 5)) for name in names]
        text = f"{separator.join(map(spell, names))}\n{separator.join(cells)}\n"
        assert list(read_wines(in_file(tmp_path, text), "red")) == [(replace(WINE, data_type="red"), 5.0)]

    def test_the_quality_may_be_missing(self, tmp_path: Path) -> None:
        """A file to be scored need not know the answers."""
        assert list(read_wines(in_file(tmp_path, LINE))) == [(WINE, None)]

    def test_a_byte_order_mark_and_blank_lines_do_not_matter(self, tmp_path: Path) -> None:
        """A file that went through a spreadsheet on Windows is read like any other."""
        text = "\ufeff\r\n" + f"{LINE};5\r\n\r\n{LINE};6\r\n"
        assert [quality for _, quality in read_wines(in_file(tmp_path, text))] == [5.0, 6.0]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "no records: the file is empty"),
            (" \n\n", "no records: the file is empty"),
            (f"{LINE}\n\n{LINE.replace('3.51', 'sour')}\n", "line 3: 'sour' is not a number"),
            (f"{LINE};5\n{LINE}\n", "line 2: 11 columns, 12 expected"),
            ("1;2;3\n", "line 1: 3 columns; 11 features"),
            ("\n\n1;2;3\n", "line 3: 3 columns; 11 features"),
            ("fixed acidity;alcohol\n7;9\n", "the header lacks volatile_acidity, citric_acid"),
            ("id;" + ";".join(FEATURES) + f"\n1;{LINE}\n{LINE}\n", "line 3: 11 columns, 12 expected"),
        ],
    )
    def test_what_is_wrong_is_told_with_its_line(self, tmp_path: Path, text: str, message: str) -> None:
        """The message names the file and the line as an editor counts it."""
        path = in_file(tmp_path, text)
        with pytest.raises(RecordError, match=message) as caught:
            list(read_wines(path))
        assert str(path) in str(caught.value)

    def test_a_file_that_cannot_be_read_is_told(self, tmp_path: Path) -> None:
        """A missing file, a folder and a file that is no text are the same kind of error."""
        no_text = tmp_path / "no-text"
        no_text.write_bytes(b"\xff\xfe\x00")
        for path in (tmp_path / "nothing.csv", tmp_path, no_text):
            with pytest.raises(RecordError, match="cannot read wine records"):
                list(read_wines(path))
