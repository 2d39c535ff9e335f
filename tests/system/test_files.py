"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from modelserving.system import write_atomically


@pytest.mark.parametrize("durable", [False, True])
def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path, durable: bool) -> None:
    """Text as UTF-8 with the line ends that it has, bytes as they are; folders are made, and no draft is left."""
    target = tmp_path / "a" / "b" / "name.json"
    write_atomically(target, "né\n", durable=durable)
    assert target.read_bytes() == "né\n".encode()
    write_atomically(target, b"\x00new", durable=durable)
    assert target.read_bytes() == b"\x00new"
    assert [file.name for file in target.parent.iterdir()] == ["name.json"]


def test_what_was_there_stays_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error on the way leaves the old file, and no draft."""
    target = tmp_path / "name"
    write_atomically(target, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(target, "new", durable=True)
    assert target.read_text(encoding="utf-8") == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["name"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_secret_is_readable_for_this_user_alone(tmp_path: Path) -> None:
    """From the first moment on: the draft has the mode already."""
    write_atomically(tmp_path / "token", "secret", mode=0o600)
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600
