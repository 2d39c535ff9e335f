"""``modelserving models ...``: models in use, from outside, while no server runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelserving.kafka import Connection, DeadLetter, headers, make_producer, read_topic
from modelserving.kafka.clients import MAX_MESSAGE_BYTES
from modelserving.models.admin.listing import ModelStatus, read_overview
from modelserving.models.store.bundled import read_catalog
from modelserving.models.store.repository import ModelRepository
from modelserving.records import (
    ScoredRecord,
    Topics,
    decode_command,
    decode_descriptor,
    encode_scored,
)
from tests.commands.runs import Result, Terminal
from tests.contract.servers import regression

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]


class Shell:
    """A terminal whose commands talk to the test's broker and topics."""

    def __init__(self, terminal: Terminal, connection: Connection, topics: Topics, folder: Path) -> None:
        self.terminal = terminal
        self.connection = connection
        self.topics = topics
        self.folder = folder
        self.repository = ModelRepository(folder / "repository")

    def __call__(self, *words: object) -> str:
        """What a command prints; it has to succeed."""
        result = self.run(*words)
        assert result.status == 0, result.err
        return result.out

    def fails(self, *words: object) -> str:
        """What a command says that has to fail."""
        result = self.run(*words)
        assert result.status == 1
        assert "Traceback" not in result.err
        return " ".join(result.err.split())

    def run(self, *words: object) -> Result:
        prefix = self.topics.records.removesuffix("-wine-records")
        environ = {"KAFKA_BOOTSTRAP_SERVERS": self.connection.bootstrap_servers, "MODELSERVING_HOME": str(self.folder)}
        return self.terminal.run("models", *words, "--prefix", prefix, environ={**environ, "COLUMNS": "200"})

    def listed(self) -> list[tuple[str, ...]]:
        """The lines of ``list``: data type, status, name, version."""
        return [tuple(line.split()[:4]) for line in self("list").splitlines()[1:]]

    def model(self, name: str, answer: float) -> Path:
        """A model in a file."""
        path = self.folder / f"{name}.pmml"
        path.write_bytes(regression(answer, alcohol=0))
        return path


@pytest.fixture
def shell(terminal: Terminal, connection: Connection, topics: Topics, tmp_path: Path) -> Shell:
    return Shell(terminal, connection, topics, tmp_path)


@pytest.mark.slow
def test_models_are_published_listed_and_moved(shell: Shell) -> None:
    """By file, and by the first digits of a digest; each command says what was sent where, and names what it means."""
    assert "No models yet" in shell("list")
    a, b, c = (shell.model(name, answer) for name, answer in (("a", 4), ("b", 5), ("c", 6)))
    said = shell("publish", a, "--metric", "accuracy=0.5", "--parameter", "depth=3", "--description", "the first")
    assert re.search(rf"a 1 \(pmml, digest [0-9a-f]{{12}}\) for wine, to serve:\s+sent to {shell.topics.models}", said)
    shell("publish", b, "--version", "2", "--metric", "accuracy=0.6")
    shell("publish", c, "--shadow", 20)
    assert shell.listed() == [
        ("wine", "current", "b", "2"), ("wine", "previous", "a", "1"), ("wine", "shadow", "20", "%"),
    ]  # fmt: skip
    assert "accuracy 0.5" in shell("list", "--data-type", "wine")
    assert "roll back wine: a 1 (" in shell("rollback", "wine")
    shell("shadow", "wine", 50)
    shell("promote", "wine")
    digest = read_overview(shell.connection, shell.topics).models[-1].digest
    shell("promote", "wine", "--to", digest[:8])
    shell("shadow", "wine", 0)
    shell("retire", "wine")
    orders = [decode_command(message.value) for message in read_topic(shell.connection, shell.topics.control)]
    assert [order.action.slug for order in orders] == ["roll back", "shadow", "promote", "promote", "shadow", "retire"]
    assert all(order.digest for order in orders[:4])
    assert {status for _, status, *_ in shell.listed()} == {"known"}


def test_the_workbooks_models_have_names(shell: Shell) -> None:
    """Golden records and quality travel with them; a name that there is not is told those that there are."""
    shell("publish", "wine-decision-tree")
    (message,) = read_topic(shell.connection, shell.topics.models)
    sent = decode_descriptor(message.value)
    (tree,) = [model for model in read_catalog(ROOT / "data" / "models") if model.name == "wine-decision-tree"]
    assert (sent.golden, sent.metrics, sent.digest, message.key) == (tree.golden, tree.metrics, tree.digest, b"wine")
    assert "wine-linear-regression" in shell.fails("publish", "wine-nothing")


def test_golden_records_come_from_a_file(shell: Shell, tmp_path: Path) -> None:
    """With the answers that the file has, or those that the model gives here."""
    rows = (ROOT / "data" / "wine_red.csv").read_text(encoding="utf-8").splitlines()[:4]
    (tmp_path / "some.csv").write_text("\n".join(rows), encoding="utf-8")
    model = shell.model("a", 4)
    shell("publish", model, "--golden-from", tmp_path / "some.csv", "--golden-count", 2, "--tolerance", 0.25)
    shell("publish", model, "--golden", tmp_path / "some.csv", "--version", 2)
    own, given = [decode_descriptor(message.value) for message in read_topic(shell.connection, shell.topics.models)]
    assert ([golden.expected for golden in own.golden], own.tolerance) == ([4.0, 4.0], 0.25)
    assert len(given.golden) >= 3


def test_a_model_by_reference_is_a_small_message(shell: Shell) -> None:
    """With the digest of the bytes; one that is too large by value is told so."""
    large = shell.model("large", 4)
    large.write_bytes(large.read_bytes() + b" " * MAX_MESSAGE_BYTES)
    assert "publish it by reference" in shell.fails("publish", large)
    shell("publish", large, "--by-reference", large.as_uri())
    (message,) = read_topic(shell.connection, shell.topics.models)
    sent = decode_descriptor(message.value)
    assert (sent.location, sent.data) == (large.as_uri(), b"")
    assert len(message.value) < 500
    assert shell.repository.entries()[0].digest == sent.digest


def test_what_cannot_be_is_told_before_anything_is_sent(shell: Shell) -> None:
    """Which data types and models there are, and what to do."""
    shell("publish", a := shell.model("a", 4))
    for words, reason in (
        (("rollback", "beer"), "no model was published for data type 'beer'. Data types with models: wine"),
        (("rollback", "wine"), "'wine' has no previous model to roll back to"),
        (("promote", "wine"), "'wine' has no shadow. Name a model with --digest"),
        (("shadow", "wine", 10), "'wine' has no shadow"),
        (("promote", "wine", "--digest", "ffff"), "no model of 'wine' with a digest that begins with 'ffff'. Known:"),
        (("retire", "beer"), "no model was published for data type 'beer'"),
        (("publish", a, "--metric", "accuracy"), "NAME=VALUE was expected"),
        (("publish", a, "--metric", "accuracy=good"), "a number was expected"),
        (("publish", a, "--data-type", "../x"), "not allowed"),
        (("publish", "nothing.pmml"), "no model and no file 'nothing.pmml'"),
        (("who", "--offset", 3), "no answer to the record at partition 0, offset 3"),
    ):
        assert reason in shell.fails(*words)
    assert list(read_topic(shell.connection, shell.topics.control)) == []


def test_what_is_suggested_can_be_typed_as_it_stands(shell: Shell) -> None:
    """It carries the prefix that was given."""
    prefix = f"--prefix {shell.topics.records.removesuffix('-wine-records')}"
    assert f"`modelserving models publish MODEL {prefix}` sends one" in shell("list")
    assert f"`modelserving models publish MODEL {prefix}` sends one" in shell.fails("rollback", "wine")
    shell("publish", shell.model("a", 4))
    assert f"`modelserving models list {prefix}` shows them" in shell.fails("promote", "wine")
    shell("retire", "wine")
    found = re.search(
        "Known: `modelserving models (rollback wine --to [0-9a-f]{12}) (.*?)`", shell.fails("rollback", "wine")
    )
    assert found is not None
    assert found[2] == prefix
    assert "roll back wine: a 1" in shell(*found[1].split())


@pytest.mark.parametrize("error", ["ModelCheckError", "ModelUnreachable"])
def test_a_refused_model_is_listed_as_such(shell: Shell, error: str) -> None:
    """What a server said is in the dead letters; no command takes the model, unless that server only did not get it."""
    shell("publish", shell.model("a", 4))
    shell("publish", shell.model("b", 5))
    *_, second = read_topic(shell.connection, shell.topics.models)
    source = second.topic, second.partition, second.offset
    letter = DeadLetter(second.value, second.key, *source, "model", error, "No way.")
    with make_producer(shell.connection) as producer:
        producer.send(shell.topics.dead_letters, value=letter.body, key=letter.key, headers=headers(letter))
        producer.flush()
    assert shell.listed() == [("wine", "current", "a", "1"), ("wine", "refused", "b", "1")]
    refused = read_overview(shell.connection, shell.topics).with_status("wine", ModelStatus.REFUSED)
    assert refused is not None
    order = "rollback", "wine", "--to", refused.digest[:12]
    if error == "ModelCheckError":
        assert "a server refused model 'b': No way. Publish a better one." in shell.fails(*order)
    else:
        assert "A server could not get that model: No way. Where it is missing, nothing changes." in shell(*order)
        (command,) = read_topic(shell.connection, shell.topics.control)
        assert decode_command(command.value).digest == refused.digest


def test_who_scored_a_wine_and_how_good_was_it(shell: Shell) -> None:
    """The answer has the model's identity; topic and repository know the rest, or that nobody knows it any more."""
    shell("publish", shell.model("a", 4), "--metric", "accuracy=0.5", "--parameter", "depth=3")
    digest = read_overview(shell.connection, shell.topics).models[0].digest
    with make_producer(shell.connection) as producer:
        for offset, name in enumerate(("a", "gone")):
            scored = ScoredRecord("wine", 4.0, name, "1", digest, 0, offset, 1, 1, 1)
            producer.send(shell.topics.scored, value=encode_scored(scored))
        producer.flush()
    said = shell("who", "--offset", 0)
    assert f"4, by a 1 for wine, digest {digest[:12]}." in said
    assert "Quality: accuracy 0.5." in said
    assert "Made with depth 3." in said
    assert "knows that model any more" in shell("who", "--offset", 1)


def test_all_answers_to_a_record_are_told(shell: Shell) -> None:
    """Servers of several groups on one topic answer each record once each; what is no answer is passed over."""
    shell("publish", shell.model("a", 4))
    with make_producer(shell.connection) as producer:
        producer.send(shell.topics.scored, value=b"no answer")
        for name, answer in (("a", 4.0), ("b", 5.0)):
            scored = ScoredRecord("wine", answer, name, "1", "d" * 64, 0, 0, 1, 1, 1)
            producer.send(shell.topics.scored, value=encode_scored(scored))
        producer.flush()
    said = shell("who", "--offset", 0)
    assert "2 answers" in said
    assert "4, by a 1" in said
    assert "5, by b 1" in said
