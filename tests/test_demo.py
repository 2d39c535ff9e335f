"""The main job, as a person starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modelserving.broker import EmbeddedKafka
from modelserving.kafka import end_offsets, list_topics
from tests.waiting import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def start_demo(kafka: EmbeddedKafka, log: Path, *options: str) -> subprocess.Popen[str]:
    """Start ``modelserving demo``; what it says besides its result goes to ``log``."""
    with log.open("w") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "modelserving", "demo", "--json", *options],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers},
        )


def published(kafka: EmbeddedKafka) -> int:
    """How many records a demo has published so far."""
    topics = [topic for topic in list_topics(kafka.connection) if topic.startswith("demo-") and "records" in topic]
    return sum(sum(end_offsets(kafka.connection, topic).values()) for topic in topics)


def test_it_ends_by_itself_and_accounts_for_every_record(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    """Sent is scored, skipped and dead together; the model was swapped; nothing stays on the broker."""
    pace = ("--max-records", "700", "--records-every", "20", "--models-every", "500", "--faults", "0.1")
    with start_demo(kafka, tmp_path / "log", *pace) as demo:
        output, _ = demo.communicate(timeout=200)
    assert demo.returncode == 0, (tmp_path / "log").read_text()
    found = json.loads(output.splitlines()[-1])
    assert found["sent"] == 700
    assert found["sent"] == found["scored"] + found["skipped"] + found["dead_lettered"]
    assert found["scored"] > 0
    assert found["dead_lettered"] > 0
    assert found["swaps"] >= 1
    assert 0 < found["latency_ms"]["p50"] <= found["latency_ms"]["p99"]
    assert not [topic for topic in list_topics(kafka.connection) if topic.startswith("demo-")]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_it_all_clean(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    """Records that were sent are still accounted for, and the exit status is 0."""
    log = tmp_path / "log"
    with start_demo(kafka, log, "--records-every", "10") as demo:
        wait_until(lambda: published(kafka) > 20, "some records")
        demo.send_signal(signal.SIGINT)
        output, _ = demo.communicate(timeout=100)
    assert demo.returncode == 0, log.read_text()
    found = json.loads(output.splitlines()[-1])
    assert found["sent"] == found["scored"] + found["skipped"] + found["dead_lettered"]
