"""``docs/architecture.md`` is true: what it names is there, and each way to add something works as it says."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import anyio
import httpx
import numpy as np
import pytest

from modelserving.config import checkout
from modelserving.kstreams import (
    Processor,
    ProcessorContext,
    ProcessorSupplier,
    Record,
    StateStore,
    StoreBuilder,
    TopologyTestDriver,
    java,
    raw,
)
from modelserving.models.formats import factory
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.model import NO_PARAMETERS, Model, Scores
from modelserving.records import ModelDescriptor, ModelType
from modelserving.serving import Counts
from modelserving.web import Runnable, bind, serve, url_of
from modelserving.workshop import exercises
from modelserving.workshop.authoring.derive import notebook_text
from modelserving.workshop.authoring.source import read_lesson
from tests.fakes import FakeServer

ROOT = checkout() or Path.cwd()
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_file_that_the_page_names_is_there() -> None:
    """A page that points to what has moved sends a newcomer astray."""
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)", PAGE))
    assert len(named) > 10
    assert {name for name in named if not any((ROOT / top / name).exists() for top in ("modelserving", ""))} == set()


def test_every_proof_that_the_page_names_is_there() -> None:
    """The last column of "How to add" names tests of this file."""
    proofs = set(re.findall(r"\| `(test_\w+)` \|", PAGE))
    assert len(proofs) == 5
    assert proofs <= set(globals())


def test_every_test_that_the_page_names_is_there() -> None:
    """Whoever asks what proves a behaviour gets a test that can be run by that name."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE))
    assert len(named) > 10
    assert {(file, name) for file, name in named if f"def {name}(" not in (ROOT / file).read_text("utf-8")} == set()


class _Constant:
    """A model of the smallest format there is: the bytes are the answer."""

    inputs: tuple[str, ...] = ()

    def __init__(self, data: bytes) -> None:
        self._data = data

    def score(self, records: Sequence[object]) -> Scores:
        return Scores(np.full(len(records), float(self._data)))

    def to_bytes(self) -> bytes:
        return self._data

    def close(self) -> None:
        """Nothing is held."""


class _ConstantFactory:
    def create(self, descriptor: ModelDescriptor) -> Model:
        return cast("Model", _Constant(descriptor.data))

    def restore(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> Model:
        return cast("Model", _Constant(data))

    def preload(self) -> None:
        """No engine."""


def test_a_format_is_a_factory_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its line in the table, a descriptor of it becomes a model that is fit to serve."""
    monkeypatch.setitem(factory.FACTORIES, ModelType.CUSTOM, _ConstantFactory())
    loaded = build_candidate(ModelDescriptor("constant", "", "wine", ModelType.CUSTOM, b"4.5"))
    assert loaded.model.score([None] * 2).values.tolist() == [4.5, 4.5]


class _Last(StateStore):
    """Remembers the last value; its changelog brings it back."""

    def open(self) -> None:
        self.last = b""

    def restore(self, key: bytes, value: bytes | None) -> None:
        self.last = value or b""

    def put(self, value: bytes) -> None:
        self.last = value
        self.log(b"last", value)


class _Remembering(Processor):
    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self.store: _Last = context.getStateStore("last")

    def process(self, record: Record) -> None:
        self.store.put(record.value())


def test_a_store_is_a_class_and_a_builder() -> None:
    """The engine opens it, a processor writes it, and each change goes to its changelog."""
    topology = java.Topology()
    topology.addSource("in", "in")
    topology.addProcessor("remember", ProcessorSupplier(_Remembering, StoreBuilder("last", _Last)), "in")
    with TopologyTestDriver(topology) as driver:
        driver.createInputTopic("in", raw(), raw()).pipeInput(None, b"Riesling")
        assert cast("_Last", driver.getStateStore("last")).last == b"Riesling"


class _Idle(FakeServer):
    """A server that has nothing to do."""

    async def run(self) -> None:
        await anyio.sleep_forever()


def test_a_server_is_what_the_http_face_asks_for() -> None:
    """Whatever has the members of ``Runnable`` is run, and looked at, as the others are."""

    async def ask() -> dict[str, object]:
        found: dict[str, object] = {}
        bound = bind("127.0.0.1", 0)

        async def look() -> None:
            async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=10)) as client:
                found.update((await client.get(url_of(bound) + "/state")).json())

        await serve(cast("Runnable", _Idle(counts=Counts(1))), bound, look)
        return found

    assert anyio.run(ask)["scored"] == 1


LESSON = """\
# %% [markdown]
# # 90 · A lesson

# %%
# pipeline: client

# %%
# exercise: {exercise}
"""
EXERCISE = """
from modelserving.workshop.lesson.exercise import Exercise, require


def check(lesson, answer):
    require(answer == 42, "Not that.")
    return "Seen."


EXERCISE = Exercise("an-added-one", "90", "Title", "Goal", "x = ...", "x", ("Hint",), "x = 42", (), check)
"""


def test_a_lesson_is_a_text(tmp_path: Path) -> None:
    """A notebook is derived from it, with the stub of each exercise, or with its reference."""
    source = tmp_path / "src" / "90_added.py"
    source.parent.mkdir()
    source.write_text(LESSON.format(exercise="hello-broker"), encoding="utf-8")
    lesson = read_lesson(source)
    assert "def say_hello" in notebook_text(lesson, solutions=False)
    assert notebook_text(lesson, solutions=False) != notebook_text(lesson, solutions=True)


def test_an_exercise_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the folder is found by itself; nothing else has to know of it."""
    (tmp_path / "added.py").write_text(EXERCISE, encoding="utf-8")
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(tmp_path)])
    exercises.all_exercises.cache_clear()
    try:
        assert exercises.find_exercise("an-added-one").title == "Title"
    finally:
        exercises.all_exercises.cache_clear()
        sys.modules.pop("modelserving.workshop.exercises.added", None)
