"""A real MLServer is asked for a scikit-learn model's answers; skipped where it is not installed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest

from modelserving.config import checkout
from modelserving.models.formats.remote.model import RemoteModel
from modelserving.system.ports import free_port
from tests.waiting import wait_until

BIN = (checkout() or Path.cwd()) / ".venv-mlserver" / "bin"
SECONDS = 90

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where MLServer listens, with a model ``sum``."""
    if not BIN.exists():
        pytest.skip("MLServer is not installed (make setup-mlserver)")
    folder = tmp_path_factory.mktemp("mlserver")
    subprocess.run(
        [BIN / "python", Path(__file__).with_name("mlserver_models.py"), folder], check=True, timeout=SECONDS
    )
    port = free_port()
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_endpoint": None}
    (folder / "settings.json").write_text(json.dumps({**settings, "parallel_workers": 0}), encoding="utf-8")
    found = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([BIN / "mlserver", "start", "."], cwd=folder, stdout=log, stderr=log)
    try:
        wait_until(lambda: is_ready(found) or server.poll() is not None, "MLServer", seconds=SECONDS)
        assert server.poll() is None, (folder / "log").read_text()
        yield found
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def is_ready(url: str) -> bool:
    """Whether its model can be asked."""
    try:
        return httpx.get(f"{url}/v2/models/sum/ready", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def remote(url: str, **more: object) -> RemoteModel:
    described = {"remote": url, "model": "sum", "columns": ["a", "b"], "tensor": "x", **more}
    return RemoteModel(json.dumps(described).encode())


@pytest.mark.parametrize("more", [{}, {"version": "v1"}, {"output": "predict"}, {"batch": 7}], ids=str)
def test_its_answers_are_the_models(url: str, more: dict[str, object]) -> None:
    """For each record, in their order, however many are asked for at once."""
    rows = np.arange(40.0).reshape(2, 20)
    model = remote(url, **more)
    scores = model.score(pa.RecordBatch.from_pydict({"a": rows[0], "b": rows[1]}))
    model.close()
    assert not scores.problems
    np.testing.assert_allclose(scores.values, rows.sum(axis=0), atol=1e-9)


@pytest.mark.parametrize("more", [{"model": "none"}, {"version": "v2"}, {"columns": ["a"]}], ids=str)
def test_what_it_refuses_is_said_in_its_words(url: str, more: dict[str, object]) -> None:
    """A model or a version that it does not have, a matrix that does not fit: nothing is guessed."""
    model = remote(url, **more)
    scores = model.score(pa.RecordBatch.from_pydict({"a": [1.0, 2.0], "b": [3.0, 4.0]}))
    model.close()
    assert scores.problems.keys() == {0, 1}
    assert all("refuses" in problem for problem in scores.problems.values())
