"""``python -m modelserving.workshop.slides.collect``: run the benchmarks, and keep what they print for the slides."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from modelserving.workshop.slides.build import source_folder

__all__ = ["BENCHMARKS", "collect"]

BENCHMARKS = ("stage", "kstreams")
"""Those whose figures stand on slides."""


def collect(folder: Path) -> dict[str, object]:
    """What each benchmark prints with ``--json``, by name.

    Args:
        folder: with the benchmarks.
    """
    results: dict[str, object] = {}
    for name in BENCHMARKS:
        command = [sys.executable, str(folder / f"{name}.py"), "--quick", "--json"]
        done = subprocess.run(command, cwd=folder.parent, stdout=subprocess.PIPE, text=True, check=True)
        results[name] = json.loads(done.stdout.splitlines()[-1])
    return results


if __name__ == "__main__":
    source = source_folder()
    text = json.dumps(collect(source.parent / "benchmarks"), indent=1)
    (source / "results.json").write_text(text + "\n", encoding="utf-8", newline="\n")
