"""``modelserving schema ...`` and ``publish``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelserving.kafka import Connection, read_topic
from tests.commands.runs import Terminal

CSV = "age,town,risk\n30,Ulm,low\n,Bern,high\n"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def infer(terminal: Terminal, path: Path, *words: str) -> Path:
    """The schema of a file, as a file."""
    target = path.with_suffix(".json")
    result = terminal.run("schema", "infer", path, "--output", target, *words)
    assert result.status == 0, result.err
    return target


def test_a_schema_is_found_out(terminal: Terminal, people: Path) -> None:
    """To the terminal or a file, in our words or those of the encoding; the answer is left out."""
    result = terminal.run("schema", "infer", people, "--without", "risk")
    assert json.loads(result.out)["columns"] == [
        {"name": "age", "type": "int64", "nullable": True, "examples": [30]},
        {"name": "town", "type": "string", "nullable": False, "examples": ["Ulm", "Bern"]},
    ]
    result = terminal.run("schema", "infer", people, "--encoding", "protobuf", "--definition")
    assert "optional int64 age = 1;" in result.out
    assert (
        "'xml' is unknown. Known: json, protobuf, avro"
        in terminal.run("schema", "infer", people, "--encoding", "xml").err
    )


def test_two_files_are_compared_without_a_registry(terminal: Terminal, people: Path, tmp_path: Path) -> None:
    """Status 0 and a sentence; or status 1 and the column."""
    old = infer(terminal, people)
    newer = tmp_path / "newer.csv"
    newer.write_text(CSV.replace("town", "city"), encoding="utf-8")
    new = infer(terminal, newer)
    assert "is backward-compatible with" in terminal.run("schema", "check", old, "--against", old).out
    result = terminal.run("schema", "check", new, "--against", old)
    assert result.status == 1
    assert "column 'city' is not written, and may not be missing (was 'town' renamed?)" in result.err
    assert terminal.run("schema", "check", new, "--against", old, "--rule", "none").status == 0
    assert "no rule 'sideways'" in terminal.run("schema", "check", new, "--against", old, "--rule", "sideways").err


@pytest.mark.broker
def test_a_schema_is_kept_shown_and_published_with(terminal: Terminal, people: Path, connection: Connection) -> None:
    """From a file to the registry to the framing of messages."""
    environ = {"KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers}

    def run(*words: object) -> str:
        result = terminal.run(*words, environ=environ)
        assert result.status == 0, result.err
        return result.out

    schema = infer(terminal, people, "--encoding", "avro", "--name", "folk")
    said = run("schema", "register", schema)
    assert "folk version 1: number " in said
    assert run("schema", "register", schema, "--rule", "full") == said
    assert f"{said.strip()} Rule: full." in run("schema", "list")
    assert json.loads(run("schema", "show", "folk"))["name"] == "folk"
    assert "compatible with 1 versions of 'folk'" in run("schema", "check", schema)
    assert "no subject 'nobody'" in terminal.run("schema", "show", "nobody", environ=environ).err
    assert "2 records published" in run("publish", people, "--schema", "folk", "--framed")
    number = int(said.split("number ")[1].split(",")[0])
    values = [record.value for record in read_topic(connection, "folk-records")]
    assert [int.from_bytes(value[:5], "big") for value in values] == [number, number]
    run("publish", people, "--schema", "folk", "--schema-id", "--topic", "numbered-records")
    headers = [record.headers for record in read_topic(connection, "numbered-records")]
    assert headers == [[("schema-id", str(number).encode())]] * 2
    result = terminal.run("publish", people, "--framed", "--schema-id", environ=environ)
    assert (result.status, "says its schema's number once" in result.err) == (1, True)
    result = terminal.run("publish", people, "--schema", "nothing", environ=environ)
    assert (result.status, "no file and no subject 'nothing'" in result.err) == (1, True)
