"""Import of the original wine file, which attendees may fetch for themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from modelserving.datasets.files import write_lines
from modelserving.errors import RecordError
from modelserving.records import FEATURES, WineRecord, read_wines


def import_uci(file: Path, target: Path, report: Callable[[str], None] = lambda _: None) -> int:
    """Read the original wine-quality file, check every line, and write it in the form of our own wine files.

    Both forms are read: with the original's header or without one, with ``;`` or ``,`` between columns. Nothing is
    written unless all lines are good.

    Args:
        file: the original, red or white.
        target: where to; replaced in one step.
        report: is called with a line of text at the end.

    Returns:
        How many wines were imported.

    Raises:
        RecordError: the file cannot be read or written, has no wines, or has a line that is no wine; with its number.
    """
    wines = list(read_wines(file))
    if not wines:
        raise RecordError(f"{file} has no records: there is a header, and no line after it.")
    for number, (record, quality) in zip(_line_numbers(file, len(wines)), wines, strict=True):
        _check(f"{file}, line {number}", record, quality)
    write_lines(target, [_line(record, quality) for record, quality in wines])
    report(f"{target}: {len(wines)} wines imported from {file}")
    return len(wines)


def _line_numbers(file: Path, wines: int) -> list[int]:
    """The numbers of the lines that hold wines: the last ones of those that are not blank."""
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    return [number for number, line in enumerate(lines, start=1) if line.strip()][-wines:]


def _check(where: str, record: WineRecord, quality: float | None) -> None:
    for name in FEATURES:
        value = getattr(record, name)
        if not math.isfinite(value) or value < 0:
            raise RecordError(f"{where}: {name} is {value}; a finite number, not negative, was expected.")
    if quality is None:
        raise RecordError(f"{where}: there is no quality. It is the twelfth column of the original file.")
    if quality not in range(11):
        raise RecordError(f"{where}: quality is {quality:g}; a whole number from 0 to 10 was expected.")


def _line(record: WineRecord, quality: float | None) -> str:
    cells = [*(getattr(record, name) for name in FEATURES), quality]
    return ";".join(f"{cell:.10g}" for cell in cells)
