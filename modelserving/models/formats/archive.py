"""A folder as bytes and back: a zip archive that is the same for the same content, and unpacked with suspicion."""

from __future__ import annotations

import io
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from modelserving.errors import ModelFormatError, ModelRefused

MAX_BYTES = 64_000_000
MAX_FILES = 200
MAX_UNPACKED = 128_000_000
"""Bytes of all files together."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip archive can state
_CHUNK = 1 << 16
_ENTRY = b"PK\x01\x02"  # begins each file's entry in an archive's table of contents
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def pack(folder: Path) -> bytes:
    """The files below ``folder`` as a zip archive: sorted, without dates, so that equal folders give equal bytes.

    Raises:
        ModelFormatError: the folder is missing, empty, or cannot be read.
    """
    buffer = io.BytesIO()
    try:
        files = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, path in files:
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.external_attr = 0o644 << 16
                entry.create_system = 3  # "Unix", on every system
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise ModelFormatError(f"cannot read the model's folder {folder}: {error}.") from error
    if not files:
        raise ModelFormatError(f"{folder} is no folder with a model in it.")
    return buffer.getvalue()


@contextmanager
def unpacked(data: bytes) -> Iterator[Path]:
    """Unpack an archive into a folder that is deleted afterwards.

    Raises:
        ModelFormatError: it is no zip archive, or a damaged one.
        ModelRefused: it is too large, has too many files, links, or names that lead out of the folder.
    """
    if len(data) > MAX_BYTES:
        raise ModelRefused(f"the archive has {len(data):,} bytes; at most {MAX_BYTES:,} are read.")
    _check_entries(data)
    with tempfile.TemporaryDirectory(prefix="modelserving-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                _check(archive.infolist())
                _extract(archive, folder)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
            OSError,
        ) as error:
            raise ModelFormatError(
                f"{len(data):,} bytes that are no whole zip archive: {error}. Was it cut short?"
            ) from error
        yield folder


def _check_entries(data: bytes) -> None:
    """Refuse far too many files before the table of contents is read, all of which ``ZipFile`` keeps.

    The number that an archive states is only a claim. The marks of the entries are not; files may hold some by chance,
    or be archives themselves, hence the margin.
    """
    count = data.count(_ENTRY)
    if count > 10 * MAX_FILES:
        raise ModelRefused(
            f"the archive has {count:,} files, those of archives in it counted; at most {MAX_FILES} are allowed."
        )


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_FILES:
        raise ModelRefused(f"the archive has {len(entries):,} files; at most {MAX_FILES} are allowed.")
    for entry in entries:
        _check_name(entry.filename)
        mode = entry.external_attr >> 16
        if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise ModelRefused(f"the archive holds {entry.filename!r}, which is a link or a device, not a file.")
        if entry.flag_bits & 1 or entry.compress_type not in _METHODS:
            raise ModelRefused(f"the archive holds {entry.filename!r} encrypted, or packed in an unusual way.")
    if len({entry.filename.casefold() for entry in entries}) != len(entries):
        raise ModelRefused("the archive holds two files of one name.")
    _check_size(sum(entry.file_size for entry in entries))


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    inside = not path.is_absolute() and ".." not in path.parts and path.parts
    if not inside or "\\" in name or ":" in name or not name.isprintable():
        raise ModelRefused(f"the archive holds a file named {name!r}, which leads out of its folder.")


def _check_size(size: int) -> None:
    if size > MAX_UNPACKED:
        raise ModelRefused(f"the archive unpacks to {size:,} bytes and more; at most {MAX_UNPACKED:,} are allowed.")


def _extract(archive: zipfile.ZipFile, folder: Path) -> None:
    """Write the files, counting what really comes out: the sizes in the archive are only claims."""
    total = 0
    for entry in archive.infolist():
        target = folder / entry.filename
        if entry.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, target.open("wb") as sink:
            while chunk := source.read(_CHUNK):
                total += len(chunk)
                _check_size(total)
                sink.write(chunk)
