"""``modelserving models pull | push``: to a real MLflow registry in a file, and back."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from modelserving.kafka import Connection, read_topic
from modelserving.records import Topics, decode_descriptor
from tests.commands.runs import Terminal
from tests.commands.test_models import Shell

needs_mlflow = pytest.mark.skipif(
    find_spec("mlflow") is None or find_spec("alembic") is None, reason="the extra mlflow is not installed"
)


@pytest.mark.broker
@pytest.mark.slow
@needs_mlflow
def test_a_model_goes_to_a_registry_and_comes_back_as_the_same_message(
    terminal: Terminal, connection: Connection, topics: Topics, tmp_path: Path
) -> None:
    """Bytes, golden records and quality; the model in use by default, by name, number or alias; bytes beside it."""
    shell = Shell(terminal, connection, topics, tmp_path)
    registry = "--registry", f"sqlite:///{tmp_path}/mlflow.db"
    shell("publish", shell.model("a", 4), "--metric", "accuracy=0.5", "--parameter", "depth=3")
    assert "is now mlflow:a/1." in shell("push", "wine", *registry, "--alias", "champion")
    assert "is now mlflow:best/1." in shell("push", "wine", "mlflow:best", *registry)
    assert (tmp_path / "artifacts" / "wine").is_dir()
    for address in ("mlflow:a", "mlflow:a/1", "mlflow:a@champion"):
        assert "for wine, to serve" in shell("pull", address, *registry)
    assert "as a shadow of 5 %" in shell("pull", "mlflow:best", "--shadow", 5, *registry)
    sent, *pulled, shadow = [decode_descriptor(message.value) for message in read_topic(connection, topics.models)]
    assert [(one.digest, one.name, one.metrics, one.parameters, one.golden) for one in pulled] == [
        (sent.digest, "a", sent.metrics, sent.parameters, sent.golden)
    ] * 3
    assert (shadow.name, shadow.digest, shadow.shadow_percent) == ("best", sent.digest, 5)
    assert "nothing" in shell.fails("pull", "mlflow:nothing", *registry)
    assert "no model was published for data type 'beer'" in shell.fails("push", "beer", *registry)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("pull", "models:/tree/1"), "'models:/tree/1' is no address in a registry. Write mlflow:NAME, mlflow:NAME/3"),
        (("pull", "mlflow:"), "names no model"),
        (("push", "wine", "mlflow:tree/3"), "MLflow numbers versions itself"),
        (("pull", "mlflow:tree"), "which MLflow registry? Say --registry"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_opened(
    terminal: Terminal, words: tuple[str, ...], reason: str
) -> None:
    """How an address is written, and how a registry is named."""
    result = terminal.run("models", *words, environ={"MLFLOW_TRACKING_URI": "", "MLFLOW_REGISTRY_URI": ""})
    assert result.status == 1
    assert reason in " ".join(result.err.split())
