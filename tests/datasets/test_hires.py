"""Bicycle hires, and whether they are what is published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelserving.config import data_folder
from modelserving.datasets import HIRE_ANSWERS, HIRE_SCHEMA, HIRES_FILE, draw_hires, make_hires
from modelserving.registry import infer_schema

HIRES = draw_hires(2000, 2012)


def share(
    fits: Callable[[dict[str, Any]], object], among: Callable[[dict[str, Any]], object] = lambda _: True
) -> float:
    chosen = [one for one in HIRES if among(one)]
    return sum(map(bool, map(fits, chosen))) / len(chosen)


def test_the_file_in_the_data_folder_is_what_the_code_draws(tmp_path: Path) -> None:
    """Byte for byte; nobody edits it by hand."""
    made = make_hires(tmp_path)
    assert made.read_bytes() == (data_folder() / HIRES_FILE).read_bytes()


def test_the_file_has_the_columns_of_its_schema() -> None:
    """Numbers, texts, a boolean; those that may be missing are missing somewhere."""
    found = infer_schema(data_folder() / HIRES_FILE, "hire", leave_out=HIRE_ANSWERS)
    assert found.names == HIRE_SCHEMA.names
    for seen, said in zip(found.columns, HIRE_SCHEMA.columns, strict=True):
        assert seen.nullable == said.nullable
        assert seen.type is said.type or (seen.type.is_whole and said.type.is_whole)


def test_hires_are_as_it_is_published() -> None:
    """Within what 2,000 draws allow: a fifth are casual riders, who come on free days, and stay longer."""
    casual = share(lambda one: one["rider"] == "casual")
    assert casual == pytest.approx(0.188, abs=0.03)
    assert share(lambda one: one["rider"] == "casual", lambda one: one["workday"]) == pytest.approx(0.132, abs=0.03)
    assert share(lambda one: one["rider"] == "casual", lambda one: not one["workday"]) == pytest.approx(0.317, abs=0.05)
    assert share(lambda one: one["hour"] in {7, 8, 17, 18}, lambda one: one["workday"]) == pytest.approx(0.40, abs=0.05)
    assert share(lambda one: one["weather"] == "rain") < 0.082 < share(lambda one: one["weather"] == "mist")
    by_rider = {kind: sorted(one["minutes"] for one in HIRES if one["rider"] == kind) for kind in ("member", "casual")}
    median = {kind: minutes[len(minutes) // 2] for kind, minutes in by_rider.items()}
    assert median["member"] == pytest.approx(11, abs=1.5)
    assert median["casual"] == pytest.approx(29, abs=4)
