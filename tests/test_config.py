"""Settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelserving import config
from modelserving.config import Settings, checkout, data_folder, load_settings
from modelserving.errors import ConfigError


def test_an_empty_environment_means_the_embedded_broker() -> None:
    """Nothing is set: everything that is written goes to one folder in the checkout."""
    root = checkout()
    assert root is not None
    assert load_settings({}) == Settings(home=root / ".modelserving")


def test_blank_values_are_no_values() -> None:
    """A variable that a shell script left empty sets nothing."""
    blank = dict.fromkeys(("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_CLIENT_PROPERTIES", "MODELSERVING_HOME"), "  ")
    assert load_settings(blank) == load_settings({})


def test_the_process_is_asked_when_nothing_else_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment as it is now, not as it was at import."""
    monkeypatch.setenv("MODELSERVING_HOME", str(tmp_path))
    assert load_settings().home == tmp_path.resolve()


def test_an_external_cluster_is_named_with_its_properties(tmp_path: Path) -> None:
    """Address and file; blanks around them do not matter."""
    properties = tmp_path / "client.properties"
    properties.touch()
    settings = load_settings({"KAFKA_BOOTSTRAP_SERVERS": " a:1,b:2 ", "KAFKA_CLIENT_PROPERTIES": f" {properties} "})
    assert (settings.bootstrap_servers, settings.client_properties) == ("a:1,b:2", properties)


@pytest.mark.parametrize("variable", ["MODELSERVING_HOME", "KAFKA_CLIENT_PROPERTIES"])
def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """As a shell would have it, where a shell did not do it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "there").touch()
    settings = load_settings({variable: "~/there", "KAFKA_BOOTSTRAP_SERVERS": "a:1"})
    assert tmp_path.resolve() / "there" in {settings.home, settings.client_properties}


def test_a_properties_file_that_is_missing_is_told(tmp_path: Path) -> None:
    """The variable, the path, and what to do."""
    missing = str(tmp_path / "nothing")
    with pytest.raises(ConfigError, match=r"KAFKA_CLIENT_PROPERTIES names .*nothing, which is not a file. Correct"):
        load_settings({"KAFKA_BOOTSTRAP_SERVERS": "a:1", "KAFKA_CLIENT_PROPERTIES": missing})


def test_properties_without_a_cluster_are_told(tmp_path: Path) -> None:
    """They would be ignored, and somebody would wonder why."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"KAFKA_BOOTSTRAP_SERVERS is not. Set both, or neither"):
        load_settings({"KAFKA_CLIENT_PROPERTIES": str(tmp_path / "file")})


def test_without_a_checkout_the_home_folder_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package that was installed alone does not write beside itself."""
    monkeypatch.setattr(config, "checkout", lambda: None)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert load_settings({}).home == tmp_path / ".modelserving"


def test_the_data_folder_is_the_checkouts_or_the_named_one(tmp_path: Path) -> None:
    """Where records and models are read from."""
    root = checkout()
    assert root is not None
    assert data_folder() == root / "data"
    assert data_folder(tmp_path) == tmp_path


def test_a_data_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    """The message has the path and the option."""
    with pytest.raises(ConfigError, match=r"no data folder at .*nowhere. Name one with --data"):
        data_folder(tmp_path / "nowhere")


def test_where_models_are_kept_and_may_come_from(tmp_path: Path) -> None:
    """A repository in the home folder, no other place, and no host, unless somebody says so."""
    by_default = load_settings({"MODELSERVING_HOME": str(tmp_path)})
    assert by_default.repository_folder == tmp_path.resolve() / "repository"
    assert (by_default.model_root, by_default.model_hosts) == (None, ())
    settings = load_settings(
        {
            "MODELSERVING_REPOSITORY": str(tmp_path / "kept"),
            "MODELSERVING_MODEL_ROOT": str(tmp_path),
            "MODELSERVING_MODEL_HOSTS": "models.example.org, [::1]:8000",
            "MODELSERVING_MODEL_BYTES": "1000",
        }
    )
    assert settings.repository_folder == (tmp_path / "kept").resolve()
    assert settings.model_root == tmp_path.resolve()
    assert (settings.model_hosts, settings.model_bytes) == (("models.example.org", "[::1]:8000"), 1000)


@pytest.mark.parametrize("limit", ["0", "-1", "10 MB", "1e6"])
def test_a_limit_that_is_no_number_of_bytes_is_told(limit: str) -> None:
    """Better at the start than at the first large model."""
    with pytest.raises(ConfigError, match="a number of bytes was expected"):
        load_settings({"MODELSERVING_MODEL_BYTES": limit})


def test_java_is_told_more_in_words() -> None:
    """As on a command line, blanks between them; none is none."""
    assert load_settings({"MODELSERVING_JAVA_OPTIONS": " -Xmx2g  -Xss4m "}).java_options == ("-Xmx2g", "-Xss4m")
    assert load_settings({}).java_options == ()
