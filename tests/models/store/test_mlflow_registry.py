"""Models go to a real MLflow registry in files, and come back."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import pytest

from modelserving.errors import ModelFormatError, ModelRefused, SetupError
from modelserving.models.store import mlflow_registry
from modelserving.models.store.mlflow_registry import MlflowRegistry
from modelserving.records import Golden, ModelDescriptor, ModelType
from tests.fakes import wine

MODEL = ModelDescriptor(
    "tree", "about it", "wine", ModelType.PMML, b"<tree/>", version="1.2", created_ms=1_700_000_000_000,
    golden=(Golden(wine(), 5.0),), tolerance=0.5,
    parameters=MappingProxyType({"depth": "5"}), metrics=MappingProxyType({"accuracy": 0.61}),
)  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "file"])
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The address of a registry in files, and the folder for its bytes: a database, as MLflow advises, or a folder."""
    folder = tmp_path_factory.mktemp("mlflow")
    if find_spec("mlflow") is None:
        pytest.skip("the extra mlflow is not installed")
    if request.param == "sqlite" and find_spec("alembic") is None:
        pytest.skip("MLflow's database needs alembic, which is not installed")
    return (f"sqlite:///{folder}/mlflow.db" if request.param == "sqlite" else (folder / "runs").as_uri()), folder


@pytest.fixture
def registry(location: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> MlflowRegistry:
    """That registry, opened; the one in a folder has to be allowed."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri, folder = location
    monkeypatch.chdir(folder)  # where MLflow leaves a store of its own when the tests below bypass ours
    return MlflowRegistry(uri, folder / "artifacts")


@pytest.mark.slow
def test_a_model_comes_back_as_it_was_written(registry: MlflowRegistry) -> None:
    """All that we know of it, bytes and golden records too; by number, by alias, and the newest."""
    better = replace(MODEL, data=b"<better/>", version="1.3", metrics=MappingProxyType({"accuracy": 0.7}))
    assert [registry.save(one, alias="champion").version for one in (MODEL, better)] == [1, 2]
    first, second = replace(MODEL, sha256=MODEL.digest), replace(better, sha256=better.digest)
    assert registry.load("tree", "1") == first
    assert registry.load("tree", "@champion") == registry.load("tree") == second
    assert [one.sha256 for one in registry.entries()] == [MODEL.digest, better.digest]


@pytest.mark.slow
def test_what_is_not_there_or_not_ours_is_told(registry: MlflowRegistry, location: tuple[str, Path]) -> None:
    """A name that nobody registered, a model that another program wrote, and bytes that were changed."""
    client = registry._client
    with pytest.raises(SetupError, match="nothing"):
        registry.load("nothing")
    client.create_registered_model("foreign")
    client.create_model_version("foreign", (location[1] / "elsewhere").as_uri())
    with pytest.raises(ModelFormatError, match=r"lacks the tags modelserving\.data_type"):
        registry.load("foreign")
    saved = registry.save(replace(MODEL, name="changed"))
    (Path(client.get_run(saved.run_id).info.artifact_uri.removeprefix("file://")) / "model").write_bytes(b"<other/>")
    with pytest.raises(ModelRefused, match="were changed"):
        registry.load("changed")


def test_without_the_extra_the_message_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is optional, and easy to bring."""
    monkeypatch.setattr(mlflow_registry, "find_spec", lambda _: None)
    with pytest.raises(SetupError, match=r"pip install 'modelserving\[mlflow\]'"):
        MlflowRegistry("sqlite:///nowhere.db")
