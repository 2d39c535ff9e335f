"""``service.toml``: what a service is."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from modelserving.errors import ConfigError
from modelserving.records import Topics

SETTINGS = "service.toml"
"""Name of the file with the settings."""
ANSWERS = "answers.csv"
"""Name of the file with what the model answered when the service was made."""
SERVERS = ("stage", "actor", "streams")


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What a service is.

    Args:
        folder: with all of it.
        name: of the service, and the data type of its models.
        schema: file with the schema of its records.
        model: file with its model.
        records: file with records like those that it will get.
        topic: the topic of its records.
        server: ``stage``, ``actor`` or ``streams``.
        port: for HTTP.
        parameters: of the model: which columns its matrix has, what it is to say beside its answer.
    """

    folder: Path
    name: str
    schema: Path
    model: Path
    records: Path
    topic: str
    server: str = "stage"
    port: int = 5500
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def topics(self) -> Topics:
        """All its topics, which follow the one of its records."""
        return Topics.of(self.topic)


def read_settings(folder: Path) -> ServiceSettings:
    """Read the settings of a folder.

    Raises:
        ConfigError: there are none, or one is missing, unknown or of a wrong type; or a file is not there.
    """
    path = folder / SETTINGS
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"{folder} is no service: it has no {SETTINGS}. `modelserving new FOLDER` makes one."
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}.") from error
    parameters = said.pop("parameters", {})
    texts = {name: _text(path, said, name) for name in ("name", "schema", "model", "records", "topic", "server")}
    port = said.pop("port", 5500)
    if said or not isinstance(port, int) or not isinstance(parameters, dict):
        raise ConfigError(f"{path}: {next(iter(said), 'port or parameters')!r} is unknown, or of a wrong type.")
    if texts["server"] not in SERVERS:
        raise ConfigError(f"{path}: server is {texts['server']!r}; one of {', '.join(SERVERS)} was expected.")
    for name in ("schema", "model", "records"):
        if not (folder / texts[name]).exists():
            raise ConfigError(f"{path}: {name} is {texts[name]!r}, which is not in the folder.")
    return ServiceSettings(
        folder,
        texts["name"],
        folder / texts["schema"],
        folder / texts["model"],
        folder / texts["records"],
        texts["topic"],
        texts["server"],
        port,
        MappingProxyType({str(name): str(value) for name, value in parameters.items()}),
    )


def _text(path: Path, said: dict[str, Any], name: str) -> str:
    value = said.pop(name, None)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{path}: {name} is {value!r}; a text was expected.")
    return value
