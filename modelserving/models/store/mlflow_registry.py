"""An MLflow registry beside our repository: models go to it, and come from it, with all that is known about them.

Optional: the package is the extra ``mlflow``. The registry is whatever MLflow's client takes; on one machine a file,
``sqlite:////folder/mlflow.db``, with the models' bytes in a folder beside it.

=====================  ==================================================================
ours                   MLflow's
=====================  ==================================================================
name, version          registered model, tag ``modelserving.version`` of a version of it
bytes, golden records  artifacts of the run
metrics, parameters    metrics and parameters of the run
description            description of the version
the rest               tags: data type, format, digest, created
=====================  ==================================================================
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from modelserving.errors import ModelFormatError, ModelRefused, SetupError
from modelserving.records import ModelDescriptor, ModelType, check_data_type, decode_descriptor, encode_descriptor

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_TAG = "modelserving."
_FILE = "model"
_CHECKS = "golden-records"
_NOT_FOUND = "RESOURCE_DOES_NOT_EXIST"
_SLUGS = {kind.slug: kind for kind in ModelType}


@dataclass(frozen=True, slots=True)
class Registered:
    """Where a model went.

    Args:
        name: of the registered model.
        version: MLflow's number of it: 1, 2, 3 ...
        run_id: of the run that has its metrics and parameters.
    """

    name: str
    version: int
    run_id: str


class MlflowRegistry:
    """A registry of models.

    Args:
        uri: as MLflow has it, for example ``sqlite:////folder/mlflow.db``.
        artifacts: folder for the bytes of models that are written; ``None``: where MLflow has it by default.

    Raises:
        SetupError: the extra is not installed, or the registry cannot be opened.
    """

    def __init__(self, uri: str, artifacts: Path | None = None) -> None:
        if find_spec("mlflow") is None:
            raise SetupError("MLflow is not installed. `pip install 'modelserving[mlflow]'` brings it.")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # or it reports what is done with it, to its makers
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        from mlflow import MlflowClient

        for logger in ("mlflow", "alembic"):  # they report each table that they make
            logging.getLogger(logger).setLevel(logging.WARNING)
        try:
            self._client: MlflowClient = MlflowClient(tracking_uri=uri, registry_uri=uri)
            self._client.search_registered_models(max_results=1)
        except Exception as error:
            raise SetupError(f"cannot open the MLflow registry {uri}: {error}") from error
        self._uri = uri
        self._artifacts = artifacts

    def save(self, model: ModelDescriptor, alias: str = "") -> Registered:
        """Write a model as the next version of the registered model of its name.

        Args:
            model: with its bytes.
            alias: a name for this version, for example ``champion``; taken from the version that had it.

        Raises:
            SetupError: MLflow does not take it.
        """
        with self._explained():
            client = self._client
            run = client.create_run(self._experiment(model.data_type), run_name=f"{model.name} {model.version}".strip())
            run_id = run.info.run_id
            for name, value in model.metrics.items():
                client.log_metric(run_id, name, value)
            for name, text in model.parameters.items():
                client.log_param(run_id, name, text)
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / _FILE).write_bytes(model.data)
                (Path(folder) / _CHECKS).write_bytes(encode_descriptor(replace(model, data=b"", location=None)))
                client.log_artifacts(run_id, folder)
            client.set_terminated(run_id)
            self._ensure(model.name)
            made = client.create_model_version(
                model.name, run.info.artifact_uri, run_id, tags=_tags(model), description=model.description
            )
            if alias:
                client.set_registered_model_alias(model.name, alias, made.version)
            return Registered(model.name, int(made.version), run_id)

    def load(self, name: str, version: str = "") -> ModelDescriptor:
        """Read a model with its bytes.

        Args:
            name: of the registered model.
            version: MLflow's number, or ``@alias``; empty: the newest.

        Raises:
            SetupError: there is no such model, or its bytes are not there.
            ModelFormatError: it is none of ours: it lacks its data type or its format.
            ModelRefused: its bytes are not those that were written.
        """
        from mlflow.artifacts import download_artifacts

        with self._explained(), tempfile.TemporaryDirectory() as folder:
            found = self._find(name, version)
            about = self._about(found)
            path = Path(download_artifacts(artifact_uri=found.source, dst_path=folder, tracking_uri=self._uri))
            checks = decode_descriptor((path / _CHECKS).read_bytes())
            data = (path / _FILE).read_bytes()
        if hashlib.sha256(data).hexdigest() != about.sha256:
            raise ModelRefused(f"the bytes of model {name!r} in MLflow were changed since they were written.")
        return replace(about, data=data, golden=checks.golden, tolerance=checks.tolerance)

    def entries(self) -> tuple[ModelDescriptor, ...]:
        """What is registered and ours, without bytes: the digest is in ``sha256``."""
        with self._explained():
            found = sorted(self._client.search_model_versions(), key=lambda one: (one.name, _number(one)))
            return tuple(self._about(one) for one in found if f"{_TAG}digest" in one.tags)

    def _find(self, name: str, version: str) -> ModelVersion:
        if version.startswith("@"):
            return self._client.get_model_version_by_alias(name, version[1:])
        if version:
            return self._client.get_model_version(name, version)
        self._client.get_registered_model(name)
        return max(self._client.search_model_versions(f"name = '{name}'"), key=_number)

    def _about(self, found: ModelVersion) -> ModelDescriptor:
        tags = {key.removeprefix(_TAG): value for key, value in found.tags.items() if key.startswith(_TAG)}
        if not {"data_type", "format", "digest"} <= set(tags) or tags["format"] not in _SLUGS:
            raise ModelFormatError(
                f"MLflow's model {found.name!r}, version {found.version}, was not written by us: it lacks the "
                f"tags {_TAG}data_type, {_TAG}format and {_TAG}digest."
            )
        data = self._client.get_run(found.run_id).data if found.run_id else None
        return ModelDescriptor(
            name=found.name,
            description=found.description or "",
            data_type=check_data_type(tags["data_type"]),
            type=_SLUGS[tags["format"]],
            version=tags.get("version", str(found.version)),
            sha256=tags["digest"],
            created_ms=int(tags.get("created_ms", found.creation_timestamp or 0)),
            parameters=MappingProxyType(dict(data.params) if data else {}),
            metrics=MappingProxyType(dict(data.metrics) if data else {}),
        )

    def _experiment(self, data_type: str) -> str:
        """The experiment of a data type; made when it is the first model."""
        name = f"{_TAG}{data_type}"
        known = self._client.get_experiment_by_name(name)
        if known is not None:
            return str(known.experiment_id)
        where = (self._artifacts / data_type).resolve().as_uri() if self._artifacts else None
        return str(self._client.create_experiment(name, artifact_location=where))

    def _ensure(self, name: str) -> None:
        """Have a registered model of this name."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.get_registered_model(name)
        except MlflowException as error:
            if error.error_code != _NOT_FOUND:
                raise
            self._client.create_registered_model(name)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """MLflow's errors as ours."""
        from mlflow.exceptions import MlflowException

        try:
            yield
        except (MlflowException, OSError) as error:
            raise SetupError(f"the MLflow registry {self._uri}: {error}") from error


def _tags(model: ModelDescriptor) -> dict[str, str]:
    told = {
        "data_type": model.data_type,
        "format": model.type.slug,
        "digest": model.digest,
        "version": model.version,
        "created_ms": str(model.created_ms),
    }
    return {f"{_TAG}{key}": value for key, value in told.items()}


def _number(found: ModelVersion) -> int:
    return int(found.version)
