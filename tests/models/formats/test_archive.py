"""Archives of folders: the same bytes for the same content, and unpacked with suspicion."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.formats import archive
from modelserving.models.formats.archive import pack, unpacked


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for name, content in entries:
            made.writestr(name, content)
    return buffer.getvalue()


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_folder_survives_the_way_there_and_back(tmp_path: Path) -> None:
    """All files come back, with their content, and the folder that they came back in is gone afterwards."""
    files = {"saved_model.pb": b"graph", "variables/variables.index": b"", "variables/v.data": bytes(range(256)) * 99}
    with unpacked(pack(fill(tmp_path, files))) as folder:
        assert {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        } == files
    assert not folder.exists()


def test_equal_folders_are_equal_bytes(tmp_path: Path) -> None:
    """Neither dates nor rights nor the order of writing show in the archive."""
    files = {"b": b"2", "a/c": b"1", "a/b": b"3"}
    first = fill(tmp_path / "first", files)
    second = fill(tmp_path / "second", dict(reversed(files.items())))
    os.utime(second / "b", (0, 0))
    (second / "b").chmod(0o600)
    assert pack(first) == pack(second)


def test_a_folder_without_files_is_no_model(tmp_path: Path) -> None:
    """An empty folder, or none, is told."""
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ModelFormatError, match="no folder with a model"):
            pack(folder)


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "C:/evil", "C:evil", "a\\..\\evil", "..", "a/\x07", "//host/share"]
)
def test_a_name_that_leads_out_is_refused(name: str, tmp_path: Path) -> None:
    """Whatever the system, no file is written outside of the folder."""
    entry = zipfile.ZipInfo("x")
    entry.filename = name
    with pytest.raises(ModelRefused, match="leads out"), unpacked(zipped((entry, b"x"))):
        pass


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(kind: int) -> None:
    """Only files and folders are unpacked."""
    entry = zipfile.ZipInfo("link")
    entry.create_system = 3
    entry.external_attr = (kind | 0o777) << 16
    with pytest.raises(ModelRefused, match="link or a device"), unpacked(zipped((entry, b"/etc/hostname"))):
        pass


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little that unpacks to much is refused, also when it states a smaller size than it has."""
    monkeypatch.setattr(archive, "MAX_UNPACKED", 1_000_000)
    bomb = zipped(("zeros", bytes(3_000_000)), method=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 10_000
    with pytest.raises(ModelRefused, match="unpacks to"), unpacked(bomb):
        pass
    stated = bomb.replace((3_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    with pytest.raises((ModelRefused, ModelFormatError)), unpacked(stated):
        pass


def test_too_many_files_are_refused() -> None:
    """An archive has a limited number of files."""
    with (
        pytest.raises(ModelRefused, match="at most"),
        unpacked(zipped(*((f"f{n}", b"") for n in range(archive.MAX_FILES + 1)))),
    ):
        pass


def test_far_too_many_files_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A huge table of contents is refused before it is read, also when the archive states that it is short."""
    many = bytearray(zipped(*((f"f{n}", b"") for n in range(10 * archive.MAX_FILES + 1))))
    many[-14:-10] = (1).to_bytes(2, "little") * 2  # how many files it has, stated twice

    def read(*_: object) -> None:
        raise AssertionError("the table of contents was read")

    monkeypatch.setattr(zipfile, "ZipFile", read)
    with pytest.raises(ModelRefused, match="has 2,001 files"), unpacked(bytes(many)):
        pass


def test_too_many_bytes_are_refused() -> None:
    """An archive has a limited size, and more is not even opened."""
    with pytest.raises(ModelRefused, match="at most"), unpacked(bytes(archive.MAX_BYTES + 1)):
        pass


def test_two_files_of_one_name_are_refused() -> None:
    """Names that differ by capitals only are one name on some systems."""
    with pytest.raises(ModelRefused, match="two files"), unpacked(zipped(("a", b"1"), ("A", b"2"))):
        pass


def test_unusual_packing_is_refused() -> None:
    """Ways of packing that can hide much are not unpacked."""
    with pytest.raises(ModelRefused, match="unusual"), unpacked(zipped(("a", bytes(99)), method=zipfile.ZIP_BZIP2)):
        pass


@given(st.data())
def test_a_damaged_archive_is_refused_or_whole(data: st.DataObject) -> None:
    """Bytes changed or cut anywhere give an error of ours, or the files as they were."""
    good = zipped(("saved_model.pb", b"graph" * 50), ("variables/index", b"index"), method=zipfile.ZIP_DEFLATED)
    cut = data.draw(st.integers(0, len(good)))
    index = data.draw(st.integers(0, len(good) - 1))
    changed = bytearray(good)
    changed[index] ^= data.draw(st.integers(1, 255))
    for broken in (good[:cut], bytes(changed)):
        try:
            with unpacked(broken) as folder:
                assert all(path.resolve().is_relative_to(folder) for path in folder.rglob("*"))
        except (ModelFormatError, ModelRefused):
            pass
