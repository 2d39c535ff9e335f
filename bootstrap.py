"""Set up everything in this checkout, and nothing outside of it. Needs Python 3.11 and nothing else.

    python bootstrap.py          what the workbook needs
    python bootstrap.py dev      that, and what the tests and the build of the models need
    python bootstrap.py quix     Quix Streams, for the comparison in lesson 09, in an environment of its own
    python bootstrap.py jpmml    JPMML, which the answers to PMML are compared with, in an environment of its own

``make setup`` and ``make setup-dev`` call this. What is there already is left alone: a second run takes no time.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LOCKS = {name: ROOT / "requirements" / f"{name}.txt" for name in ("lab", "dev", "quix", "jpmml")}
APART = {
    "quix": ROOT / ".venv-quix",  # since Quix Streams wants an older pydantic
    "jpmml": ROOT / ".venv-jpmml",  # since JPMML is AGPL: a tool of the tests, and no part of the product
}
UV_LOCK = ROOT / "requirements" / "uv.txt"


def main() -> int:
    """Set up; the result is the exit status."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "lab"
    if wanted not in LOCKS:
        print(f"There is no set-up called {wanted!r}: say lab, dev, quix or jpmml.", file=sys.stderr)
        return 2
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"Python {found} runs this script; the workbook needs 3.11, 3.12 or 3.13.", file=sys.stderr)
        print("Name another one: make setup PYTHON=python3.11", file=sys.stderr)
        return 1
    try:
        set_up(wanted)
    except subprocess.CalledProcessError as error:
        print(f"\nSet-up stopped at: {' '.join(map(str, error.cmd))}", file=sys.stderr)
        print(
            "Read the lines above. If the network failed, run the same command again: what is done stays done.",
            file=sys.stderr,
        )
        return 1
    return 0


def set_up(wanted: str) -> None:
    """Bring the environment to the state that the locks describe."""
    make_venv()
    lock = LOCKS[wanted]
    if wanted in APART:
        set_up_apart(wanted, lock)
        return
    if not any(is_done(name, LOCKS[name]) for name in {wanted, "dev"}):
        say(f"2/3 Python packages, locked in {lock.relative_to(ROOT)} (the first time about 500 MB)")
        install(lock)
        mark_done(wanted, lock)
    run(PYTHON, "-m", "modelserving", "setup")


def set_up_apart(name: str, lock: Path) -> None:
    """Make an environment beside ``.venv``, or leave it as it is."""
    folder = APART[name]
    if folder.exists() and is_done(name, lock):
        return
    say(f"{name}, locked in {lock.relative_to(ROOT)}, in {folder.name}")
    run(PYTHON, "-m", "uv", "venv", "--quiet", "--clear", "--python", PYTHON, folder)
    run(PYTHON, "-m", "uv", "pip", "install", "--quiet", "--python", folder, "--require-hashes", "--requirement", lock)
    mark_done(name, lock)


def make_venv() -> None:
    """Create ``.venv`` with uv in it."""
    if PYTHON.exists() and is_done("uv", UV_LOCK):
        return
    say("1/3 a Python environment in .venv")
    try:
        venv.create(VENV, with_pip=True, clear=False, symlinks=os.name != "nt")
    except subprocess.CalledProcessError:
        print(
            "Python could not make an environment with pip. On Debian and Ubuntu: apt install python3.11-venv",
            file=sys.stderr,
        )
        raise
    run(PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", UV_LOCK)
    mark_done("uv", UV_LOCK)


def install(lock: Path) -> None:
    """Install what is locked, and the checkout itself, so that edits take effect."""
    uv = [PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON]
    run(*uv, "--require-hashes", "--compile-bytecode", "--requirement", lock)
    run(*uv, "--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT)


def is_done(name: str, lock: Path) -> bool:
    """Whether a lock was installed by this Python, and has not changed since."""
    stamp = VENV / f".{name}.done"
    return stamp.exists() and stamp.read_text(encoding="utf-8") == fingerprint(lock)


def mark_done(name: str, lock: Path) -> None:
    """Remember that a lock was installed."""
    (VENV / f".{name}.done").write_text(fingerprint(lock), encoding="utf-8")


def fingerprint(lock: Path) -> str:
    """What an installation depends on: the lock, this Python, and where the checkout is."""
    parts = lock.read_bytes(), sys.version.encode(), str(ROOT).encode(), (ROOT / "pyproject.toml").read_bytes()
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def run(*command: str | Path) -> None:
    """Run a command and show what it says."""
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)


def say(line: str) -> None:
    """Tell the user what is going on."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
