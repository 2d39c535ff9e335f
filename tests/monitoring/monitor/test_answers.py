"""What a monitor counts of the answers that come by; without a broker."""

from __future__ import annotations

import math
from pathlib import Path

from modelserving.datasets import default_schemas
from modelserving.kafka import Connection
from modelserving.monitoring.monitor import Monitor, MonitorOptions
from modelserving.records import ScoredRecord, encode_scored
from modelserving.web.monitor import _show
from tests.fakes import FakeMessage


def answered(offset: int, model: str, label: str = "", data_type: str = "wine") -> FakeMessage:
    """An answer: a label, or else a number."""
    value = math.nan if label else 5.5
    return FakeMessage(
        encode_scored(ScoredRecord(data_type, value, model, "1", "abc", 0, offset, 1, 1, 1, label=label)), 0
    )


def test_answers_are_counted_by_model_and_by_label_so_that_the_page_draws_their_shares(tmp_path: Path) -> None:
    """Numbers have no labels; of very many labels, all that are new are one."""
    monitor = Monitor(Connection("127.0.0.1:1"), MonitorOptions(tmp_path, default_schemas()))
    monitor._take_answers([answered(0, "line"), answered(1, "line"), answered(2, "tree", "good")])
    assert monitor.answers == {("wine", "models"): {"line 1": 2, "tree 1": 1}, ("wine", "labels"): {"good": 1}}
    monitor._take_answers([answered(number, "tree", f"label {number}") for number in range(20)])
    labels = monitor.answers["wine", "labels"]
    assert (len(labels), labels["(other)"], labels.total()) == (9, 13, 21)
    assert [one.title for one in _show(monitor).shares] == ["models of wine", "labels of wine"]


def test_answers_of_any_kind_and_size_end_no_watching(tmp_path: Path) -> None:
    """A model whose labels sometimes spell a number answers with both; garbage is counted, and the rest watched."""
    monitor = Monitor(Connection("127.0.0.1:1"), MonitorOptions(tmp_path, default_schemas()))
    monitor._take_answers([answered(0, "tree"), answered(1, "tree", "good"), FakeMessage(b"\xff\xff", 2)])
    monitor._take_answers([answered(3, "tree", "bad"), answered(4, "tree")])
    assert monitor.drift.counts()["wine", "prediction"] == (4, 0)
    assert monitor.unreadable == {"wine-scored": 1}
    for number in range(100):
        monitor._take_answers([answered(0, "tree", data_type=f"type{number}")])
    assert len(monitor.answers) < 100
