"""The actor server on Ray: processes of its own, which die, come back, and stay on this machine."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from modelserving.actors.runtime.ray import RayRuntime
from modelserving.broker import EmbeddedKafka
from modelserving.errors import SetupError
from modelserving.kafka import Connection
from modelserving.records import Topics
from modelserving.workshop.processes.process import ServerProcess
from tests.contract.servers import Pipeline, constant_model, published
from tests.waiting import wait_until


def test_without_ray_the_message_names_the_part_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install, and what else to do."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SetupError, match=r"pip install 'modelserving\[ray\]'.*--runtime ray"):
        RayRuntime()


def listening(family: list[psutil.Process]) -> set[str]:
    """The addresses at which processes listen."""
    found = set()
    for process in family:
        try:
            connections = process.net_connections()
        except psutil.Error:
            continue
        found |= {one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN}
    return found


def processes_of_actors(server: ServerProcess) -> list[psutil.Process]:
    """The manager's, and one for each data type."""
    family = psutil.Process(server.pid).children(recursive=True)
    return [process for process in family if "_Process" in process.name()]


def scored(server: ServerProcess, count: int) -> Callable[[], bool]:
    return lambda: int(str(server.get("/state")["scored"])) >= count


@pytest.mark.ray
@pytest.mark.broker
@pytest.mark.slow
def test_all_processes_of_actors_are_killed_and_return_with_their_models(
    kafka: EmbeddedKafka, connection: Connection, topics: Topics, tmp_path: Path
) -> None:
    """``kill -9``, all at once: each record has one result. Nothing listens beyond loopback, nothing is left behind."""
    pytest.importorskip("ray", reason="the optional part 'ray' is not installed")
    environ = {"KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers, "MODELSERVING_HOME": str(kafka.home)}
    pipeline = Pipeline("actor", connection, topics, environ)
    pipeline.send_model(*published(constant_model(5.0, "five")))
    pipeline.send_model(*published(constant_model(8.0, "eight", "white")), key=b"white")
    with pipeline.serve("--runtime", "ray", "--state", str(tmp_path)) as server:
        family = psutil.Process(server.pid).children(recursive=True)
        assert listening(family) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
        assert server.get("/models") == {"models": ["white", "wine"]}
        pipeline.send_wines(20)
        pipeline.send_wines(20, "white")
        wait_until(scored(server, 40), "forty answers")
        actors = processes_of_actors(server)
        assert len(actors) == 3
        for process in actors:
            process.kill()
        pipeline.send_wines(20)
        pipeline.send_wines(20, "white")
        wait_until(scored(server, 80), "forty more")
        assert (server.get("/state/wine")["name"], server.get("/state/white")["name"]) == ("five", "eight")
        assert any("restarts" in str(line) for line in server.get("/healthz")["details"])  # type: ignore[attr-defined]
        server.stop()
        assert server.returncode == 0, server.log()
        assert psutil.wait_procs(family, timeout=20)[1] == []
    found = pipeline.scored()
    assert Counter(answer.offset for answer in found) == dict.fromkeys(range(80), 1)
    assert Counter((answer.data_type, answer.prediction) for answer in found) == {("wine", 5.0): 40, ("white", 8.0): 40}
