"""The attendee's own copies of the notebooks, so that an update of the workbook never touches what somebody wrote."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from modelserving.config import checkout
from modelserving.errors import ConfigError
from modelserving.system import write_atomically
from modelserving.workshop.lab.glossary import GLOSSARY


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
        write_atomically(work / path.name, for_this_python(path))  # half of one would be left as it is for good
    if (root / "notebooks" / "images").is_dir():  # nobody works on the pictures: these are always the newest
        shutil.copytree(root / "notebooks" / "images", work / "images", dirs_exist_ok=True)
    if (page := root / "notebooks" / GLOSSARY).is_file():
        shutil.copyfile(page, work / GLOSSARY)
    kept = [path.name for path in originals if path not in missing and _differs(path, work / path.name)]
    return WorkFolder(work, tuple(path.name for path in missing), tuple(kept))


def for_this_python(notebook: Path) -> str:
    """A notebook as JupyterLab writes it once its kernel has told which Python it is.

    Without that, JupyterLab notes it on opening, and a notebook that nobody has touched is marked as not saved.
    """
    text = notebook.read_text(encoding="utf-8")
    try:
        found = json.loads(text)
        found["metadata"]["language_info"] = {
            "codemirror_mode": {"name": "ipython", "version": sys.version_info.major},
            "file_extension": ".py",
            "mimetype": "text/x-python",
            "name": "python",
            "nbconvert_exporter": "python",
            "pygments_lexer": f"ipython{sys.version_info.major}",
            "version": platform.python_version(),
        }
    except (ValueError, KeyError, TypeError):
        return text  # no notebook: JupyterLab will say so
    return json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _differs(original: Path, own: Path) -> bool:
    return for_this_python(original).encode() != own.read_bytes()
