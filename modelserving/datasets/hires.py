"""Bicycle hires that never took place, drawn with a fixed seed from what is published about real ones.

They are the workbook's second kind of record, and have what wines lack: texts and categories, whole numbers, a
boolean, and values that are missing.

Source:
    H. Fanaee-T, J. Gama: "Event labeling combining ensemble detectors and background knowledge", Progress in Artificial
    Intelligence 2, 113-127, 2014, doi:10.1007/s13748-013-0040-3, on two years of Capital Bikeshare in Washington, D.C.

From the many public analyses of the hours that they published, as **approximate** figures: how many members and casual
riders hire in an hour of a working day or another one, in which weather and at which temperature; how weather,
temperature, humidity and wind are spread. How long a hire takes follows the operator's published trips of those years,
roughly. **Ours** are the stations, the kinds of bicycle, the ages, and which values are missing. None of these figures
was computed from a data file for this project.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelserving.errors import RecordError
from modelserving.records import Column, ColumnType, RecordSchema
from modelserving.system import write_atomically

HIRES_FILE = "hires.csv"
"""Its name in the data folder."""

HIRE_SCHEMA = RecordSchema(
    "hire",
    (
        Column("hour", ColumnType.INT32, nullable=False),
        Column("workday", ColumnType.BOOLEAN, nullable=False),
        Column("weather", ColumnType.STRING),
        Column("temperature", ColumnType.DOUBLE),
        Column("humidity", ColumnType.INT32),
        Column("wind", ColumnType.DOUBLE, nullable=False),
        Column("station", ColumnType.STRING, nullable=False),
        Column("bike", ColumnType.STRING, nullable=False),
        Column("age", ColumnType.INT32),
    ),
    "json",
)
"""One hire as it begins: when, in which weather (temperature in °C, humidity in %, wind in km/h), where, by whom."""

HIRE_ANSWERS = ("rider", "minutes")
"""What a model learns: ``member`` or ``casual``, and how long the hire takes, minutes."""

_ROWS, _SEED = 2000, 2012
_MEMBER, _CASUAL = 0, 1
_HIRES_BY_DAY = np.array([[124.0, 57.4], [167.6, 25.6]])
"""Mean hires in an hour: another day, working day; members, casual riders."""
_WORKING_DAYS = 0.683
_BY_HOUR = np.array(
    [
        # Members on other days, members on working days, casual riders on other days and on working days.
        [78, 58, 42, 20, 6, 7, 16, 34, 76, 124, 174, 216, 251, 258, 246, 244, 248, 244, 222, 188, 141, 110, 92, 68],
        [31, 12, 6, 3, 4, 23, 98, 284, 456, 221, 118, 138, 172, 170, 154, 168, 244, 450, 432, 296, 208, 152, 106, 64],
        [16, 12, 9, 5, 2, 2, 4, 12, 28, 55, 88, 120, 141, 150, 154, 152, 146, 128, 104, 80, 56, 44, 34, 24],
        [7, 4, 2, 1, 1, 1, 4, 11, 18, 20, 28, 34, 38, 38, 39, 40, 44, 52, 46, 36, 27, 22, 17, 11],
    ],
    dtype=np.float64,
)
_WEATHERS = ("clear", "mist", "rain")
_BY_WEATHER = np.array([0.657, 0.261, 0.082]) * np.array([[164.0, 146.0, 95.0], [40.5, 29.6, 16.9]])
_DAMP = np.array([-4.0, 8.0, 22.0])
_WARMER, _DRIER = np.array([2.6, 5.0]), np.array([5.1, 9.3])
"""By how much a mean hire of a member, or a casual rider, is warmer (°C) and drier (%) than a mean hour."""

_STATIONS = (
    *("Main Station", "University", "Exchange", "Town Hall", "Harbour", "Castle Park"),
    *("Mill Lane", "Market", "Hospital", "Riverside", "Old Bridge", "Hill Top"),
)
_BY_STATION = np.array([[18, 15, 13, 10, 5, 3, 8, 8, 7, 5, 4, 4], [9, 5, 3, 9, 20, 20, 3, 8, 2, 11, 8, 2]])
_FAR = np.array([1, 1.05, 0.9, 0.95, 1.2, 1.3, 1.1, 0.95, 1, 1.25, 1.1, 1.35])
_BIKES = ("classic", "electric")


def make_hires(folder: Path, report: Callable[[str], None] = lambda _: None) -> Path:
    """Write the hires; the same bytes each time, on every system.

    Args:
        folder: where to.
        report: is called with a line of text.

    Returns:
        The file: CSV with a header, the columns of ``HIRE_SCHEMA`` and then ``HIRE_ANSWERS``; an empty cell is missing.

    Raises:
        RecordError: it cannot be written.
    """
    target = folder / HIRES_FILE
    rows = draw_hires(_ROWS, _SEED)
    lines = [",".join(rows[0]), *(",".join(map(_cell, row.values())) for row in rows), ""]
    try:
        write_atomically(target, "\n".join(lines))
    except OSError as error:
        raise RecordError(f"cannot write the hires to {target}: {error}.") from error
    report(f"{target}: {len(rows)} hires")
    return target


def draw_hires(count: int, seed: int) -> list[dict[str, Any]]:
    """Draw hires.

    Args:
        count: how many.
        seed: equal seeds give equal hires.

    Returns:
        A value for each column of ``HIRE_SCHEMA``, and for ``HIRE_ANSWERS``; ``None`` where one is missing.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    days = np.array([1 - _WORKING_DAYS, _WORKING_DAYS])[:, None] * _HIRES_BY_DAY
    kind = _draw(rng, np.tile(days.ravel(), (count, 1)))
    workday, rider = kind // 2, kind % 2
    hour = _draw(rng, _BY_HOUR[2 * rider + workday])
    weather = _draw(rng, _BY_WEATHER[rider])
    warm = 20.4 + _WARMER[rider] + 2.5 * np.sin((hour - 9) * np.pi / 12)
    temperature = np.clip(warm + 7.4 * rng.standard_normal(count), 0.8, 41)
    damp = 62.7 - _DRIER[rider] + _DAMP[weather] - 0.4 * (temperature - warm)
    humidity = np.clip(damp + 15 * rng.standard_normal(count), 8, 100)
    wind = np.minimum(rng.gamma(2.4, 12.7 / 2.4, count), 57)
    station = _draw(rng, _BY_STATION[rider].astype(np.float64))
    bike = (rng.random(count) < 0.3).astype(int)
    age = np.clip(np.where(rider == _MEMBER, 37, 33) + 11 * rng.standard_normal(count), 16, 80)
    usual = (
        np.where(rider == _MEMBER, 10.5, 26) * _FAR[station] * np.where(bike == 1, 0.88, 1) * (1.12 - 0.12 * workday)
    )
    usual *= np.where(weather == 2, 0.9, 1) * (1 + 0.006 * (temperature - 20))
    spread = np.where(rider == _MEMBER, 0.5, 0.65)
    minutes = np.clip(usual * np.exp(spread * rng.standard_normal(count)), 1, 480)
    gone = {
        "weather": rng.random(count) < 0.03,
        "temperature": rng.random(count) < 0.04,
        "humidity": rng.random(count) < 0.04,
        "age": rng.random(count) < np.where(rider == _MEMBER, 0.05, 0.4),
    }
    columns: dict[str, list[Any]] = {
        "hour": hour.tolist(),
        "workday": (workday == 1).tolist(),
        "weather": [_WEATHERS[one] for one in weather],
        "temperature": np.round(temperature, 1).tolist(),
        "humidity": np.rint(humidity).astype(int).tolist(),
        "wind": np.round(wind, 1).tolist(),
        "station": [_STATIONS[one] for one in station],
        "bike": [_BIKES[one] for one in bike],
        "age": np.rint(age).astype(int).tolist(),
        "rider": ["casual" if one == _CASUAL else "member" for one in rider],
        "minutes": np.round(minutes, 1).tolist(),
    }
    for name, lost in gone.items():
        columns[name] = [None if one else value for value, one in zip(columns[name], lost, strict=True)]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _draw(rng: np.random.Generator, weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """An index for each row of weights, shape ``(n, k)``, as likely as its weight."""
    ends = weights.cumsum(axis=1)
    drawn: NDArray[np.intp] = (rng.random(len(weights))[:, None] * ends[:, -1:] >= ends).sum(axis=1)
    return drawn


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
