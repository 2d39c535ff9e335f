"""What is said where Docker is not there, or does not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelserving.errors import SetupError
from modelserving.monitoring.dashboards import start_containers, stop_containers

DOCKER = """#!/bin/sh
echo "$@" >> "{log}"
case "$*" in {fails}) echo "first line" >&2; echo "{fails} is no good" >&2; exit 1;; esac
"""


def docker(folder: Path, fails: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a ``docker`` on the path that does nothing, and fails at one command; where it writes what it was told."""
    program, log = folder / "docker", folder / "log"
    program.write_text(DOCKER.format(log=log, fails=fails))
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return log


def test_without_docker_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same files serve those that are installed without it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"there is no `docker` .* `modelserving dashboards files FOLDER`"):
        start_containers(tmp_path)


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ("compose\\ version", "no `docker compose`"),
        ("info", "does not run, or not for you.*'info is no good'"),
        ("*up*", "`docker compose up` ended with status 1"),
    ],
)
def test_what_fails_is_named(fails: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the last line of what Docker says."""
    docker(tmp_path, fails, monkeypatch)
    with pytest.raises(SetupError, match=said):
        start_containers(tmp_path)


def test_it_is_started_and_stopped_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the file there."""
    log = docker(tmp_path, "nothing", monkeypatch)
    start_containers(tmp_path)
    stop_containers(tmp_path)
    told = [line for line in log.read_text().splitlines() if "--file" in line]
    file = tmp_path / "compose.yml"
    assert told == [f"compose --file {file} up --detach --remove-orphans", f"compose --file {file} down"]
