"""Grafana, Prometheus and InfluxDB in containers, started from the folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from modelserving.errors import SetupError

_ASK_S = 20
_START_S = 1_800
_INSTEAD = (
    "Without Docker: `modelserving dashboards files FOLDER` writes the same files for a Grafana, a Prometheus and an "
    "InfluxDB that are installed (Debian: prometheus, influxdb), and says where each belongs."
)


def start_containers(folder: Path) -> None:
    """Start them, and return when they run; the first time, their images are fetched.

    Args:
        folder: with the files.

    Raises:
        SetupError: there is no Docker, it does not run, or it could not start one of them.
    """
    _compose(folder, "up", "--detach", "--remove-orphans")


def stop_containers(folder: Path) -> None:
    """Stop them, and keep what they have stored.

    Raises:
        SetupError: as for ``start_containers``.
    """
    _compose(folder, "down")


def _compose(folder: Path, *command: str) -> None:
    docker = shutil.which("docker")
    if docker is None:
        raise SetupError(f"there is no `docker` on this machine. {_INSTEAD}")
    _ask([docker, "compose", "version"], "this Docker has no `docker compose`; install its plug-in")
    _ask([docker, "info"], "Docker is installed, but does not run, or not for you; start it")
    done = subprocess.run(
        [docker, "compose", "--file", str(folder / "compose.yml"), *command], check=False, timeout=_START_S
    )
    if done.returncode:
        raise SetupError(f"`docker compose {command[0]}` ended with status {done.returncode}; see above. {_INSTEAD}")


def _ask(question: list[str], otherwise: str) -> None:
    try:
        asked = subprocess.run(question, capture_output=True, text=True, check=False, timeout=_ASK_S)
    except subprocess.TimeoutExpired:
        raise SetupError(f"`{' '.join(question[1:])}` does not answer within {_ASK_S} s. {_INSTEAD}") from None
    if asked.returncode:
        raise SetupError(f"{otherwise}. It says: {_last(asked.stderr)!r}. {_INSTEAD}")


def _last(said: str) -> str:
    return (said.strip().splitlines() or ["nothing"])[-1][:300]
