"""What a kernel leaves behind when it is killed, and what an error looks like in one."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.waiting import wait_until

pytestmark = [pytest.mark.notebook, pytest.mark.broker]

BUSY_LESSON = """
from modelserving.workshop import GroupMember, start
lesson = start("91", fast=True)
topic = lesson.topic("t")
member = lesson.manage(lambda: GroupMember(lesson.connection, topic, lesson.group("g")))
_ = member.wait_for_partitions(1)
task = lesson.background(lambda stop: stop.wait(), "a task")
"""


STREAMS = """
from pathlib import Path
from modelserving.kstreams import KafkaStreams, Processor, ProcessorSupplier, State, java, streams_config
from modelserving.workshop import start
lesson = start("91", fast=True)
topic = lesson.topic("t")

def run(name):
    topology = java.Topology()
    topology.addSource("source", topic)
    topology.addProcessor("work", ProcessorSupplier(Processor), "source")
    config = streams_config(lesson.connection, application_id=lesson.group(name), state_dir=Path(name).absolute())
    streams = KafkaStreams(topology, config, on_state=lambda state: Path(name + ".states").open("a").write(state + " "))
    streams.start()
    streams.wait_for(State.RUNNING)
    return streams

open_streams = [run("one"), run("two")]
"""


@pytest.fixture
def kernel(environ: dict[str, str], tmp_path: Path) -> Iterator[KernelManager]:
    """A kernel, as JupyterLab starts one."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=environ, cwd=str(tmp_path))
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.fixture
def client(kernel: KernelManager) -> Iterator[BlockingKernelClient]:
    """A front end for it."""
    client = kernel.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield client
    client.stop_channels()


def test_a_killed_kernel_takes_its_children_along(kernel: KernelManager, client: BlockingKernelClient) -> None:
    """After `kill -9` of the kernel, nothing that its lesson had started is left."""
    reply, _ = execute(client, BUSY_LESSON)
    assert reply["status"] == "ok"
    owner = psutil.Process(kernel.provisioner.pid)  # type: ignore[union-attr]
    children = owner.children(recursive=True)
    assert children
    owner.kill()
    wait_until(lambda: not any(child.is_running() and child.status() != "zombie" for child in children), "the children")


def test_a_kernel_that_is_restarted_closes_its_streams(
    kernel: KernelManager, client: BlockingKernelClient, tmp_path: Path
) -> None:
    """They leave their groups and their folders, which the same cell takes again in the new kernel."""
    kernel.shutdown_wait_time = 60.0
    reply, shown = execute(client, STREAMS)
    assert reply["status"] == "ok", shown
    kernel.restart_kernel()
    states = [(tmp_path / f"{name}.states").read_text().split()[-1] for name in ("one", "two")]
    assert states == ["NOT_RUNNING", "NOT_RUNNING"]
    client.wait_for_ready(timeout=60)
    reply, shown = execute(client, STREAMS)
    assert reply["status"] == "ok", shown


def test_an_error_of_ours_is_one_line_and_still_an_error(client: BlockingKernelClient) -> None:
    """A person sees the message and no traceback; a machine sees that the cell failed."""
    execute(client, "from modelserving.workshop import start\nlesson = start('91')")
    reply, shown = execute(client, "lesson.check('hello-broker', 1)")
    assert reply["status"] == "error"
    assert len(shown) == 1
    assert shown[0].startswith("ConfigError: Exercise 'hello-broker' belongs to lesson 00")


def test_other_errors_keep_their_traceback(client: BlockingKernelClient) -> None:
    """An attendee's own mistakes are shown as Python shows them, with the line."""
    execute(client, "from modelserving.workshop import start\nlesson = start('91')")
    reply, shown = execute(client, "1 / 0")
    assert reply["status"] == "error"
    assert len(shown) > 1
    assert "Cell" in "".join(shown)


def execute(client: BlockingKernelClient, code: str) -> tuple[dict[str, str], list[str]]:
    """Run a cell, and return the kernel's reply and the lines of the error that it shows."""
    lines: list[str] = []

    def collect(message: dict[str, dict[str, list[str]]]) -> None:
        if "traceback" in message["content"]:
            lines.extend(message["content"]["traceback"])

    try:
        reply = client.execute_interactive(code, timeout=90, output_hook=collect)
    except queue.Empty:
        pytest.fail("the kernel did not answer")
    return reply["content"], lines
