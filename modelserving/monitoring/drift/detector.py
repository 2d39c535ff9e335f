"""One column, watched value by value: numbers by their mean, categories by the share of each.

The test is ADWIN (Bifet and Gavaldà 2007), by river: it keeps a window that grows while nothing changes, cuts it in two
where the halves differ by more than chance explains, and forgets the older one. It looks at
a value in microseconds (``benchmarks/drift.py``); river's KSWIN compares whole windows at each value, and is slower.

What it sees is a change of a mean or of a share. A column that keeps its mean and only spreads wider is not seen.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from modelserving.errors import SetupError

DELTA = 1e-4
"""How likely ADWIN takes chance for a change, at most, by its own bound; measured, it is far less."""

_LEARN = 200
_FAR = 4.0
_HUGE = 1e150
"""What is further out counts as this: its square, and the sum of many, is still a number."""
_CATEGORIES = 8
_OTHER = "(other)"
_MISSING = "(missing)"


@dataclass(frozen=True, slots=True)
class Shift:
    """A change that was seen.

    Args:
        at: after so many values.
        before: the mean; or the category and its share.
        after: the same, since then.
    """

    at: int
    before: str
    after: str


class Detector(Protocol):
    """Watches one column."""

    def add(self, values: Iterable[Any]) -> Shift | None:
        """Take values in their order; a change that they show, the first if there are several."""
        ...


class NumberDetector:
    """Watches numbers. The first 200 say what is usual: then values count in their spread, four of it at most.

    Args:
        delta: see ``DELTA``.

    Raises:
        SetupError: river is not installed.
    """

    def __init__(self, delta: float = DELTA) -> None:
        self._adwin = _adwin(delta)
        self._learnt: list[float] = []
        self._middle, self._spread = 0.0, 1.0
        self.count = 0

    def add(self, values: Iterable[object]) -> Shift | None:
        """Take values in their order; what is missing or no number is passed over."""
        found = None
        for value in values:
            if not isinstance(value, int | float) or not math.isfinite(value):
                continue
            number = max(-_HUGE, min(_HUGE, float(value)))
            self.count += 1
            if len(self._learnt) < _LEARN:
                self._learn(number)
                continue
            before = self._mean
            self._adwin.update(max(-_FAR, min(_FAR, (number - self._middle) / self._spread)))
            if self._adwin.drift_detected and found is None:
                found = Shift(self.count, f"mean {before:.4g}", f"mean {self._mean:.4g}")
        return found

    @property
    def _mean(self) -> float:
        return self._middle + self._spread * float(self._adwin.estimation)

    def _learn(self, value: float) -> None:
        self._learnt.append(value)
        if len(self._learnt) == _LEARN:
            self._middle = math.fsum(self._learnt) / _LEARN
            square = math.fsum((one - self._middle) ** 2 for one in self._learnt) / _LEARN
            self._spread = math.sqrt(square) or 1.0
            for one in self._learnt:
                self._adwin.update(max(-_FAR, min(_FAR, (one - self._middle) / self._spread)))


class CategoryDetector:
    """Watches texts, or anything that has few values: the share of each of the eight most frequent, and of all others.

    Which these are, the first 200 values say. What is missing is a category, too.

    Args:
        delta: see ``DELTA``; for all categories together.

    Raises:
        SetupError: river is not installed.
    """

    def __init__(self, delta: float = DELTA) -> None:
        self._delta = delta
        _adwin(delta)
        self._learnt: list[str] = []
        self._shares: dict[str, Any] = {}
        self.count = 0

    def add(self, values: Iterable[object]) -> Shift | None:
        """Take values in their order."""
        found = None
        for value in values:
            self.count += 1
            name = _MISSING if value is None else str(value)
            if len(self._learnt) < _LEARN:
                self._learn(name)
                continue
            found = self._take(name) or found
        return found

    def _take(self, name: str) -> Shift | None:
        chosen, found = name if name in self._shares else _OTHER, None
        for category, adwin in self._shares.items():
            before = float(adwin.estimation)
            adwin.update(float(category == chosen))
            if adwin.drift_detected:
                found = Shift(self.count, f"{category} {before:.1%}", f"{category} {float(adwin.estimation):.1%}")
        return found

    def _learn(self, name: str) -> None:
        self._learnt.append(name)
        if len(self._learnt) == _LEARN:
            frequent = [one for one, _ in Counter(self._learnt).most_common(_CATEGORIES)]
            each = self._delta / (len(frequent) + 1)
            self._shares = {category: _adwin(each) for category in (*frequent, _OTHER)}
            for one in self._learnt:
                self._take(one)


def _adwin(delta: float) -> Any:
    try:
        from river.drift import ADWIN
    except ImportError as error:
        raise SetupError("to see drift, river has to be installed: pip install 'modelserving[lab]'.") from error
    return ADWIN(delta=delta)  # type: ignore[no-untyped-call]


def detector_for(values: Sequence[Any], delta: float = DELTA) -> Detector:
    """Numbers are watched as numbers, all else as categories: so are numbers among texts, as some labels spell them."""
    known = [value for value in values if value is not None]
    are_numbers = known and all(isinstance(one, int | float) and not isinstance(one, bool) for one in known)
    return NumberDetector(delta) if are_numbers else CategoryDetector(delta)
