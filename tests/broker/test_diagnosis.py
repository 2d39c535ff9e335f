"""Failures are said plainly; the unusual ones with the end of the log."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from modelserving.broker import state, supervisor
from modelserving.broker.diagnosis import explain_failure, tail, what_was_said
from modelserving.broker.layout import Layout
from modelserving.broker.leases import start_supervisor
from modelserving.broker.protocol import SupervisorOrder
from modelserving.errors import BrokerStartError


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("java.io.IOException: No space left on device", "is full"),
        ("Failed to acquire lock on file .lock in /x. A Kafka instance in another process", "another Kafka broker is"),
        ("Invalid cluster.id in: /x/meta.properties. Expected a, but read b", "the data of another Kafka broker"),
        ("java.nio.file.AccessDeniedException: /x/data/topic", "cannot be written"),
        ("Could not reserve enough space for 262144KB object heap", "too little memory"),
        ("java.lang.OutOfMemoryError: Java heap space", "too little memory"),
        ("org.apache.kafka.common.errors.CorruptRecordException: Record size", "is damaged"),
    ],
)
def test_known_causes(tmp_path: Path, line: str, said: str) -> None:
    """What Java or Kafka says becomes a sentence with a way out."""
    message = explain_failure(Layout.of(tmp_path), ["noise", line, "\tat java.base/x"], 1)
    assert said in message
    assert str(tmp_path) in message or "memory" in said
    assert "\n" not in message


def test_flag_that_mentions_memory_is_no_cause(tmp_path: Path) -> None:
    """Java repeats its own flags; one of them names the error that it guards against."""
    assert "too little" not in explain_failure(Layout.of(tmp_path), ["-XX:+ExitOnOutOfMemoryError"], 1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks otherwise")
def test_a_disk_without_locks_is_named_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the first start, and at each further one; and it is no sign of another broker."""

    def refuse(_: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(state, "_lock", refuse)
    monkeypatch.setattr(state, "_lock_as_java", refuse)
    order = SupervisorOrder(Layout.of(tmp_path), None, cache=None)
    order.layout.folder.mkdir(parents=True)
    assert supervisor.main(order.arguments()) == 1
    said = capsys.readouterr().err
    assert f"the disk that holds {order.layout.folder} knows no locks" in said
    with pytest.raises(BrokerStartError) as raised:
        start_supervisor(order)
    assert str(raised.value) == said.strip()
    assert not state.is_locked_by_java(order.layout.lock)


def test_kill_from_outside(tmp_path: Path) -> None:
    """A Java that was killed is told from one that failed."""
    assert "killed from outside" in explain_failure(Layout.of(tmp_path), [], -9)


def test_unknown_cause_shows_the_last_lines(tmp_path: Path) -> None:
    """Without a known cause there are the last lines, free of stack frames, and the place of the log."""
    said = ["first", *(f"\tat frame{i}" for i in range(50)), "java.lang.IllegalStateException: odd"]
    message = explain_failure(Layout.of(tmp_path), said, None)
    assert message.endswith("  first\n  java.lang.IllegalStateException: odd")
    assert "did not answer in time" in message
    assert "broker.log" in message


def test_only_this_start_is_read(tmp_path: Path) -> None:
    """What an earlier start left in the log is no cause of this failure; a log that was rolled over is all new."""
    layout = Layout.of(tmp_path)
    layout.folder.mkdir()
    layout.log.write_text("old\n")
    layout.jvm_log.write_text("java\n")
    since = layout.log.stat().st_size
    with layout.log.open("a") as log:
        log.write("new\n")
    assert what_was_said(layout, since) == ["java", "new"]
    layout.log.write_text("x\n")
    assert what_was_said(layout, since) == ["java", "x"]


def test_tail_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    """No file, no lines; and a count bounds them."""
    assert tail(tmp_path / "none", 5) == []
    (tmp_path / "log").write_text("a\nb\nc\n")
    assert tail(tmp_path / "log", 2) == ["b", "c"]
    assert tail(tmp_path / "log", 0) == []
