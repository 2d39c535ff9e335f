"""What is on disk survives: kills, cuts, strangers, and programs of the future."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modelserving.actors import StateFolder
from modelserving.actors.state.persistence import SavedState, find_saved
from modelserving.actors.state.transfer import PackedModel
from modelserving.errors import FieldError, StateError
from modelserving.models.info import ModelInfo, Slots
from modelserving.records import ModelType
from modelserving.statistics import Statistics


def packed(name: str, data: bytes | None = None) -> PackedModel:
    """A model as data; no engine is needed for it."""
    body = data or f"the bytes of {name}".encode()
    statistics = Statistics()
    statistics.record(1_000, 7)
    digest = hashlib.sha256(body).hexdigest()
    who = ModelInfo(name, f"what {name} is about", "wine", ModelType.TENSORFLOW, "2", digest, {"inputs": "alcohol"})
    return PackedModel(who, body, statistics.encode())


STATE = SavedState("wine", 1_700_000_000_000, 3, Slots(packed("now"), packed("before"), packed("beside"), 12.5))


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    """A folder with a state in it."""
    made = StateFolder(tmp_path, "wine")
    made.save(STATE)
    return made


def asides(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if "set-aside" in path.name)


def test_what_is_saved_is_what_is_loaded(folder: StateFolder, tmp_path: Path) -> None:
    """Every slot, with name and description in theirs, and the statistics go on from where they were."""
    found = StateFolder(tmp_path, "wine").load()
    assert found == STATE
    assert found.slots.current is not None
    assert (found.slots.current.info.name, found.slots.current.info.description) == ("now", "what now is about")
    assert Statistics.decode(found.slots.current.statistics).snapshot().count == 7
    assert asides(tmp_path) == []


def test_a_model_is_written_once_and_deleted_when_it_falls_out(folder: StateFolder) -> None:
    """Saving statistics costs some hundred bytes, whatever the models weigh."""
    large = packed("large", b"x" * 5_000_000)
    folder.save(SavedState("wine", 1, 4, Slots(large, STATE.slots.current)))
    written = {file.name: file.stat().st_mtime_ns for file in folder.path.glob("*.model")}
    assert set(written) == {f"{m.info.digest}.model" for m in (large, STATE.slots.current) if m}
    folder.save(SavedState("wine", 1, 4, Slots(large, STATE.slots.current)))
    assert {file.name: file.stat().st_mtime_ns for file in folder.path.glob("*.model")} == written
    assert (folder.path / "state").stat().st_size < 3_000


def _spoil_state(change: Callable[[bytes], bytes]) -> Callable[[StateFolder], None]:
    def spoil(folder: StateFolder) -> None:
        file = folder.path / "state"
        file.write_bytes(change(file.read_bytes()))

    return spoil


SPOILED = {
    "torn": (_spoil_state(lambda data: data[: len(data) // 2]), "damaged"),
    "empty": (_spoil_state(lambda data: b""), "no state of an actor"),
    "one bit": (_spoil_state(lambda data: data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]), "damaged"),
    "foreign": (_spoil_state(lambda data: b"\x89PNG\r\n\x1a\n"), "no state of an actor"),
    "newer": (_spoil_state(lambda data: data.replace(b"version 1", b"version 2", 1)), "of version 2"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_what_cannot_be_used_is_set_aside_and_nothing_is_lost(
    what: str, folder: StateFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason and the new folder are said; all files are there; the next state is written as if nothing had been."""
    spoil, reason = SPOILED[what]
    spoil(folder)
    before = {file.name: file.read_bytes() for file in folder.path.iterdir()}
    with caplog.at_level(logging.WARNING):
        assert folder.load() is None
    assert reason in caplog.text
    (aside,) = asides(folder.path.parent)
    assert str(aside) in caplog.text
    assert {file.name: file.read_bytes() for file in aside.iterdir()} == before
    folder.save(STATE)
    assert folder.load() == STATE


WITHOUT = {
    "current": replace(STATE, slots=replace(STATE.slots, current=None)),
    "previous": replace(STATE, slots=replace(STATE.slots, previous=None)),
    "shadow": replace(STATE, slots=replace(STATE.slots, shadow=None, percent=0.0)),
}


@pytest.mark.parametrize("slot", WITHOUT)
@pytest.mark.parametrize("what", ["damaged", "gone"])
def test_a_model_that_cannot_be_read_costs_no_other_its_slot(
    what: str, slot: str, folder: StateFolder, caplog: pytest.LogCaptureFixture
) -> None:
    """Its slot is empty, and that is said once; its file, and what was said about it, are set aside."""
    model = getattr(STATE.slots, slot)
    file = folder.path / f"{model.info.digest}.model"
    file.write_bytes(b"something else") if what == "damaged" else file.unlink()
    before = (folder.path / "state").read_bytes()
    with caplog.at_level(logging.WARNING):
        assert folder.load() == WITHOUT[slot]
    assert model.info.digest[:12] in caplog.text
    caplog.clear()
    assert folder.load() == WITHOUT[slot]
    assert caplog.text == ""
    kept = {path.name: path.read_bytes() for path in asides(folder.path)}
    assert kept.pop("state.set-aside-1") == before
    assert list(kept.values()) == ([b"something else"] if what == "damaged" else [])
    folder.save(STATE)
    assert folder.load() == STATE
    assert asides(folder.path)


def test_a_folder_that_cannot_be_set_aside_does_not_keep_anybody_from_starting(
    folder: StateFolder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and left as it is: a disk that nobody can write to is no reason not to serve."""

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(f"{self} cannot become {target}")

    (folder.path / "state").write_bytes(b"?")
    monkeypatch.setattr(Path, "rename", refuse)
    with caplog.at_level(logging.WARNING):
        assert folder.load() is None
        assert find_saved(folder.path.parent) == ()
    assert "cannot be moved away" in caplog.text
    assert (folder.path / "state").read_bytes() == b"?"


def test_setting_aside_twice_overwrites_nothing(folder: StateFolder) -> None:
    """The second one gets another name."""
    for _ in range(2):
        (folder.path / "state").write_bytes(b"?")
        assert folder.load() is None
        folder.save(STATE)
    assert len(asides(folder.path.parent)) == 2


def test_every_cut_of_the_file_is_noticed(folder: StateFolder) -> None:
    """Wherever the power went out, half a state is not taken for a whole one."""
    whole = (folder.path / "state").read_bytes()
    for length in range(0, len(whole), 7):
        (folder.path / "state").write_bytes(whole[:length])
        assert folder.load() is None
        asides(folder.path.parent)[0].rename(folder.path)


def test_types_that_differ_in_case_or_are_hostile_do_not_meet(tmp_path: Path) -> None:
    """On some systems ``Wine`` and ``wine`` are one folder, and ``..`` is a way out."""
    paths = {StateFolder(tmp_path, name).path.name.lower() for name in ("wine", "Wine", "WINE")}
    assert len(paths) == 3
    with pytest.raises(FieldError):
        StateFolder(tmp_path, "../wine")


def test_all_that_is_saved_is_found_and_the_unusable_is_set_aside(folder: StateFolder, tmp_path: Path) -> None:
    """Also what was set aside before is not found again."""
    StateFolder(tmp_path, "white").save(SavedState("white"))
    broken = StateFolder(tmp_path, "beer")
    broken.save(SavedState("beer"))
    (broken.path / "state").write_bytes(b"foreign")
    assert find_saved(tmp_path) == ("white", "wine")
    assert find_saved(tmp_path) == ("white", "wine")
    assert len(asides(tmp_path)) == 1
    assert find_saved(tmp_path / "nowhere") == ()


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """With the path, and what to do."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StateError, match=r"wine.*cannot be written.*--state"):
        StateFolder(tmp_path / "file", "wine").save(STATE)


SAVING = """
import sys
from pathlib import Path
from modelserving.actors import StateFolder
from tests.actors.test_persistence import SavedState, Slots, packed
folder = StateFolder(Path(sys.argv[1]), "wine")
number = 0
while True:
    number += 1
    folder.save(SavedState("wine", number, number, Slots(packed(f"m{number}", b"x" * 200_000 + str(number).encode()))))
    print(number, flush=True)
"""


@pytest.mark.slow
def test_kill_9_in_the_middle_of_saving_leaves_a_whole_state(tmp_path: Path) -> None:
    """Six times, at six moments: what was saved last is there, or what was being saved, and it can be used."""
    for number in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", SAVING, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            for _ in range(3):
                child.stdout.readline()
            time.sleep(0.003 * number)  # another moment each time
            child.kill()
            lines = child.stdout.read().split()
        done = int(lines[-1]) if lines else 3
        found = StateFolder(tmp_path, "wine").load()
        assert found is not None
        assert done <= found.swaps <= done + 1
        assert asides(tmp_path) == []
