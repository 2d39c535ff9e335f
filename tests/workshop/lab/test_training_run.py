"""Java inside Python starts from what set-up's training run has left, and without it where that does not fit."""

import subprocess
import sys
from pathlib import Path

import pytest

from modelserving import jvm
from modelserving.startup_cache import RECORDS, StartupCache
from modelserving.workshop.lab import training_run

pytestmark = pytest.mark.skipif(not RECORDS, reason="Java cannot write a cache on Windows")

STARTS = """
import sys
from pathlib import Path
from modelserving import jvm
from modelserving.startup_cache import StartupCache
if len(sys.argv) > 1:
    jvm.startup_cache = lambda: StartupCache(Path(sys.argv[1]))
options = jvm.java_class("java.lang.management.ManagementFactory").getRuntimeMXBean().getInputArguments()
print([str(option) for option in options if "AOTCache" in str(option)])
"""


def start_java(*arguments: str) -> str:
    """What a process that starts Java prints: the cache that Java was given, and whatever Java has to say of it."""
    command = [sys.executable, "-c", STARTS, *arguments]
    told = subprocess.run(command, check=True, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return told.stdout.strip()


def test_java_starts_from_it() -> None:
    """Set-up has left a cache, and each process of Python that starts Java uses it, without a word."""
    training_run.prepare(lambda _: None)
    cache = jvm.startup_cache().path
    assert cache.is_file()
    assert start_java() == f"['-XX:AOTCache={cache}']"


def test_prepared_once() -> None:
    """Where there is a cache that fits, nothing is started."""
    training_run.prepare(lambda _: None)
    said: list[str] = []
    training_run.prepare(said.append)
    assert said == ["Java in Python: nothing to prepare."]


@pytest.mark.parametrize("content", [b"", b"garbage" * 100_000], ids=["empty", "garbage"])
def test_a_torn_cache_costs_time_and_no_word(tmp_path: Path, content: bytes) -> None:
    """Java starts as it would without."""
    torn = tmp_path / "python-torn.aot"
    torn.write_bytes(content)
    assert start_java(str(torn)) == f"['-XX:AOTCache={torn}']"


def test_a_run_that_fails_ends_no_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set-up says so and goes on; there is no cache, and servers start as ever."""
    cache = StartupCache(tmp_path / "python-none.aot")
    monkeypatch.setattr(jvm, "startup_cache", lambda: cache)
    monkeypatch.setattr(training_run, "__name__", "modelserving.nothing_of_the_kind")
    said: list[str] = []
    training_run.prepare(said.append)
    assert "did not work" in said[-1]
    assert not cache.path.exists()
