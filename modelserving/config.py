"""Settings. The only module that reads the environment.

====================================  =====================================================================
variable                              meaning
====================================  =====================================================================
``KAFKA_BOOTSTRAP_SERVERS``           an external cluster, ``host:port`` with commas between; none: the
                                      embedded broker
``KAFKA_CLIENT_PROPERTIES``           a Java properties file for that cluster (TLS, SASL)
``MODELSERVING_HOME``                 where broker data, jars and logs go; none: ``.modelserving`` in the
                                      checkout, or in the home folder where there is no checkout
``MODELSERVING_REPOSITORY``           the folder that keeps every model; none: ``repository`` in the above
``MODELSERVING_MODEL_ROOT``           models by reference: files in this folder and below are read; none: those
                                      of the repository
``MODELSERVING_MODEL_HOSTS``          models by reference: http(s) hosts that are asked, ``name`` or
                                      ``name:port`` with commas between; none: no host
``MODELSERVING_MODEL_BYTES``          models by reference: the largest that is read; none: 64 MiB
``MLFLOW_REGISTRY_URI``               the MLflow registry of ``models pull`` and ``push``; none: the next
``MLFLOW_TRACKING_URI``               the same, by the name under which most have it
``OTEL_TRACES_EXPORTER``              traces are sent: ``otlp`` or ``console``; ``none``: they are not. None:
                                      ``otlp``, where ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or the one for traces)
                                      names a collector and ``OTEL_SDK_DISABLED`` is not true
``MODELSERVING_JAVA_OPTIONS``         more options for the Java machine of a process, with blanks between:
                                      ``-Xmx2g`` for a large forest
``SCHEMA_REGISTRY_URL``               a schema registry with Confluent's REST interface; none: a topic
====================================  =====================================================================
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelserving.errors import ConfigError

_MODEL_BYTES = 64 * 1024 * 1024
_JAVAS_OWN = "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says.

    Args:
        home: folder for everything that is written at run time.
        bootstrap_servers: addresses of an external cluster, or ``None`` for the embedded broker.
        client_properties: a Java properties file for the external cluster, or ``None``.
        repository: folder that keeps every model; ``None``: a folder in ``home``.
        model_root: folder that models by reference may be in; ``None``: the repository.
        model_hosts: http(s) hosts that models by reference may be on.
        model_bytes: the largest model by reference.
        mlflow_uri: the MLflow registry, or ``None``.
        schema_registry: URL of a schema registry, or ``None`` for the one on a topic.
        traces_exporter: where traces go: ``otlp`` or ``console``; empty: nowhere.
        java_options: what the Java machine of a process is told besides its own options; the last word counts.
        java_environment: options that any Java takes from the environment by itself.
    """

    home: Path
    bootstrap_servers: str | None = None
    client_properties: Path | None = None
    repository: Path | None = None
    model_root: Path | None = None
    model_hosts: tuple[str, ...] = ()
    model_bytes: int = _MODEL_BYTES
    mlflow_uri: str | None = None
    schema_registry: str | None = None
    traces_exporter: str = ""
    java_options: tuple[str, ...] = ()
    java_environment: tuple[str, ...] = ()

    @property
    def repository_folder(self) -> Path:
        """The folder that keeps every model."""
        return self.repository or self.home / "repository"


def in_jupyter_session(environ: Mapping[str, str] | None = None) -> bool:
    """Whether this process is the kernel of a notebook that somebody has open, and not one that runs by itself."""
    return "JPY_SESSION_NAME" in (os.environ if environ is None else environ)


def checkout() -> Path | None:
    """The folder of the source checkout, or ``None`` when the package is installed without one."""
    folder = Path(__file__).resolve().parent.parent
    return folder if (folder / "pyproject.toml").is_file() and (folder / "notebooks").is_dir() else None


def data_folder(named: Path | None = None) -> Path:
    """The folder with the workbook's records and models.

    Args:
        named: another one, as the user named it.

    Raises:
        ConfigError: there is no such folder.
    """
    folder = named or _own_data()
    if not folder.is_dir():
        raise ConfigError(f"no data folder at {folder}. Name one with --data, or run in a checkout of the workbook.")
    return folder


def _own_data() -> Path:
    """In a checkout, the folder there; else what was installed with the package, or what is where one stands."""
    if (root := checkout()) is not None:
        return root / "data"
    installed = Path(__file__).with_name("data")
    return installed if installed.is_dir() else Path.cwd() / "data"


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Args:
        environ: the environment to read; the process's own by default.

    Raises:
        ConfigError: a properties file is named that does not exist, or without a cluster to use it for; or a limit is
            no number of bytes.
    """
    servers = _word(environ, "KAFKA_BOOTSTRAP_SERVERS")
    named = _word(environ, "KAFKA_CLIENT_PROPERTIES")
    properties = Path(named).expanduser() if named else None
    if properties and not properties.is_file():
        raise ConfigError(
            f"KAFKA_CLIENT_PROPERTIES names {properties}, which is not a file. Correct the path, or unset it."
        )
    if properties and not servers:
        raise ConfigError("KAFKA_CLIENT_PROPERTIES is set, but KAFKA_BOOTSTRAP_SERVERS is not. Set both, or neither.")
    return Settings(
        home=_home(environ),
        bootstrap_servers=servers,
        client_properties=properties,
        repository=_folder(environ, "MODELSERVING_REPOSITORY"),
        model_root=_folder(environ, "MODELSERVING_MODEL_ROOT"),
        model_hosts=tuple(environ.get("MODELSERVING_MODEL_HOSTS", "").replace(",", " ").split()),
        model_bytes=_bytes(environ, "MODELSERVING_MODEL_BYTES", _MODEL_BYTES),
        mlflow_uri=_word(environ, "MLFLOW_REGISTRY_URI") or _word(environ, "MLFLOW_TRACKING_URI"),
        schema_registry=_word(environ, "SCHEMA_REGISTRY_URL"),
        traces_exporter=_traces_exporter(environ),
        java_options=tuple(environ.get("MODELSERVING_JAVA_OPTIONS", "").split()),
        java_environment=tuple(word for name in _JAVAS_OWN for word in environ.get(name, "").split()),
    )


def _traces_exporter(environ: Mapping[str, str]) -> str:
    """As OpenTelemetry's own variables say; but without any of them, there are no traces."""
    if (_word(environ, "OTEL_SDK_DISABLED") or "").lower() == "true":
        return ""
    named = _word(environ, "OTEL_TRACES_EXPORTER")
    if named is None:
        endpoints = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
        return "otlp" if any(_word(environ, name) for name in endpoints) else ""
    return "" if named == "none" else named


def _word(environ: Mapping[str, str], variable: str) -> str | None:
    return environ.get(variable, "").strip() or None


def _folder(environ: Mapping[str, str], variable: str) -> Path | None:
    named = _word(environ, variable)
    return Path(named).expanduser().resolve() if named else None


def _bytes(environ: Mapping[str, str], variable: str, otherwise: int) -> int:
    said = _word(environ, variable)
    if said and not (said.isdecimal() and int(said)):
        raise ConfigError(f"{variable} is {said!r}; a number of bytes was expected, for example 10000000.")
    return int(said) if said else otherwise


def _home(environ: Mapping[str, str]) -> Path:
    return _folder(environ, "MODELSERVING_HOME") or (checkout() or Path.home()) / ".modelserving"
