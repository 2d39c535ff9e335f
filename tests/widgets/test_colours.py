"""Colours that hold on both pages, and for colour-blind people."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from modelserving.widgets.colours import (
    DIM,
    FAINT,
    LIT,
    LIT_TEXT,
    SERIES,
    WARNING,
    WARNING_GROUND,
    dots,
    in_ink,
    marks,
)

_PAGES = {"light": "#ffffff", "dark": "#111111"}
# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
_BLINDNESS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def _linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG counts it."""
    lights = sorted(float(_linear(c) @ [0.2126, 0.7152, 0.0722]) + 0.05 for c in (one, other))
    return lights[1] / lights[0]


def _lab(linear: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear.clip(0, 1)
    f = np.cbrt(np.maximum(xyz / [0.9505, 1.0, 1.089], 0.008856))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("page", _PAGES)
@pytest.mark.parametrize("colour", [*SERIES, DIM, FAINT])
def test_what_is_drawn_can_be_seen_on_the_page(colour: str, page: str) -> None:
    """Each colour has a contrast of at least 3 to 1 to the light page and to the dark one (WCAG 1.4.11)."""
    assert contrast(colour, _PAGES[page]) >= 3


@pytest.mark.parametrize("ground", [LIT, DIM, WARNING_GROUND])
def test_text_on_a_ground_of_its_own_can_be_read(ground: str) -> None:
    """It has a contrast of at least 4.5 to 1 (WCAG 1.4.3): on a lit part, on a banner."""
    assert contrast(ground, LIT_TEXT) >= 4.5


@pytest.mark.parametrize(("page", "ink"), [("#f3f5f7", "#212121"), ("#111111", "#ffffff")])
@pytest.mark.parametrize("colour", [WARNING, SERIES[2]])
def test_a_coloured_word_can_be_read_on_both_pages(colour: str, page: str, ink: str) -> None:
    """It has as much of the page's ink as its colour needs."""
    share = int(in_ink(colour).partition("%")[0].rpartition(" ")[2]) / 100
    channels = ((int(colour[i : i + 2], 16), int(ink[i : i + 2], 16)) for i in (1, 3, 5))
    mixed = "#" + "".join(f"{round(share * own + (1 - share) * other):02x}" for own, other in channels)
    assert contrast(mixed, page) >= 4.5


@pytest.mark.parametrize("kind", _BLINDNESS)
def test_series_differ_for_colour_blind_people(kind: str) -> None:
    """Seen without one kind of cone, any two series are still at least 10 apart (CIE 1976); 2.3 can just be seen."""
    seen = [_lab(np.array(_BLINDNESS[kind]) @ _linear(colour)) for colour in SERIES]
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) >= 10


def test_sixteen_series_have_sixteen_looks() -> None:
    """Colour and shape together repeat only after sixteen series."""
    assert len({marks([(10, 10)], series) for series in range(16)}) == 16


def test_no_points_draw_nothing() -> None:
    """A series without points leaves no empty path behind."""
    assert marks([], 0) == dots([], 0) == ""
