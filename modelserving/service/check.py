"""Whether a service answers as it did when it was made."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from modelserving.client import read_messages
from modelserving.errors import RecordError
from modelserving.models.admin.loading import load_model
from modelserving.models.admin.score import ScoredRow, format_prediction, score_batches
from modelserving.records import Golden
from modelserving.records.codecs.factory import make_codec
from modelserving.records.schema_files import read_schema
from modelserving.service.settings import ANSWERS, ServiceSettings, read_settings

ROWS = 20
"""So many of the records are asked."""
_HEADER = ("row", "prediction")
_CLOSE = 1e-5


def check_service(folder: Path) -> list[str]:
    """Send the first records through schema, codec and model, and compare with what was answered before.

    Returns:
        What differs, a line for each row; empty if nothing does.

    Raises:
        ConfigError, RecordError, ModelError: a part of the service cannot be read.
    """
    settings = read_settings(folder)
    before = _read_answers(folder / ANSWERS)
    now = {str(row.row): _show(row) for row in answer_records(settings)}
    return [
        f"row {row}: {now.get(row, 'nothing')!r}, and it was {expected!r}"
        for row, expected in before.items()
        if not _alike(now.get(row, ""), expected)
    ]


def answer_records(settings: ServiceSettings) -> Iterator[ScoredRow]:
    """What the model says to the first records, which are written and read again as messages are.

    Raises:
        As ``check_service``.
    """
    schema = read_schema(settings.schema)
    values = [message.value for message, _ in zip(read_messages(settings.records, schema), range(ROWS), strict=False)]
    decoded = make_codec(schema).decode(values)
    for row, error in decoded.problems.items():
        raise RecordError(f"{settings.records}, row {row}: {error}")
    model = load_model(settings.model, parameters=settings.parameters)
    return score_batches(model, iter([decoded.batch])).rows


def golden_records(settings: ServiceSettings) -> tuple[Golden, ...]:
    """The first records, with what the model says to them now: a server that gets other answers does not serve it.

    Raises:
        As ``check_service``.
    """
    schema = read_schema(settings.schema)
    values = [message.value for message, _ in zip(read_messages(settings.records, schema), range(ROWS), strict=False)]
    records = make_codec(schema).decode(values).batch.to_pylist()
    answers = answer_records(settings)
    return tuple(
        Golden(record, row.prediction)
        for record, row in zip(records, answers, strict=True)
        if row.prediction is not None
    )


def write_answers(settings: ServiceSettings) -> None:
    """Keep what the model says now, for ``check_service``.

    Raises:
        As ``check_service``.
    """
    rows = [_HEADER, *((str(row.row), _show(row)) for row in answer_records(settings))]
    with (settings.folder / ANSWERS).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def _show(row: ScoredRow) -> str:
    return "" if row.prediction is None else format_prediction(row.prediction)


def _read_answers(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {row[_HEADER[0]]: row[_HEADER[1]] for row in csv.DictReader(file)}
    except (OSError, KeyError, csv.Error) as error:
        raise RecordError(f"cannot read the answers in {path}: {error}.") from error


def _alike(one: str, other: str) -> bool:
    try:
        return one == other or math.isclose(float(one), float(other), rel_tol=_CLOSE, abs_tol=_CLOSE)
    except ValueError:
        return False
