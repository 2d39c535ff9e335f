"""The anatomy of a lesson is enforced: each rule finds its breach, in a lesson that is otherwise as it should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelserving.workshop.authoring.lint import problems
from modelserving.workshop.authoring.source import read_lesson
from modelserving.workshop.display.questions import Question

GOOD = """\
# %% [markdown]
# # 00 · A title
#
# A promise of one sentence.

# %% [markdown]
# | | |
# |---|---|
# | **You will** | a |
# | **You learn** | b |
# | **You need** | c |
# | **Time** | 10 minutes |
# | **Plan** | d |

# %%
# pipeline: client

# %% tags=["parameters"]
fast = False

# %% tags=["setup"]
import json
from modelserving.workshop import start

lesson = start("00", fast=fast)

# %% [markdown]
# ## A section
#
# Look:

# %%
# predict: what

# %%
answer = 42
lesson.tell("what")

# %% [markdown]
# ## Exercise

# %%
# exercise: hello-broker

# %% [markdown]
# ## Break it

# %% tags=["breaks"]
1 / 1

# %% [markdown]
# ## Recap
#
# You can now rest.
#
# **In practice** too. **Source**: here

# %% tags=["cleanup"]
lesson.close()

# %% [markdown]
# Next: [01](01_kafka.ipynb)
"""

BREACHES = [
    ("# # 00 · A title", "# ## A title", "begin with its only H1"),
    ("# ## A section", "# # A section", "begin with its only H1"),
    ("A promise of one sentence.", "One. Two.", "a promise of one sentence"),
    ("# A promise of one sentence.", "#", "a promise of one sentence"),
    ("**You need**", "You need", r"lacks a row \*\*You need"),
    ("10 minutes", "12 minutes", "steps of 5"),
    ("10 minutes", "20 minutes", "says 20 minutes; to read it takes"),
    ("Look:", "Look: " + "many words " * 1_000, "says 10 minutes; to read it takes"),
    ("# %%\n# pipeline: client\n", "", "picture, parameters and setup"),
    ('tags=["parameters"]', 'tags=["setup"]', "one cell tagged setup; there are 2"),
    ('start("00", fast=fast)', 'start("01")', "the setup cell calls"),
    ("import json", "import numpy as np", "before any other package; it begins with `numpy`"),
    ("# predict: what", "think", "before a surprise"),
    ('lesson.tell("what")', "print()", "not each asked, told and in display/texts: what"),
    ("answer = 42", "other = 42", "nothing has made answer yet"),
    ("# %%\n# predict: what\n\n# %%\n", "# %%\n", "told at line .*, before it is asked"),
    ("# ## Break it", "# ## Mend it", "no section `## Break it`"),
    (' tags=["breaks"]', "", "no code cell is tagged breaks"),
    ("# exercise: hello-broker", "x = 1", "it has no exercise"),
    ("# exercise: hello-broker", "# exercise: kafka-keys", "belongs to lesson 01"),
    ("You can now rest", "Rest", "the recap lacks You can now"),
    ("1 / 1", "\n".join(f"x = {n}" for n in range(16)), "has 16 lines; at most 15"),
    ("1 / 1", "while True:\n    pass", "loops"),
    ("1 / 1", "time.sleep(1)", "sleeps"),
    ("1 / 1", "x = " + "1 + " * 30 + "1", "wider than 100"),
    ("1 / 1", "say_hello(1, 2)", "needs say_hello, which an exercise defines"),
    ("Look:", "Look: ![](picture.png)", "no alt text"),
    ("Look:", "Look: [`a.py`](../modelserving/b.py)", "called a.py leads to"),
    ("Next: [01](01_kafka.ipynb)", "The end.", "a link to the next lesson"),
]


@pytest.fixture(autouse=True)
def one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lesson asks one question, whose text needs one name."""
    question = Question(
        "what", "What?", "{answer}", "It was {answer:d}, {[n for n in range(3)]}.", holds=("answer > 1",)
    )
    for module in ("lint", "minutes"):
        monkeypatch.setattr(f"modelserving.workshop.authoring.{module}.questions_of", lambda _: {"what": question})


def found(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "00_title.py"
    path.write_text(text, encoding="utf-8")
    return problems(read_lesson(path))


def test_a_lesson_as_it_should_be_has_no_problem(tmp_path: Path) -> None:
    """The rules can be kept."""
    assert found(tmp_path, GOOD) == []


@pytest.mark.parametrize(("old", "new", "problem"), BREACHES)
def test_a_breach_is_found(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """Each rule is seen to fail, and says what is wrong."""
    assert old in GOOD
    import re

    said = found(tmp_path, GOOD.replace(old, new, 1))
    assert [line for line in said if re.search(problem, line)], said


def test_cells_are_short_in_the_middle_too(tmp_path: Path) -> None:
    """A median of six lines, however short a few cells are."""
    long = "\n".join(f"x{n} = {n}" for n in range(8))
    more = "".join(f"# %%\n{long}\n\n" for _ in range(9))
    assert found(tmp_path, GOOD.replace("# %% [markdown]\n# ## Recap", f"{more}# %% [markdown]\n# ## Recap")) == [
        "its code cells have a median of 8 lines; at most 6."
    ]
