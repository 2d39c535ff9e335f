"""Source code as a lesson's subject: shown as it stands in the package, so that it cannot differ from what runs."""

from __future__ import annotations

import inspect
import os
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from modelserving.config import checkout
from modelserving.errors import ConfigError
from modelserving.workshop.display.boxes import highlight

_LANGUAGES = {".py": "python", ".proto": "protobuf", ".json": "json", ".toml": "toml", ".xml": "xml", ".pmml": "xml"}


@dataclass(frozen=True, slots=True)
class ShownSource:
    """A piece of a file.

    Args:
        path: the file.
        text: the piece.
        first_line: number of its first line, from 1.
    """

    path: Path
    text: str
    first_line: int

    def _repr_html_(self) -> str:
        language = _LANGUAGES.get(self.path.suffix, "text")
        href = _from_here(self.path)
        name = f'<a href="{href}">{_short(self.path)}</a>' if href else _short(self.path)
        last = self.first_line + self.text.rstrip().count("\n")
        head = f"<div><strong>{name}</strong>, lines {self.first_line} to {last}</div>"
        return head + highlight(self.text, language, self.first_line)

    def __repr__(self) -> str:
        return f"# {_short(self.path)}, line {self.first_line}\n{self.text}"


def show(thing: Any) -> ShownSource:
    """Show the source of a function, a class, a module or a file.

    Args:
        thing: a function, class, method or module; or the path of a text file, in the checkout where it is relative.

    Raises:
        ConfigError: there is no source to show.
    """
    if isinstance(thing, (str, Path)):
        return _file(Path(thing))
    try:
        path = Path(inspect.getsourcefile(thing) or "")
        text, first = (path.read_text(encoding="utf-8"), 1) if isinstance(thing, ModuleType) else _piece(thing)
    except (OSError, TypeError) as error:
        raise ConfigError(
            f"{thing!r} has no source to show: {error}. Hand in a function, a class, a module or a path."
        ) from None
    return ShownSource(path, text, first)


def _piece(thing: Any) -> tuple[str, int]:
    lines, first = inspect.getsourcelines(thing)
    return textwrap.dedent("".join(lines)), first


def _file(path: Path) -> ShownSource:
    found = path if path.is_absolute() else (checkout() or Path.cwd()) / path
    try:
        return ShownSource(found, found.read_text(encoding="utf-8"), 1)
    except OSError as error:
        raise ConfigError(f"{found} cannot be shown: {error.strerror}.") from None


def _short(path: Path) -> str:
    folder = checkout()
    return path.relative_to(folder).as_posix() if folder and path.is_relative_to(folder) else path.name


def _from_here(path: Path) -> str | None:
    """The file as a link from the notebook's folder, where JupyterLab can open it."""
    folder = checkout()
    if not folder or not path.is_relative_to(folder) or not Path.cwd().is_relative_to(folder):
        return None
    return Path(os.path.relpath(path, Path.cwd())).as_posix()
