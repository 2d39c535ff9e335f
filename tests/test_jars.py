"""The Java libraries: locked, verified, fetched once, and never half."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from modelserving import jars
from modelserving.config import Settings
from modelserving.errors import SetupError

# jgo does not close the answer of a repository that lacks a file.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

SMALL = "slf4j-jdk14-1.7.36.jar"


def _names(paths: list[Path]) -> str:
    return " ".join(path.name for path in paths)


def _jar(name: str) -> jars.Jar:
    return next(jar for jar in jars.locked_jars() if jar.file_name == name)


def _repository(folder: Path, name: str) -> Path:
    """A Maven repository that has one of the jars."""
    jar = _jar(name)
    held = folder / jar.group.replace(".", "/") / jar.artifact / jar.version
    held.mkdir(parents=True)
    shutil.copyfile(jars.jars_folder() / name, held / name)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All jars but a small one, in a folder of this test's own."""
    target = tmp_path / "jars"
    target.mkdir()
    link = os.link if sys.platform == "win32" else os.symlink
    for path in jars.class_path("broker") + jars.class_path("kernel"):
        if path.name != SMALL and not (target / path.name).exists():
            link(path, target / path.name)
    return target


@pytest.fixture(autouse=True)
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collected: None) -> None:
    """A user without settings and without a Maven repository, whose network leads nowhere."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "user"))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "none"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A Maven repository on loopback, and the folder that it serves."""

    folder: Path
    url: str


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *said: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    """A mirror of everything, named in Maven's settings."""
    served = tmp_path / "mirror"
    served.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(served))) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        settings = tmp_path / "user" / ".m2" / "settings.xml"
        settings.parent.mkdir(parents=True)
        settings.write_text(
            '<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0"><mirrors><mirror><id>m</id>'
            f"<mirrorOf>*</mirrorOf><url>{url}/</url></mirror></mirrors></settings>"
        )
        yield Mirror(served, url)
        server.shutdown()


class TestLock:
    def test_lock_is_of_the_present_wishes(self) -> None:
        """Whoever changes ``jgo.toml`` must resolve it again."""
        from jgo.env import LockFile, compute_spec_hash

        lock = LockFile.load(jars.LOCK)
        assert lock.spec_hash == compute_spec_hash(jars.SPEC)
        assert len(lock.dependencies) == len(jars.locked_jars())

    def test_each_jar_has_digest_and_size(self) -> None:
        """A jar without a digest could be any file."""
        for jar in jars.locked_jars():
            assert re.fullmatch(r"[0-9a-f]{64}", jar.sha256), jar
            assert jar.size > 0

    def test_names_no_host(self) -> None:
        """Neither file says where jars come from: that is for each user's own settings."""
        for file in (jars.SPEC, jars.LOCK):
            assert "://" not in file.read_text(encoding="utf-8")
            assert "repositories" not in tomllib.loads(file.read_text(encoding="utf-8"))

    def test_one_version_of_kafka(self) -> None:
        """Resolution once slipped in clients of Kafka 3.9, which do not fit the rest."""
        versions = {jar.version for jar in jars.locked_jars() if jar.group == "org.apache.kafka"}
        assert versions == {"4.3.1"}

    def test_broken_lock_is_told(self, tmp_path: Path) -> None:
        """A lock that is cut off is an error with its name."""
        (tmp_path / "lock").write_text("[[dependencies]]\ngroupId = ")
        with pytest.raises(SetupError, match="is no lock of jars"):
            jars.locked_jars(tmp_path / "lock")


class TestClassPath:
    def test_one_logging_binding_each(self) -> None:
        """The broker logs through log4j, the kernel through java.util.logging; never both at once."""
        broker, kernel = _names(jars.class_path("broker")), _names(jars.class_path("kernel"))
        assert "log4j-slf4j-impl" in broker
        assert "slf4j-jdk14" not in broker
        assert "slf4j-jdk14" in kernel
        assert "log4j" not in kernel
        assert "kafka_2.13" in broker
        assert "kafka-streams-4" in kernel

    def test_missing_jar_is_named_with_the_command(self, tmp_path: Path) -> None:
        """What is missing is named, and so is the command that brings it."""
        with pytest.raises(SetupError, match=r"\.jar and \d+ more are missing .* `make setup`"):
            jars.class_path("broker", tmp_path)

    def test_jar_of_the_wrong_size_is_missing(self, folder: Path) -> None:
        """A jar that was cut off counts as none."""
        (folder / SMALL).write_bytes(b"PK")
        with pytest.raises(SetupError, match=SMALL):
            jars.class_path("kernel", folder)

    def test_private_home_uses_the_same_jars(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """``MODELSERVING_HOME`` moves data, not 120 MB of jars."""
        before = jars.jars_folder()
        monkeypatch.setenv("MODELSERVING_HOME", str(tmp_path))
        assert jars.jars_folder() == before

    def test_java_is_there(self) -> None:
        """Java comes with the Python packages."""
        assert os.access(jars.java(), os.X_OK)


class TestInstall:
    def test_second_run_takes_nothing(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """When all jars are there, nothing is fetched, and one line says so."""
        monkeypatch.setenv("M2_REPO", str(_repository(tmp_path / "m2", SMALL)))
        jars.install(lambda _: None, folder)
        monkeypatch.setenv("M2_REPO", str(tmp_path / "none"))
        said: list[str] = []
        jars.install(said.append, folder)
        assert said == [f"Java libraries: all {len(jars.locked_jars())} are there."]

    def test_jar_of_the_local_repository_is_copied(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A jar that Maven has already fetched is not fetched again, and Maven keeps its own."""
        monkeypatch.setenv("M2_REPO", str(_repository(tmp_path / "m2", SMALL)))
        said: list[str] = []
        jars.install(said.append, folder)
        assert said == ["Java libraries: 1 to get, 0 MB.", f"   1 of 1  {SMALL}"]
        assert SMALL in _names(jars.class_path("kernel", folder))
        assert next((tmp_path / "m2").rglob(SMALL)).exists()

    def test_damaged_jar_is_replaced(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A jar of the right size with other bytes is found out, and fetched again."""
        monkeypatch.setenv("M2_REPO", str(_repository(tmp_path / "m2", SMALL)))
        (folder / SMALL).write_bytes(bytes(_jar(SMALL).size))
        jars.install(lambda _: None, folder)
        assert (folder / SMALL).read_bytes() == (jars.jars_folder() / SMALL).read_bytes()

    def test_no_network_is_told(self, folder: Path) -> None:
        """Without a way to the repository the message says so, names the file and the way out, and leaves nothing."""
        before = sorted(folder.iterdir())
        with pytest.raises(SetupError, match=rf"cannot download {SMALL} .* no way through the network.*HTTPS_PROXY"):
            jars.install(lambda _: None, folder)
        assert sorted(folder.iterdir()) == before

    def test_mirror_of_mavens_settings_is_used(self, folder: Path, mirror: Mirror) -> None:
        """Who has to fetch through a mirror has it in Maven's settings; it is asked instead."""
        _repository(mirror.folder, SMALL)
        jars.install(lambda _: None, folder)
        assert SMALL in _names(jars.class_path("kernel", folder))

    def test_wrong_bytes_are_thrown_away(self, folder: Path, mirror: Mirror) -> None:
        """What does not have the locked digest never gets a jar's name."""
        _repository(mirror.folder, SMALL)
        next(mirror.folder.rglob(SMALL)).write_bytes(b"a page that asks you to log in")
        with pytest.raises(SetupError, match=rf"{SMALL} arrived with SHA-256 [0-9a-f]+, but [0-9a-f]+ is locked"):
            jars.install(lambda _: None, folder)
        assert not (folder / SMALL).exists()

    def test_repository_without_the_jar_is_told(self, folder: Path, mirror: Mirror) -> None:
        """A repository that does not have a jar is named, and so are the settings that name it."""
        with pytest.raises(SetupError, match=rf"{SMALL} is not in the Maven repositories {mirror.url}.*settings\.xml"):
            jars.install(lambda _: None, folder)

    def test_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        """A folder that cannot be made is an error that names it."""
        (tmp_path / "file").write_text("")
        with pytest.raises(SetupError, match=r"cannot write the Java libraries to .*file/jars"):
            jars.install(lambda _: None, tmp_path / "file" / "jars")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets not everybody make links")
def test_a_folder_that_a_link_leads_to_has_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Java's start-up cache fits the paths of the jars: by two names, each use would throw away the other's cache."""
    (tmp_path / "real" / "jars").mkdir(parents=True)
    (tmp_path / "home").symlink_to(tmp_path / "real", target_is_directory=True)
    monkeypatch.setattr(jars, "load_settings", lambda _: Settings(home=tmp_path / "home"))
    assert jars.jars_folder() == (tmp_path / "real" / "jars").resolve()
