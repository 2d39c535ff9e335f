"""A wine record: eleven measurements and a data type; bytes to dataclass and back, and rows of CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError as ProtobufDecodeError

from modelserving.errors import DecodeError, RecordError
from modelserving.records.fields import check_data_type
from modelserving.records.schema import Column, ColumnType, RecordSchema
from modelserving.records.wire import winerecord_pb2 as wire

FEATURES = (
    "fixed_acidity",
    "volatile_acidity",
    "citric_acid",
    "residual_sugar",
    "chlorides",
    "free_sulfur_dioxide",
    "total_sulfur_dioxide",
    "density",
    "pH",
    "sulphates",
    "alcohol",
)
"""Names of the measurements, in the order of the wire format and of the UCI file."""

WINE_SCHEMA = RecordSchema("wine", tuple(Column(name, ColumnType.DOUBLE, nullable=False) for name in FEATURES))
"""Wines as columns. A measurement is never missing: on the wire, what is left out is 0."""


@dataclass(frozen=True, slots=True)
class WineRecord:
    """Eleven physicochemical measurements of one wine.

    Units as in Cortez et al. 2009: acids, sugar, chlorides and sulphates in g/dm³, sulfur dioxides in mg/dm³, density
    in g/cm³, alcohol in % by volume.
    """

    fixed_acidity: float
    volatile_acidity: float
    citric_acid: float
    residual_sugar: float
    chlorides: float
    free_sulfur_dioxide: float
    total_sulfur_dioxide: float
    density: float
    pH: float
    sulphates: float
    alcohol: float
    data_type: str = "wine"


def decode_wine(value: bytes | None) -> WineRecord:
    """Read a record from the bytes of a message.

    Raises:
        DecodeError: the bytes are no ``WineRecord``; an empty message is none either.
        FieldError: the data type is not allowed.
    """
    if not value:
        raise DecodeError("the message is empty; a wine record was expected.")
    try:
        w = wire.WineRecord.FromString(value)
    except ProtobufDecodeError as error:
        raise DecodeError(f"{len(value)} bytes, first {value[:5].hex(' ')}, are no wine record: {error}.") from error
    return WineRecord(
        w.fixed_acidity,
        w.volatile_acidity,
        w.citric_acid,
        w.residual_sugar,
        w.chlorides,
        w.free_sulfur_dioxide,
        w.total_sulfur_dioxide,
        w.density,
        w.pH,
        w.sulphates,
        w.alcohol,
        check_data_type(w.dataType),
    )


def encode_wine(record: WineRecord) -> bytes:
    """Write a record as the bytes of a message."""
    values = {name: getattr(record, name) for name in FEATURES}
    return wire.WineRecord(**values, dataType=record.data_type).SerializeToString()


def read_wines(path: Path, data_type: str = "wine") -> Iterator[tuple[WineRecord, float | None]]:
    """Read wines and their quality from a CSV file.

    The separator is ``;`` or ``,``. A first line that is not numbers is a header: columns are then found by name
    ("fixed acidity" and ``fixed_acidity`` are the same). Without one, the eleven features come in the order of
    ``FEATURES``, and a twelfth column is the quality.

    Yields:
        The record, and its quality or ``None`` where the file has none.

    Raises:
        RecordError: the file cannot be read, a column is missing, or a cell is not a number; with the line's number.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"cannot read wine records from {path}: {error}.") from error
    rows = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise RecordError(f"{path} has no records: the file is empty.")
    separator = ";" if ";" in rows[0][1] else ","
    columns, first = _columns(path, rows[0][0], rows[0][1].split(separator))
    width = max(columns.values()) + 1
    for number, line in rows[first:]:
        cells = [_number(path, number, cell) for cell in line.split(separator)]
        if len(cells) < width:
            raise RecordError(f"{path}, line {number}: {len(cells)} columns, {width} expected.")
        named = {name: cells[index] for name, index in columns.items()}
        quality = named.pop("quality", None)
        yield WineRecord(**named, data_type=data_type), quality


def _columns(path: Path, number: int, cells: list[str]) -> tuple[dict[str, int], int]:
    """Map column names to positions; and how many lines the header takes."""
    names = (*FEATURES, "quality")
    if _is_number(cells[0]):
        if len(cells) < len(FEATURES):
            raise RecordError(
                f"{path}, line {number}: {len(cells)} columns; "
                f"{len(FEATURES)} features, and perhaps the quality, expected."
            )
        return dict(zip(names, range(len(cells)), strict=False)), 0
    found = {cell.strip().strip('"').replace(" ", "_"): index for index, cell in enumerate(cells)}
    missing = [name for name in FEATURES if name not in found]
    if missing:
        raise RecordError(f"{path}: the header lacks {', '.join(missing)}. It has: {', '.join(found)}.")
    return {name: found[name] for name in names if name in found}, 1


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(path: Path, line: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise RecordError(f"{path}, line {line}: {cell.strip()!r} is not a number.") from None
