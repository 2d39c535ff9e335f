"""Set up everything in this checkout, and nothing outside of it. Needs Python 3.11 and nothing else.

    python bootstrap.py          what the workbook needs
    python bootstrap.py dev      that, and what the tests and the build of the models need
    python bootstrap.py quix     Quix Streams, for the comparison in lesson 09, in an environment of its own
    python bootstrap.py jpmml    JPMML, which the answers to PMML are compared with, in an environment of its own
    python bootstrap.py mlserver MLServer, which a remote model is asked at in a test, in an environment of its own

``make setup`` and ``make setup-dev`` call this. What is there already is left alone: a second run takes no time. Each
step is a line that counts its seconds; what the tools say is in ``.venv/setup.log``, and its end is shown if one fails.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LOCKS = {name: ROOT / "requirements" / f"{name}.txt" for name in ("lab", "dev", "quix", "jpmml", "mlserver")}
APART = {
    "quix": ROOT / ".venv-quix",  # since Quix Streams wants an older pydantic
    "jpmml": ROOT / ".venv-jpmml",  # since JPMML is AGPL: a tool of the tests, and no part of the product
    "mlserver": ROOT / ".venv-mlserver",  # since it brings seventy packages that only one test needs
}
UV_LOCK = ROOT / "requirements" / "uv.txt"
LOG = VENV / "setup.log"
TOLD = 15  # lines of the log that are shown when a step fails


def main() -> int:
    """Set up; the result is the exit status."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "lab"
    if wanted not in LOCKS:
        print(f"There is no set-up called {wanted!r}: say lab, dev, quix, jpmml or mlserver.", file=sys.stderr)
        return 2
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"Python {found} runs this script; the workbook needs 3.11, 3.12 or 3.13.", file=sys.stderr)
        print("Name another one: make setup PYTHON=python3.11", file=sys.stderr)
        return 1
    try:
        set_up(wanted)
    except subprocess.CalledProcessError as error:
        print("\n" + end_of_log(), file=sys.stderr)
        print(f"\nSet-up stopped at: {' '.join(map(str, error.cmd))}", file=sys.stderr)
        print(
            f"Read the lines above; all are in {LOG.relative_to(ROOT)}. If the network failed, run the same command "
            "again: what is done stays done.",
            file=sys.stderr,
        )
        return 1
    return 0


def set_up(wanted: str) -> None:
    """Bring the environment to the state that the locks describe."""
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_bytes(b"")
    make_venv()
    lock = LOCKS[wanted]
    if wanted in APART:
        set_up_apart(wanted, lock)
        return
    if not any(is_done(name, LOCKS[name]) for name in {wanted, "dev"}):
        install(lock)
        mark_done(wanted, lock)
    run("3/3 Java and Kafka", PYTHON, "-m", "modelserving", "setup")


def set_up_apart(name: str, lock: Path) -> None:
    """Make an environment beside ``.venv``, or leave it as it is."""
    folder = APART[name]
    if folder.exists() and is_done(name, lock):
        return
    uv: list[str | Path] = [PYTHON, "-m", "uv"]
    run(f"1/2 an environment in {folder.name}", *uv, "venv", "--quiet", "--clear", "--python", PYTHON, folder)
    install: list[str | Path] = ["pip", "install", "--quiet", "--python", folder]
    install += ["--require-hashes", "--requirement", lock]
    run(f"2/2 {name}, locked in {lock.relative_to(ROOT)}", *uv, *install)
    mark_done(name, lock)


def make_venv() -> None:
    """Create ``.venv`` with uv in it."""
    if PYTHON.exists() and is_done("uv", UV_LOCK):
        return
    try:
        venv.create(VENV, with_pip=True, clear=False, symlinks=os.name != "nt")
    except subprocess.CalledProcessError:
        print(
            "Python could not make an environment with pip. On Debian and Ubuntu: apt install python3.11-venv",
            file=sys.stderr,
        )
        raise
    pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "--quiet"]
    run("1/3 a Python environment in .venv", *pip, "--require-hashes", "--requirement", UV_LOCK)
    mark_done("uv", UV_LOCK)


def install(lock: Path) -> None:
    """Install what is locked, and the checkout itself, so that edits take effect."""
    uv: list[str | Path] = [PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON]
    what = f"2/3 Python packages, locked in {lock.relative_to(ROOT)} (the first time about 500 MB)"
    run(what, *uv, "--require-hashes", "--compile-bytecode", "--requirement", lock)
    run("    modelserving itself", *uv, "--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT)


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


def run(step: str, *command: str | Path) -> None:
    """Run a command. Its step is a line that counts the seconds; what it says goes to the log."""
    words = [str(part) for part in command]
    began = time.monotonic()
    with LOG.open("ab") as log:
        log.write(f"\n$ {' '.join(words)}\n".encode())
        log.flush()
        process = subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                count(step, began)
                time.sleep(0.2)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    again = "\r" if sys.stdout.isatty() else ""
    print(f"{again}{step}: done in {time.monotonic() - began:.0f} s", flush=True)


def count(step: str, began: float) -> None:
    """Say how long a step takes so far, on one line; where nobody watches, nothing."""
    if sys.stdout.isatty():
        print(f"\r{step} … {time.monotonic() - began:.0f} s", end="", flush=True)


def end_of_log() -> str:
    """The last lines that a tool has said."""
    return "\n".join(LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-TOLD:])


if __name__ == "__main__":
    sys.exit(main())
