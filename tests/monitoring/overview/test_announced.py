"""Servers are found by the files that they keep while they run."""

from __future__ import annotations

import json
import os
from pathlib import Path

from modelserving.monitoring.overview import AnnouncedServer, announced, read_announced

HERE = AnnouncedServer("http://127.0.0.1:5500", "stage", "wine/../stage", os.getpid(), ("a", "b"), ("c",))


def test_a_server_is_found_while_it_runs(tmp_path: Path) -> None:
    """Whatever its group is called; and no longer."""
    with announced(tmp_path / "servers", HERE):
        assert read_announced(tmp_path / "servers") == [HERE]
        assert HERE.running
    assert read_announced(tmp_path / "servers") == []
    assert [path.name for path in tmp_path.iterdir()] == ["servers"]


def test_the_file_is_one_of_prometheus(tmp_path: Path) -> None:
    """Targets and labels, all of them texts."""
    with announced(tmp_path, HERE):
        (path,) = tmp_path.glob("*.json")
        (entry,) = json.loads(path.read_text())
    assert entry["targets"] == ["127.0.0.1:5500"]
    assert all(isinstance(value, str) for value in entry["labels"].values())


def test_who_was_killed_is_forgotten_when_the_next_one_starts(tmp_path: Path) -> None:
    """Its file names a process that is gone; what is none of ours is left alone."""
    gone = {"targets": ["127.0.0.1:5501"], "labels": {"kind": "stage", "group": "g", "__meta_pid": "4194303"}}
    (tmp_path / "gone.json").write_text(json.dumps([gone]))
    (tmp_path / "others.json").write_text('{"not": "ours"}')
    assert [server.running for server in read_announced(tmp_path)] == [False]
    with announced(tmp_path, HERE):
        assert read_announced(tmp_path) == [HERE]
    assert (tmp_path / "others.json").exists()


def test_where_nothing_can_be_written_it_serves_all_the_same(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "servers").write_text("")
    with announced(tmp_path / "servers", HERE):
        assert read_announced(tmp_path / "servers") == []
