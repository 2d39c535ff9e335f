"""What is written for Java, in the ways that Java reads it."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from modelserving.broker.configuration import java_arguments, logging_properties, server_properties
from modelserving.broker.layout import Layout


def _settings(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_nothing_listens_beyond_loopback() -> None:
    """All listeners are on 127.0.0.1, and clients are sent there too."""
    settings = _settings(server_properties(Path("/d"), 1234, 5678))
    assert settings["listeners"] == "CLIENTS://127.0.0.1:1234,CONTROLLER://127.0.0.1:5678"
    assert settings["advertised.listeners"] == "CLIENTS://127.0.0.1:1234"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:5678"


def test_topics_are_made_on_purpose_only() -> None:
    """A mistyped name makes no topic."""
    assert _settings(server_properties(Path("/d"), 1, 2))["auto.create.topics.enable"] == "false"


def test_short_session_after_a_crash_only() -> None:
    """The controller forgets a broker quickly only when the last one was killed."""
    assert "broker.session.timeout.ms" not in server_properties(Path("/d"), 1, 2)
    assert "broker.session.timeout.ms=1000\n" in server_properties(Path("/d"), 1, 2, after_crash=True)


def test_paths_with_spaces_and_accents_are_escaped(tmp_path: Path) -> None:
    """Properties are ASCII with Java's escapes, also beyond the first plane of Unicode; the log's folder is a URI."""
    folder = tmp_path / "Zoë's wine 🍷"
    assert f"log.dirs={tmp_path.as_posix()}/Zo\\u00eb's wine \\ud83c\\udf77/kafka/data\n" in server_properties(
        Layout.of(folder).data, 1, 2
    )
    assert "Zo\\u00eb's wine" in logging_properties(Layout.of(folder))


def test_argument_file_survives_spaces_quotes_and_backslashes(tmp_path: Path) -> None:
    """Each argument is one quoted line, in which Java undoes the backslashes."""
    text = java_arguments(Layout.of(tmp_path / "a b"), str(PureWindowsPath(r"C:\Program Files\x.jar")), ['-Da="b"'])
    assert '"-Da=\\"b\\""\n' in text
    assert text.endswith('"-cp"\n"C:\\\\Program Files\\\\x.jar"\n')
    assert "a%20b/kafka/log4j2.properties" in text
