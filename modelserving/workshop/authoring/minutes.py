"""How long a lesson takes to read, counted: what its box states is held against it.

What its cells take to run, what somebody tries out, and its exercises come on top; a walk in a real JupyterLab
(``tests/browser/walk.py --pictures``) tells how long the cells run.
"""

from __future__ import annotations

import re

from modelserving.workshop.authoring.source import LessonSource
from modelserving.workshop.display.questions import questions_of

_WORDS_A_MINUTE, _LINE_MIN, _PREDICTION_MIN = 180, 4 / 60, 15 / 60


def reading_minutes(lesson: LessonSource) -> float:
    """Minutes to read a lesson: 180 words a minute, four seconds a line of code, a quarter of a minute a prediction.

    Args:
        lesson: its text; questions and what happened are read, too, exercises are not.
    """
    questions = questions_of(lesson.number).values()
    texts = [cell.text for cell in lesson.cells if cell.kind == "markdown"]
    texts += [text for one in questions for text in (one.ask, one.happened)]
    words = sum(len(re.sub(r"\([^)]*\)|\{[^}]*\}", "", text).split()) for text in texts)
    lines = sum(cell.text.count("\n") + 1 for cell in lesson.code() if "parameters" not in cell.tags)
    asked = sum(not one.is_remark for one in questions)
    return words / _WORDS_A_MINUTE + lines * _LINE_MIN + asked * _PREDICTION_MIN
