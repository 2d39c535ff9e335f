"""Labels and named outputs, record by record."""

from __future__ import annotations

import numpy as np

from modelserving.models.model import Scores
from modelserving.serving.words import read_words


def test_a_label_that_is_just_its_number_is_left_to_the_number() -> None:
    """Wine's grades are numbers as they were; what a number does not say is kept to the letter."""
    labels = np.array(["5", "05", "good", "-1.5", "1e3", "nan", None, ""], dtype=object)
    found = [label for label, _ in read_words(Scores(np.zeros(8), labels=labels))]
    assert found == [None, "05", "good", None, "1e3", "nan", None, ""]


def test_outputs_are_numbers_texts_or_several() -> None:
    """Whatever an engine gives: a column of numbers, of texts, of rows; booleans become 0 and 1."""
    outputs = {
        "share": np.array([0.25, 0.5], dtype=np.float32),
        "by class": np.array([[0.25, 0.75], [0.5, 0.5]]),
        "word": np.array(["a", None], dtype=object),
        "sure": np.array([[True], [False]]),
    }
    assert [words for _, words in read_words(Scores(np.zeros(2), outputs=outputs))] == [
        (("share", 0.25), ("by class", (0.25, 0.75)), ("word", "a"), ("sure", 1.0)),
        (("share", 0.5), ("by class", (0.5, 0.5)), ("word", ""), ("sure", 0.0)),
    ]
