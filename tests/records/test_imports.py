"""What records need to be imported."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = ("ptars", "fastavro", "kafka", "typer")


def test_wines_and_answers_are_read_where_no_codec_is_installed() -> None:
    """A program of another engine (``examples/quix``) has its own few libraries: records are imported with these."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({WITHOUT!r}))"
    asked = "from modelserving.records import decode_scored, decode_wine; print(decode_wine.__name__)"
    done = subprocess.run([sys.executable, "-c", f"{blocked}; {asked}"], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "decode_wine", done.stderr
