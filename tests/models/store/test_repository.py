"""The folder that keeps models."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given, settings

from modelserving.errors import ModelRefused, SetupError
from modelserving.models.info import fingerprint
from modelserving.models.lifecycle.order import ModelRef
from modelserving.models.store.repository import ModelRepository
from modelserving.records import Golden, ModelDescriptor, ModelType
from tests.fakes import wine
from tests.records.strategies import descriptors

MODEL = ModelDescriptor(
    "tree", "about it", "wine", ModelType.PMML, b"<tree/>", version="1.2", created_ms=5,
    golden=(Golden(wine(), 5.0),), tolerance=0.5,
    parameters=MappingProxyType({"depth": "5"}), metrics=MappingProxyType({"accuracy": 0.61}),
)  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> ModelRepository:
    """An empty one; its folder does not exist yet."""
    return ModelRepository(tmp_path / "repository")


def test_a_model_comes_back_as_it_was_kept(repository: ModelRepository) -> None:
    """With its bytes, golden records and all; and it is the same model as in the message that it came in."""
    repository.save(replace(MODEL, shadow_percent=10.0), 1_000)
    (kept,) = repository.entries()
    assert (kept.descriptor, kept.published_ms) == (replace(MODEL, data=b"", sha256=MODEL.digest), 1_000)
    assert kept.fingerprint == fingerprint(MODEL)
    ref = ModelRef(fingerprint(MODEL), MODEL.digest)
    assert repository.load("wine", ref) == replace(MODEL, sha256=MODEL.digest)
    assert repository.find("wine", MODEL.digest, 1_000) == ref
    assert repository.find("wine", MODEL.digest, 999) is None
    assert repository.find("beer", MODEL.digest, 1_000) is None


@settings(max_examples=50, deadline=None)
@given(model=descriptors)
def test_any_model_can_be_kept(tmp_path_factory: pytest.TempPathFactory, model: ModelDescriptor) -> None:
    """Whatever its name and its numbers are: it is read back, and its files stay in the folder."""
    repository = ModelRepository(tmp_path_factory.mktemp("any"))
    model = replace(model, location=None, sha256="")
    kept = repository.save(model, 1)
    assert kept.file.resolve().is_relative_to(repository.folder.resolve())
    assert [one.fingerprint for one in repository.entries()] == [fingerprint(model)]


def test_people_can_read_it(repository: ModelRepository) -> None:
    """The catalog is a file for each model, with names that say something; the bytes are beside it, to be used."""
    kept = repository.save(replace(MODEL, name="../../a tree"), 1_000)
    (path,) = repository.folder.glob("catalog/wine/*.json")
    assert path.name.startswith("a-tree-1.2-")
    told = json.loads(path.read_text(encoding="utf-8"))
    assert (told["metrics"], told["parameters"], told["sha256"]) == ({"accuracy": 0.61}, {"depth": "5"}, MODEL.digest)
    assert (path.parent / told["file"]).read_bytes() == MODEL.data == kept.file.read_bytes()
    assert kept.file.suffix == ".pmml"


def test_what_is_kept_does_not_change(repository: ModelRepository) -> None:
    """A model that comes again is the one that is there; another version of the same bytes is another entry."""
    first = repository.save(MODEL, 1_000)
    repository.save(MODEL, 2_000)
    repository.save(replace(MODEL, version="2"), 3_000)
    assert [(one.descriptor.version, one.published_ms) for one in repository.entries()] == [
        ("1.2", 1_000),
        ("2", 3_000),
    ]
    assert len(list(first.file.parent.iterdir())) == 1
    assert [one.descriptor.version for one in repository.match(MODEL.digest[:8])] == ["1.2", "2"]


def test_many_may_keep_the_same_model_at_once(repository: ModelRepository) -> None:
    """Servers on one machine share a folder: no file is ever half there, and no draft is left."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda moment: repository.save(MODEL, moment), range(40)))
    files = [path.name for path in repository.folder.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert repository.load("wine", ModelRef(fingerprint(MODEL), MODEL.digest))


def test_bytes_that_were_changed_are_refused(repository: ModelRepository) -> None:
    """By whom, and why, is not for a server to guess."""
    kept = repository.save(MODEL, 1)
    kept.file.write_bytes(b"<other/>")
    with pytest.raises(ModelRefused, match="was changed since"):
        repository.read(kept)
    kept.file.unlink()
    with pytest.raises(SetupError, match="cannot read model 'tree'"):
        repository.read(kept)


def test_other_files_in_the_folder_are_passed_over(
    repository: ModelRepository, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a file, a foreign one, one with a hostile data type: each is told, and the rest is listed."""
    repository.save(MODEL, 1)
    good = next(repository.folder.glob("catalog/wine/*.json"))
    told = json.loads(good.read_text(encoding="utf-8"))
    for number, text in enumerate(
        (
            "",
            "[]",
            json.dumps({**told, "data_type": "../x"}),
            json.dumps({**told, "type": "magic"}),
            json.dumps({**told, "sha256": "../../x"}),
        )
    ):
        good.with_name(f"bad{number}.json").write_text(text, encoding="utf-8")
    assert len(repository.entries()) == 1
    assert sum("is no entry" in record.message for record in caplog.records) == 5


def test_a_folder_that_cannot_be_written_stops_no_server(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Keeping is told to have failed; serving goes on."""
    (tmp_path / "taken").touch()
    repository = ModelRepository(tmp_path / "taken")
    repository.keep(MODEL, 1)
    assert "cannot keep model 'tree'" in caplog.text
    with pytest.raises(SetupError):
        repository.save(MODEL, 1)
    assert repository.entries() == ()
