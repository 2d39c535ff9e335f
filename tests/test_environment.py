"""What stands beside the code says the same as the code: conda's environment, the hooks before a commit."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from modelserving.config import checkout

ROOT = checkout() or Path.cwd()
CONDA_ONLY = {"python", "openjdk", "pip"}
NAMED = {
    "jupyterlab",
    "kafka-python",
    "protobuf",
    "pypmml",
    "tensorflow",
    "ipywidgets",
    "matplotlib",
    "papermill",
    "nbval",
}
"""What this workbook was asked to use."""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """The project table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


@pytest.fixture(scope="module")
def conda() -> list[str]:
    """The lines of environment.yml that conda resolves."""
    return [line for line in environment()["dependencies"] if isinstance(line, str)]


@pytest.fixture(scope="module")
def pip() -> list[str]:
    """The lines of environment.yml that pip resolves."""
    (section,) = (line for line in environment()["dependencies"] if isinstance(line, dict))
    lines: list[str] = section["pip"]
    return lines


def environment() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    return parsed


def packages(lines: list[str]) -> dict[str, Requirement]:
    """Requirements by name, options and the project itself left out."""
    requirements = [Requirement(line) for line in lines if not line.startswith("-")]
    return {requirement.name.lower(): requirement for requirement in requirements}


def test_conda_gets_what_pyproject_wants(project: dict[str, Any], conda: list[str], pip: list[str]) -> None:
    """The same packages with the same bounds, extras and conditions: no more, no less."""
    wanted = packages([*project["dependencies"], *project["optional-dependencies"]["lab"]])
    given = packages([line for line in conda if re.split(r"[=<>]", line)[0] not in CONDA_ONLY] + pip)
    assert {name: str(requirement) for name, requirement in given.items()} == {
        name: str(requirement) for name, requirement in wanted.items()
    }


def test_the_packages_that_were_asked_for_are_there(conda: list[str], pip: list[str]) -> None:
    """By name, so that nobody removes one unseen."""
    names = {re.split(r"[=<>]", line)[0] for line in conda} | set(packages(pip))
    assert names >= NAMED
    assert "openjdk" in {re.split(r"[=<>]", line)[0] for line in conda}


def test_no_package_comes_twice(conda: list[str], pip: list[str]) -> None:
    """Conda and pip would overwrite each other's files."""
    both = [re.split(r"[=<>]", line)[0] for line in conda] + list(packages(pip))
    assert len(both) == len(set(both))


def test_python_is_one_that_pyproject_allows(project: dict[str, Any], conda: list[str]) -> None:
    """Its version is stated in both."""
    (version,) = (line.split("=")[1] for line in conda if line.startswith("python="))
    assert version in Requirement(f"python{project['requires-python']}").specifier


def test_the_package_itself_is_installed_and_brings_nothing_else(pip: list[str]) -> None:
    """`modelserving` is a command there too, and pip does not replace what conda brought."""
    assert pip[-1] == "--no-deps -e ."


def test_hooks_fetch_nothing_and_run_what_is_there() -> None:
    """Each hook is local and runs a tool of the project's own environment; all four checks are among them."""
    parsed = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in parsed["repos"]] == ["local"]
    hooks = {hook["id"]: hook for hook in parsed["repos"][0]["hooks"]}
    assert {hook["language"] for hook in hooks.values()} == {"system"}
    entries = [hook["entry"] for hook in hooks.values()]
    assert all(entry.startswith(".venv/bin/") for entry in entries)
    for check in ("ruff check", "ruff format --check", "mypy", "workshop.authoring.derive --check"):
        assert any(check in entry for entry in entries)


def test_no_hook_changes_a_file() -> None:
    """A commit is what its author looked at: the hooks check, `make format` mends."""
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert "--fix" not in text
    assert "ruff format --check" in text


@pytest.mark.xdist_group("one group")
def test_tests_of_one_group_run_in_one_process(request: pytest.FixtureRequest) -> None:
    """With `-n`, what costs much to make is made once: the name of the group travels in the test's."""
    if not hasattr(request.config, "workerinput"):
        pytest.skip("tests are not run side by side")
    assert request.node.nodeid.endswith("@one group")
