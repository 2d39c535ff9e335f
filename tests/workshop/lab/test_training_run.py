"""Java inside Python starts from what set-up's training run has left, and without it where that does not fit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelserving import jvm
from modelserving.startup_cache import RECORDS, StartupCache
from modelserving.workshop.lab import training_run

pytestmark = [
    pytest.mark.skipif(not RECORDS, reason="Java cannot write a cache on Windows"),
    pytest.mark.xdist_group("startup-cache"),
]

STARTS = """
import sys
from pathlib import Path
from modelserving import jvm
from modelserving.startup_cache import StartupCache
if len(sys.argv) > 1:
    jvm.startup_cache = lambda jars: StartupCache(Path(sys.argv[1]))
options = jvm.java_class("java.lang.management.ManagementFactory").getRuntimeMXBean().getInputArguments()
print([str(option) for option in options if "AOTCache" in str(option)])
"""


def start_java(*arguments: str, **environment: str) -> str:
    """What a process that starts Java prints: the cache that Java was given, and whatever Java has to say of it."""
    command, environ = [sys.executable, "-c", STARTS, *arguments], {**os.environ, **environment}
    told = subprocess.run(
        command, env=environ, check=True, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
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


@pytest.mark.parametrize("name", ["MODELSERVING_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS"])
def test_a_cache_of_the_users_own_goes_first(name: str) -> None:
    """With two, Java ends the process."""
    assert start_java(**{name: "-Xshare:auto"}).splitlines()[-1] == "[]"


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
    assert "No module named modelserving.nothing_of_the_kind" in said[-1]
    assert not cache.path.exists()


def test_what_cannot_be_kept_is_said_and_takes_nothing_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full or a read-only disk: the caches that were there stay."""
    before = tmp_path / "python-before.aot"
    before.write_bytes(b"of other jars")
    cache = StartupCache(tmp_path / "python-now.aot")
    cache.path.mkdir()  # nothing can be written there
    (tmp_path / "recording").write_bytes(b"whole")
    assert not cache.keep(tmp_path / "recording")
    assert [path.name for path in sorted(tmp_path.glob("python-*"))] == [before.name, cache.path.name]
    monkeypatch.setattr(jvm, "startup_cache", lambda: cache)
    monkeypatch.setattr(training_run, "_run", lambda _: None)  # Java ended well, and wrote nothing
    said: list[str] = []
    training_run.prepare(said.append)
    assert f"nothing could be kept at {cache.path}" in said[-1]


def test_its_key_knows_jars_and_options_and_where_java_takes_none(tmp_path: Path) -> None:
    """Java refuses a cache whose class path is not ASCII: it would be recorded again and again."""
    java, plain, foreign = tmp_path / "jdk" / "bin" / "java", tmp_path / "a.jar", tmp_path / "ä.jar"
    java.parent.mkdir(parents=True)
    (java.parent.parent / "release").touch()
    plain.touch()
    foreign.touch()
    first = StartupCache.of(tmp_path, java, [plain])
    assert first.is_missing
    assert first == StartupCache.of(tmp_path, java, [plain])
    assert first.path != StartupCache.of(tmp_path, java, [plain], options=["-Xss8m"]).path
    unusable = StartupCache.of(tmp_path, java, [plain, foreign])
    assert not unusable.is_missing
    assert unusable.flags(tmp_path / "recording") == []
    first.path.touch()
    assert not first.is_missing


def test_a_jar_that_cannot_be_looked_at_ends_no_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> StartupCache:
        raise OSError("a jar is gone")

    monkeypatch.setattr(jvm, "startup_cache", fails)
    said: list[str] = []
    training_run.prepare(said.append)
    assert said == ["Java in Python: nothing is prepared (a jar is gone)."]
