"""The doctor: what is well is ok, and what is not gets its exact fix."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from modelserving import jars
from modelserving.broker import EmbeddedKafka
from modelserving.config import Settings
from modelserving.errors import SetupError
from modelserving.system import ports
from modelserving.widgets.colours import SERIES, in_ink
from modelserving.workshop.lab import doctor
from modelserving.workshop.lab.doctor import CHECKS, Finding, Report, examine, run_doctor


class Usage(NamedTuple):
    """What the system says about disk or memory."""

    free: int
    available: int


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.mark.broker
def test_this_machine_is_ready(tmp_path: Path) -> None:
    """After set-up, every check is ok; and the broker that was started for it is gone again."""
    report = examine(Settings(home=tmp_path))
    assert report.problems == ()
    assert len(report.findings) == len(CHECKS)
    assert "embedded broker answers" in report.findings[-1].detail


@pytest.mark.broker
def test_a_broker_that_runs_is_used(tmp_path: Path) -> None:
    """The doctor does not disturb a workshop under way."""
    with EmbeddedKafka(home=tmp_path, port=0) as kafka:
        found = doctor.check_broker(Settings(home=tmp_path))
        assert found.ok
        assert kafka.bootstrap_servers in found.detail


def test_findings_are_told_as_they_come_and_the_status_says_how_it_went(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line for what is well, a second one with the fix for what is not, a verdict at the end, and exit status 1."""
    monkeypatch.setattr(
        doctor, "CHECKS", (lambda _: Finding("air", "there"), lambda _: Finding("wine", "none", "Buy some."))
    )
    said: list[str] = []
    assert run_doctor(said.append, settings) == 1
    assert said == [
        "ok       air: there",
        "problem  wine: none\n         fix: Buy some.",
        "1 of 2 checks found a problem. Do what its fix says, then run this again.",
    ]


def test_all_well_is_status_nought(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script can ask the doctor."""
    monkeypatch.setattr(doctor, "CHECKS", (lambda _: Finding("air", "there"),))
    assert run_doctor(lambda line: None, settings) == 0


def test_a_report_reads_as_a_table() -> None:
    """In a notebook, each problem stands beside its fix, and the word PROBLEM does not depend on colour."""
    shown = Report((Finding("a", "b"), Finding("c", "d", "Do e.")))._repr_html_()
    assert "PROBLEM" in shown
    assert "Do e." in shown
    assert f'{in_ink(SERIES[2])}">✓ ok' in shown


def test_an_old_python_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fix names the versions that do."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    assert "Install Python 3.11" in doctor.check_python(settings).fix


def test_a_system_python_is_no_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages of other projects would get in the way."""
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert "make setup" in doctor.check_environment(settings).fix


def test_a_package_that_differs_from_the_lock_is_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing ones and other versions alike; packages for other systems are not missed."""
    locked = 'psutil==0.0.1 \\\n    --hash=sha256:00\nno-such-package==1.0\nwin-only==1 ; sys_platform == "never"\n'
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "lab.txt").write_text(f"# a comment\n{locked}    # via x==2\n")
    monkeypatch.setattr(doctor, "checkout", lambda: tmp_path)
    found = doctor.check_packages(settings)
    assert found.detail == f"psutil {psutil.__version__} instead of 0.0.1; no-such-package missing instead of 1.0"
    assert "make setup" in found.fix


def test_missing_jars_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one and how to get them."""

    def missing(use: str) -> list[Path]:
        raise SetupError(f"the Java library {use}.jar is missing")

    monkeypatch.setattr(jars, "class_path", missing)
    found = doctor.check_jars(settings)
    assert "broker.jar is missing" in found.detail
    assert "make setup" in found.fix


def test_java_that_cannot_be_run_is_a_problem(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is run, and not only looked for."""
    monkeypatch.setattr(jars, "java", lambda: tmp_path)
    assert "cannot be run" in doctor.check_java(settings).detail


def test_a_folder_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    """Here a file stands in its place."""
    (tmp_path / "file").touch()
    found = doctor.check_home(Settings(home=tmp_path / "file" / "home"))
    assert "cannot be written" in found.detail
    assert "MODELSERVING_HOME" in found.fix


def test_a_full_disk_and_little_memory_are_problems(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with how much is enough."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Usage(0, 10**9))
    assert "2 GB is enough" in doctor.check_home(settings).fix
    assert "1.5 GB free is enough" in doctor.check_memory(settings).fix


def test_a_port_in_use_is_no_problem(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything steps aside from it; the doctor says so and is content."""
    monkeypatch.setattr(ports, "is_free", lambda port: port != 5500)
    found = doctor.check_ports(settings)
    assert found.ok
    assert "in use: 5500 (of model servers)" in found.detail


def test_no_ports_at_all_are_a_problem(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some security programs forbid local connections."""

    def refuse() -> int:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(ports, "free_port", refuse)
    assert "firewall" in doctor.check_ports(settings).fix


def test_a_broker_that_cannot_start_is_a_problem_with_its_own_words(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker's message says why; the doctor passes it on."""
    import modelserving.broker

    @contextmanager
    def refuse(_: Settings) -> Iterator[Any]:
        if tmp_path.exists():
            raise SetupError("no jars")
        yield

    monkeypatch.setattr(modelserving.broker, "use_broker", refuse)
    found = doctor.check_broker(settings)
    assert (found.ok, found.detail) == (False, "no jars")
