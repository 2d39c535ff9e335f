"""reveal.js, which shows the slides: fetched once by npm, as ``presentation/package-lock.json`` pins it by digest."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from modelserving.errors import SetupError

_PINS = ("package.json", "package-lock.json")
_SECONDS = 300


def bring_reveal(presentation: Path, cache: Path) -> Path:
    """Make sure that it is there.

    Args:
        presentation: the folder with the pins.
        cache: where it is kept; nothing is fetched when it is there in the pinned version.

    Returns:
        The folder with ``reveal.js`` in it.

    Raises:
        SetupError: npm is not installed, or cannot fetch it; says what to do.
    """
    dist = cache / "node_modules" / "reveal.js" / "dist"
    pins = [(presentation / name).read_bytes() for name in _PINS]
    if (dist / "reveal.js").is_file() and [_read(cache / name) for name in _PINS] == pins:
        return dist
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError("The slides need reveal.js, and npm to fetch it: install Node.js, then run this again.")
    cache.mkdir(parents=True, exist_ok=True)
    for name in _PINS:
        shutil.copyfile(presentation / name, cache / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=cache, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode or not (dist / "reveal.js").is_file():
        raise SetupError(f"npm could not fetch reveal.js: {(done.stderr or done.stdout).strip()[-400:]}")
    return dist


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
