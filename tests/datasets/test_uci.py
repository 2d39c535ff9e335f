"""Import of the original wine file."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelserving.datasets import import_uci
from modelserving.errors import RecordError
from modelserving.records import WineRecord, read_wines

ORIGINAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "winequality_red.csv"

HEADER = (
    '"fixed acidity";"volatile acidity";"citric acid";"residual sugar";"chlorides";"free sulfur dioxide";'
    '"total sulfur dioxide";"density";"pH";"sulphates";"alcohol";"quality"\n'
)
LINE = "7.5;0.605;0.04;2.4;0.08;12;40;0.9971;3.4;0.58;9.53333333333333;5\n"
WINE = WineRecord(7.5, 0.605, 0.04, 2.4, 0.08, 12.0, 40.0, 0.9971, 3.4, 0.58, 9.533333333)


@pytest.mark.parametrize(
    "text",
    [
        HEADER + LINE,
        LINE,
        (HEADER + LINE).replace(";", ","),
        LINE.replace(";", ","),
        "\ufeff" + HEADER + LINE,
        (HEADER + LINE).replace("\n", "\r\n"),
        HEADER + "\n" + LINE + "\n\n",
        HEADER.replace('"', "").replace(" ", "_") + LINE,
    ],
    ids=[
        "header",
        "no header",
        "header, commas",
        "commas",
        "byte order mark",
        "CR LF",
        "blank lines",
        "our own header",
    ],
)
def test_every_form_of_the_file_gives_the_same_wines(text: str, tmp_path: Path) -> None:
    """Header or none, ``;`` or ``,``, the line ends of any system: the result is one form."""
    source, target = tmp_path / "source.csv", tmp_path / "data" / "wines.csv"
    source.write_text(text, encoding="utf-8", newline="")

    assert import_uci(source, target) == 1

    assert list(read_wines(target)) == [(WINE, 5.0)]
    assert target.read_text(encoding="utf-8").startswith("fixed_acidity;volatile_acidity;")


def _with(column: int, cell: str) -> str:
    cells = LINE.strip().split(";")
    cells[column] = cell
    return ";".join(cells) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + LINE + _with(3, "sweet"), "line 3: 'sweet' is not a number"),
        (HEADER + "\n" + LINE + _with(8, "nan"), "line 4: pH is nan; a finite number"),
        (LINE + _with(10, "inf"), "line 2: alcohol is inf; a finite number"),
        (LINE + LINE + _with(0, "-7.5"), "line 3: fixed_acidity is -7.5; a finite number, not negative"),
        (HEADER + _with(11, "5.5"), "line 2: quality is 5.5; a whole number from 0 to 10"),
        (HEADER + _with(11, "11"), "line 2: quality is 11; a whole number from 0 to 10"),
        (HEADER + _with(11, "nan"), "line 2: quality is nan; a whole number from 0 to 10"),
        (HEADER + LINE + "7.5;0.6\n", "line 3: 2 columns, 12 expected"),
        (LINE.rsplit(";", 1)[0], "line 1: there is no quality"),
        (HEADER.replace("chlorides", "salt") + LINE, "the header lacks chlorides"),
        (HEADER, "no line after it"),
        ("\n \n", "the file is empty"),
    ],
)
def test_a_broken_line_is_named_and_nothing_is_written(text: str, message: str, tmp_path: Path) -> None:
    """The message says in which file and line what is wrong; what was imported before stays as it was."""
    source, target = tmp_path / "source.csv", tmp_path / "wines.csv"
    source.write_text(text, encoding="utf-8")
    target.write_text("as it was", encoding="utf-8")

    with pytest.raises(RecordError, match=message) as raised:
        import_uci(source, target)

    assert str(source) in str(raised.value)
    assert target.read_text(encoding="utf-8") == "as it was"


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """A wrong path gets a message, not a traceback."""
    with pytest.raises(RecordError, match=r"nowhere\.csv"):
        import_uci(tmp_path / "nowhere.csv", tmp_path / "wines.csv")


def test_a_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A target under a file is no folder to write to, and the message says so."""
    source = tmp_path / "source.csv"
    source.write_text(LINE, encoding="utf-8")

    with pytest.raises(RecordError, match="cannot write wine records to"):
        import_uci(source, source / "wines.csv")


def test_a_file_can_be_imported_onto_itself(tmp_path: Path) -> None:
    """Reading ends before writing starts, and a second import changes nothing."""
    file = tmp_path / "wines.csv"
    file.write_text(HEADER + LINE, encoding="utf-8")

    import_uci(file, file)
    once = file.read_bytes()
    import_uci(file, file)

    assert file.read_bytes() == once
    assert list(read_wines(file)) == [(WINE, 5.0)]


@pytest.mark.skipif(not ORIGINAL.is_file(), reason="the original wine file does not lie beside the checkout")
def test_the_original_is_imported_whole(tmp_path: Path) -> None:
    """All 1,599 red wines arrive, each measurement to nine digits or more, each quality exactly."""
    said: list[str] = []

    assert import_uci(ORIGINAL, tmp_path / "wines.csv", said.append) == 1599

    assert "1599 wines imported" in said[0]
    for (found, found_quality), (wine, quality) in zip(
        read_wines(tmp_path / "wines.csv"), read_wines(ORIGINAL), strict=True
    ):
        assert found_quality == quality
        assert found.alcohol == pytest.approx(wine.alcohol, rel=1e-9)
        assert found.density == wine.density
