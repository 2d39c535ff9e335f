"""``modelserving models pull | push``: models from an MLflow registry, and to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from modelserving.commands.models.admin import Digest, ShadowPercent, model_admin, say
from modelserving.commands.models.table import SHORT
from modelserving.commands.options import DataType, Prefix, Topic
from modelserving.config import load_settings
from modelserving.errors import ConfigError

if TYPE_CHECKING:
    from modelserving.models.store.mlflow_registry import MlflowRegistry

Registry = Annotated[
    str,
    typer.Option(help="The registry, as MLflow has it: sqlite:////folder/mlflow.db, http://...; none: MLFLOW_*_URI."),
]
_FORMS = "mlflow:NAME, mlflow:NAME/3 or mlflow:NAME@alias"
_ADDRESS = re.compile(r"mlflow:/*(?P<name>[^/@:]*)(?:/(?P<number>\d+)|(?P<alias>@[^/@:]+))?")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(pull)
    app.command()(push)


def pull(
    address: Annotated[
        str, typer.Argument(metavar="mlflow:NAME", help="The newest version; or mlflow:NAME/3, or mlflow:NAME@alias.")
    ],
    registry: Registry = "",
    shadow: ShadowPercent = 0,
    prefix: Prefix = "",
    topic: Topic = "",
) -> None:
    """Publish a model of an MLflow registry (needs the extra `mlflow`), with all that is known about it."""
    wanted = _Address.parse(address)
    if not wanted.name:
        raise ConfigError(f"{address!r} names no model. Write {_FORMS}.")
    model = _open(registry).load(wanted.name, wanted.version)
    with model_admin(prefix, topic, create=True) as admin:
        admin.publish(replace(model, shadow_percent=shadow))


def push(
    data_type: DataType,
    address: Annotated[
        str, typer.Argument(metavar="mlflow:NAME", help="Its name there; `mlflow:` alone: the one that it has.")
    ] = "mlflow:",
    digest: Digest = "",
    alias: Annotated[str, typer.Option(help="A name for this version, for example champion.")] = "",
    registry: Registry = "",
    artifacts: Annotated[
        Path | None,
        typer.Option(help="Folder for models' bytes; none: `artifacts` beside the database, or as MLflow has it."),
    ] = None,
    prefix: Prefix = "",
    topic: Topic = "",
) -> None:
    """Write the model in use, or another one, to an MLflow registry (needs the extra `mlflow`)."""
    from modelserving.models.admin.listing import ModelStatus

    wanted = _Address.parse(address)
    if wanted.version:
        raise ConfigError(f"{address!r}: MLflow numbers versions itself. Write mlflow:NAME; --alias names a version.")
    there = _open(registry, artifacts)
    with model_admin(prefix, topic) as admin:
        listed = admin.choose(data_type, digest, ModelStatus.CURRENT)
        if listed is None:
            raise ConfigError(
                f"{data_type!r} has no model in use. Name one with --digest; {admin.command('list')} shows them."
            )
        kept = admin.repository.match(listed.digest, data_type)
        if not kept:
            raise ConfigError(f"the repository of this machine does not have {listed.model.name!r}. Publish it here.")
        model = admin.repository.read(kept[-1])
    made = there.save(replace(model, name=wanted.name or model.name), alias)
    about = f"{model.name} {model.version} (digest {model.digest[:SHORT]})"
    say(f"{about} is now mlflow:{made.name}/{made.version}.")


@dataclass(frozen=True, slots=True)
class _Address:
    """A model in a registry: its name, and a number or ``@alias``; either may be empty."""

    name: str
    version: str

    @classmethod
    def parse(cls, text: str) -> _Address:
        """Read ``mlflow:NAME``, ``mlflow:NAME/3`` or ``mlflow:NAME@alias``.

        Raises:
            ConfigError: it is none of these.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise ConfigError(
                f"{text!r} is no address in a registry. Write mlflow:NAME, mlflow:NAME/3 or mlflow:NAME@alias."
            )
        return cls(found["name"], found["number"] or found["alias"] or "")


def _open(said: str, artifacts: Path | None = None) -> MlflowRegistry:
    from modelserving.models.store.mlflow_registry import MlflowRegistry

    uri = said or load_settings().mlflow_uri
    if uri is None:
        raise ConfigError(
            "which MLflow registry? Say --registry sqlite:////folder/mlflow.db, or set MLFLOW_TRACKING_URI."
        )
    return MlflowRegistry(uri, artifacts or _beside(uri))


def _beside(uri: str) -> Path | None:
    """Where the bytes go by default: beside a database in a file; elsewhere MLflow knows."""
    parts = urlsplit(uri)
    return Path(parts.path[1:]).resolve().parent / "artifacts" if parts.scheme == "sqlite" else None
