"""The package works from a wheel, in an environment and a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from modelserving.config import checkout
from modelserving.jars import jars_folder

pytestmark = [pytest.mark.slow, pytest.mark.broker]

Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs the installed command far from the checkout.

    What it depends on is borrowed from this environment, where it is byte for byte what pip would bring; the jars, too,
    from the checkout. The package itself comes from the wheel alone.
    """
    root = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(root)]
    subprocess.run(build, cwd=checkout(), check=True, capture_output=True)
    [wheel] = root.glob("*.whl")
    venv.create(root / "env", with_pip=False)
    scripts = root / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = next(scripts.glob("python.exe" if os.name == "nt" else "python"))
    site = Path(sysconfig.get_path("purelib", vars={"base": str(root / "env"), "platbase": str(root / "env")}))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    install = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--offline",
        "--python",
        str(python),
    ]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    home, folder = root / "home", root / "folder"
    (home / ".modelserving").mkdir(parents=True)
    (home / ".modelserving" / "jars").symlink_to(jars_folder(), target_is_directory=True)
    folder.mkdir()
    environ = {**os.environ, "HOME": str(home), "USERPROFILE": str(home), "NO_COLOR": "1"}
    for name in ("PYTHONPATH", "MODELSERVING_HOME", "VIRTUAL_ENV"):
        environ.pop(name, None)

    def run(*words: object) -> str:
        command = [str(python), "-m", "modelserving", *map(str, words)]
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = [str(python), "-c", "import modelserving; print(modelserving.__file__)"]
    found = subprocess.run(where, cwd=folder, env=environ, capture_output=True, text=True, check=True).stdout
    assert Path(found.strip()).is_relative_to(root)
    return run


def test_commands_and_models_are_there(run: Run) -> None:
    """Help, and a model of the workbook by its name on records of the workbook."""
    assert "Usage: modelserving" in run("--help")
    data = run("data", "where").strip()
    assert run("score", "hire-rider-logistic", Path(data) / "hires.csv", "--every", 500).startswith("0,member")
    assert "records on hire-records" in run("new", "hire")


def test_the_demo_runs(run: Run) -> None:
    """Broker, client and server, with what the wheel brought."""
    summary = json.loads(run("demo", "--max-records", 50, "--records-every", 5, "--json").splitlines()[-1])
    assert summary["sent"] == 50
    assert summary["scored"] + summary["skipped"] == 50
