"""How good answers were, once the truth is known; and whether a model is better than another, with the doubt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from modelserving.monitoring.replay.answers import AnswerValue
from modelserving.monitoring.truth.topic import error_of

_SURE = 1.96
"""So many standard errors on both sides hold 95 in 100, of some thirty pairs and more."""
_HALF = 0.5


@dataclass(slots=True)
class Quality:
    """How good the answers of one model were. Numbers are added up, so that it never grows.

    Args:
        pairs: answers whose truth is known.
        right: of these, labels that are the same, and numbers that round to the truth.
        absolute: the sum of the absolute errors; of a label, 0 or 1.
        numbers: pairs of numbers; only these have what follows.
        bias: the sum of answer minus truth.
        answers: the sum of the answers.
        squares: the sum of their squares.
        products: the sum of answer times truth.
    """

    pairs: int = 0
    right: int = 0
    absolute: float = 0.0
    numbers: int = 0
    bias: float = 0.0
    answers: float = 0.0
    squares: float = 0.0
    products: float = 0.0

    def add(self, answer: AnswerValue, truth: AnswerValue) -> None:
        """Count an answer and its truth."""
        error = error_of(answer, truth)
        self.pairs += 1
        self.absolute += error
        self.right += error < _HALF
        if not isinstance(answer, str) and not isinstance(truth, str):
            self.numbers += 1
            self.bias += answer - truth
            self.answers += answer
            self.squares += answer * answer
            self.products += answer * truth

    @property
    def mean_absolute_error(self) -> float:
        """The mean absolute error; of labels, the share that is wrong. NaN without any pair."""
        return self.absolute / self.pairs if self.pairs else math.nan

    @property
    def accuracy(self) -> float:
        """Which part is right; NaN without any pair."""
        return self.right / self.pairs if self.pairs else math.nan

    @property
    def mean_error(self) -> float:
        """By how much the numbers are too high on the average; NaN without any."""
        return self.bias / self.numbers if self.numbers else math.nan

    @property
    def calibration_slope(self) -> float:
        """By how much the truth grows where the answer grows by one: 1 is right, below 1 answers go too far.

        NaN where all answers are the same.
        """
        if self.numbers < 2:
            return math.nan
        mean = self.answers / self.numbers
        spread = self.squares / self.numbers - mean * mean
        mean_truth = (self.answers - self.bias) / self.numbers
        return (self.products / self.numbers - mean * mean_truth) / spread if spread > 1e-12 else math.nan


@dataclass(frozen=True, slots=True)
class Improvement:
    """By how much one model is better than another, on the same records.

    Args:
        pairs: records that both answered, and whose truth is known.
        gain: the mean error of the old one, minus that of the new one; of labels, the gain in accuracy.
        doubt: 95 times in 100 the gain is not further than this from what it would be on endlessly many records.
    """

    pairs: int
    gain: float
    doubt: float

    @property
    def at_least(self) -> float:
        """What the gain is at least, as far as 95 in 100 is sure."""
        return self.gain - self.doubt

    def told(self, new: str, old: str) -> str:
        """The sentence about the two, by their names."""
        return f"{new} against {old}: {self}"

    def __str__(self) -> str:
        low, high = self.at_least, self.gain + self.doubt
        return f"{self.gain:+.4g} in mean error on {self.pairs} records (95 in 100: {low:+.4g} to {high:+.4g})"


def improvement(old: Sequence[float], new: Sequence[float]) -> Improvement:
    """Compare the errors of two models on the same records, pair by pair: what both find hard does not blur it.

    Args:
        old: errors of the one.
        new: errors of the other, in the same order.
    """
    gains = [before - after for before, after in zip(old, new, strict=True)]
    return improvement_of(len(gains), math.fsum(gains), math.fsum(gain * gain for gain in gains))


def improvement_of(pairs: int, gain: float, squares: float) -> Improvement:
    """The same, of gains that were added up.

    Args:
        pairs: how many.
        gain: their sum.
        squares: the sum of their squares.
    """
    if pairs < 2:
        return Improvement(pairs, gain, math.inf)
    mean = gain / pairs
    variance = max(0.0, squares - pairs * mean * mean) / (pairs - 1)
    return Improvement(pairs, mean, _SURE * math.sqrt(variance / pairs))
