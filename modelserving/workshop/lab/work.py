"""The attendee's own copies of the notebooks, so that an update of the workbook never touches what somebody wrote."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from modelserving.config import checkout
from modelserving.errors import ConfigError
from modelserving.workshop.lab.glossary import GLOSSARY

__all__ = ["WorkFolder", "prepare_work_folder"]


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """Where an attendee works.

    Args:
        path: the folder.
        copied: notebooks that were put there just now.
        kept: notebooks that were there and differ from the workbook's: worked on, or older.
    """

    path: Path
    copied: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def first(self) -> Path:
        """The notebook to open: the first one."""
        return min(self.path.glob("[0-9][0-9]_*.ipynb"))


def prepare_work_folder(root: Path | None = None) -> WorkFolder:
    """Copy the notebooks that are not in ``work`` yet. Nothing that is there is ever written over.

    To get a fresh copy of one, rename or delete yours, and run this again.

    Args:
        root: the checkout; found by itself by default.

    Raises:
        ConfigError: there is no checkout, or no notebook in it.
    """
    root = root or checkout()
    originals = sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb")) if root else []
    if root is None or not originals:
        raise ConfigError("No notebooks found. Run this in a source checkout, where `make notebooks` writes them.")
    work = root / "work"
    work.mkdir(exist_ok=True)
    missing = [path for path in originals if not (work / path.name).exists()]
    for path in missing:
        shutil.copyfile(path, work / path.name)
    if (root / "notebooks" / "images").is_dir():  # nobody works on the pictures: these are always the newest
        shutil.copytree(root / "notebooks" / "images", work / "images", dirs_exist_ok=True)
    if (page := root / "notebooks" / GLOSSARY).is_file():
        shutil.copyfile(page, work / GLOSSARY)
    kept = [path.name for path in originals if path not in missing and _differs(path, work / path.name)]
    return WorkFolder(work, tuple(path.name for path in missing), tuple(kept))


def _differs(one: Path, other: Path) -> bool:
    return one.read_bytes() != other.read_bytes()
