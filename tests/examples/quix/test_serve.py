"""The job in Quix Streams, for real, in its own environment; and what lesson 09 says about that library."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from modelserving.config import checkout, data_folder
from modelserving.errors import ServerError
from modelserving.kafka import list_topics, make_producer, read_topic
from modelserving.models.formats import factory
from modelserving.models.store.bundled import read_catalog
from modelserving.records import encode_wine, read_wines
from modelserving.workshop import Lesson
from modelserving.workshop.authoring.source import lesson_sources
from modelserving.workshop.processes.quix import find_quix, run_quix, why_no_quix

ROOT = checkout() or Path.cwd()
PYTHON = find_quix()
MODEL = "wine-random-forest-onnx"
NEEDS_QUIX = pytest.mark.skipif(PYTHON is None, reason="Quix Streams is an extra: `make setup-quix` sets it up")
WINES = [wine for wine, _ in islice(read_wines(data_folder() / "wine_red.csv"), 60)]

STORES = """
from quixstreams.state import StateStoreManager
class Own: pass
try:
    StateStoreManager(state_dir="{folder}").register_store("stream", store_type=Own)
except ValueError as error:
    print(error)
"""
DEFAULT = """
from inspect import signature
from quixstreams import Application
print(signature(Application).parameters["processing_guarantee"].default)
"""
RANGE = """
from quixstreams.app import consumer_extra_config_overrides as always
print(always["partition.assignment.strategy"])
"""
STANDBYS = """
from pathlib import Path
import quixstreams
files = Path(quixstreams.__file__).parent.rglob("*.py")
words = ("standby", "http.server", "fastapi", "application.server")
print([word for path in files for word in words if word in path.read_text(encoding="utf-8").lower()])
"""


@NEEDS_QUIX
@pytest.mark.broker
def test_it_answers_each_record_once_and_as_our_own_engine_does(lesson: Lesson) -> None:
    """Same bytes, same model, same answers, each at its record's partition; and it can be run again from the start."""
    records, scored = lesson.scratch_topic(partitions=4), lesson.topic("quix-scored", partitions=4)
    expected = write(lesson, records)
    for _ in range(2):
        run_quix(lesson, data_folder() / "models" / f"{MODEL}.onnx", records=records, scored=scored, count=len(WINES))
        answered = list(read_topic(lesson.connection, scored))
        found = [json.loads(record.value) for record in answered]
        assert [one["partition"] for one in found] == [record.partition for record in answered]
        assert {(one["partition"], one["offset"]): one["prediction"] for one in found} == expected
        assert len(found) == len(expected)
        assert sum({record.key: json.loads(record.value)["usage"] for record in answered}.values()) == len(WINES)
        scored = lesson.topic("quix-scored", partitions=4)
    assert [name for name in list_topics(lesson.connection) if name.startswith(f"changelog__{lesson.prefix}-")] == []


@NEEDS_QUIX
@pytest.mark.broker
def test_a_program_that_fails_tells_why(lesson: Lesson, tmp_path: Path) -> None:
    """Its last lines are in the error."""
    with pytest.raises(ServerError, match=r"no-such-model\.onnx"):
        run_quix(lesson, tmp_path / "no-such-model.onnx", records=lesson.topics.records, scored="nowhere", count=1)


@pytest.mark.broker
def test_where_it_is_not_set_up_a_lesson_says_how_to_get_it(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the lesson goes on without it."""
    monkeypatch.setattr("modelserving.workshop.processes.quix.find_quix", lambda: None)
    assert "make setup-quix" in (why_no_quix(lesson) or "")
    with pytest.raises(ServerError, match="make setup-quix"):
        run_quix(lesson, Path("model.onnx"), records="records", scored="scored", count=1)


def test_the_environment_is_found_in_the_checkout_alone(tmp_path: Path) -> None:
    """A folder without it has none."""
    assert find_quix(tmp_path) is None


def test_the_lesson_names_the_version_that_is_locked() -> None:
    """What it says about Quix Streams was tried with that version."""
    lock = (ROOT / "requirements" / "quix.txt").read_text(encoding="utf-8")
    locked = re.search(r"^quixstreams==(\S+)", lock, flags=re.MULTILINE)
    (text,) = [source.path.read_text(encoding="utf-8") for source in lesson_sources() if source.number == "09"]
    assert locked
    assert set(re.findall(r"Quix Streams (\d[\d.]*\d)", text)) == {locked[1]}


@NEEDS_QUIX
@pytest.mark.parametrize(
    ("code", "says"),
    [
        pytest.param(STORES, lambda said: "invalid store type" in said, id="a store of one's own is refused"),
        pytest.param(DEFAULT, lambda said: said == "at-least-once", id="at least once by default"),
        pytest.param(RANGE, lambda said: said == "range", id="all give up all when one joins"),
        pytest.param(STANDBYS, lambda said: said == "[]", id="no standbys and no queries from outside"),
    ],
)
def test_what_the_lesson_says_of_the_library_holds(code: str, says: Callable[[str], bool], tmp_path: Path) -> None:
    """When the library learns it, the lesson has to be mended."""
    command = [str(PYTHON), "-W", "ignore", "-c", code.replace("{folder}", tmp_path.as_posix())]
    assert says(subprocess.check_output(command, text=True).strip())


def write(lesson: Lesson, topic: str) -> dict[tuple[int, int], float]:
    """Write the wines, and say what our own engine answers, by partition and offset."""
    model = factory.create(next(model for model in read_catalog(data_folder() / "models") if model.name == MODEL))
    values = model.score(WINES).values.tolist()
    model.close()
    with make_producer(lesson.connection) as producer:
        sent = [
            producer.send(topic, key=b"barrel-%d" % (number % 12), value=encode_wine(wine))
            for number, wine in enumerate(WINES)
        ]
        producer.flush(timeout=60)
    written = [promise.get(timeout=60) for promise in sent]
    return {(one.partition, one.offset): value for one, value in zip(written, values, strict=True)}
