"""Bins of numbers: what the engine does with a number that is in none, or in two."""

from __future__ import annotations

import itertools
import math
from xml.etree.ElementTree import Element, SubElement

from modelserving.errors import ModelRefused

_LARGEST = repr(1.7976931348623157e308)


def settle_bins(discretize: Element) -> None:
    """Give what is in no bin its default: the engine takes it as missing, and what to do then from the wrong attribute.

    Args:
        discretize: it is changed.

    Raises:
        ModelRefused: there is no such way.
    """
    bins = _bounds_of_bins(discretize)
    if any(_touch(one, other) for one, other in itertools.pairwise(bins)):
        discretize[:] = reversed(discretize)  # of two bins the engine takes the first, and JPMML the last
    default = discretize.attrib.pop("defaultValue", None)
    if default is None:
        if discretize.get("mapMissingTo") is not None and not _cover_all(bins):
            raise ModelRefused(
                "the PMML model discretizes with mapMissingTo, without defaultValue and with gaps between its bins, "
                "which the engine answers wrongly. Give it a defaultValue, or bins without gaps."
            )
        return
    rest = SubElement(discretize, "DiscretizeBin", binValue=default)
    SubElement(rest, "Interval", closure="closedClosed", leftMargin=f"-{_LARGEST}", rightMargin=_LARGEST)


_Bounds = tuple[float, bool, float, bool]
"""Left margin and whether it is inside, right margin and whether it is inside."""


def _bounds_of_bins(discretize: Element) -> list[_Bounds]:
    """Those of all bins, from left to right."""
    found = map(_bounds, discretize.iterfind("DiscretizeBin/Interval"))
    return sorted(found, key=lambda bounds: (bounds[0], not bounds[1]))


def _bounds(interval: Element) -> _Bounds:
    closure = interval.get("closure", "")
    left, right = interval.get("leftMargin", "-inf"), interval.get("rightMargin", "inf")
    return float(left), closure.startswith("closed"), float(right), closure.endswith("Closed")


def _touch(one: _Bounds, other: _Bounds) -> bool:
    """Whether a number is in both, of which the second begins no earlier."""
    return other[0] < one[2] or (other[0] == one[2] and other[1] and one[3])


def _cover_all(bins: list[_Bounds]) -> bool:
    """Whether each number is in some bin."""
    reach, closed = -math.inf, True
    for left, left_closed, right, right_closed in bins:
        if left > reach or (left == reach and not (closed or left_closed)):
            return False
        reach, closed = max((reach, closed), (right, right_closed))
    return reach == math.inf
