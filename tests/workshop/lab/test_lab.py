"""``modelserving lab``, as a real process: what it opens, who can reach it, and what it leaves behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest

from modelserving.broker import EmbeddedKafka, status, stop
from modelserving.broker.embedded import BrokerStatus
from modelserving.config import Settings
from modelserving.system.ports import free_port
from modelserving.workshop.lab import lab as lab_module
from modelserving.workshop.lab.keeper import keep_broker
from modelserving.workshop.lab.lab import lab_arguments, prepare_kernels, put_on_path
from modelserving.workshop.lab.work import WorkFolder
from modelserving.workshop.processes.background import BackgroundTask
from tests.waiting import wait_until

# Each of these labs wants the broker's own port, as a person's does: two of them at the same moment would both take it.
pytestmark = pytest.mark.xdist_group("lab")

LAB = """
import sys
from pathlib import Path
from modelserving.config import Settings
from modelserving.workshop.lab.lab import run_lab
root = Path(sys.argv[1])
run_lab(lambda line: print(line, flush=True), port=int(sys.argv[2]), browser=False,
        settings=Settings(home=root / "home"), root=root)
"""


class Lab:
    """A lab under way.

    Args:
        root: of its checkout.
        port: that it is asked to use.
    """

    def __init__(self, root: Path, port: int) -> None:
        self.home = root / "home"
        self._output = root / "output"
        arguments = [sys.executable, "-W", "ignore", "-c", LAB, str(root), str(port)]
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(arguments, stdout=output, stderr=subprocess.STDOUT)

    def said(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def url(self) -> httpx.URL:
        """Where it says that it is."""
        found = wait_until(lambda: re.search(r"http://\S+", self.said()) or self.process.poll(), "the lab's address")
        assert isinstance(found, re.Match), self.said()
        return httpx.URL(found[0])

    def get(self, path: str, token: str) -> int:
        """The status of an answer, once there is one."""

        def answer() -> int:
            try:
                return httpx.get(self.url().copy_with(path=path, query=f"token={token}".encode())).status_code
            except httpx.TransportError:
                assert self.process.poll() is None, self.said()
                return 0

        return wait_until(answer, "an answer")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[int], Lab]]:
    """Starts a lab on a checkout of two notebooks."""
    (tmp_path / "notebooks").mkdir()
    for name in ("00_first.ipynb", "01_next.ipynb"):
        (tmp_path / "notebooks" / name).write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    with ExitStack() as stack:

        def make(port: int) -> Lab:
            lab = Lab(tmp_path, port)
            stack.callback(lab.close)
            return lab

        yield make


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a test cannot send Ctrl-C to another process on Windows")
def test_the_lab_opens_its_home_page_and_ctrl_c_ends_all_of_it(begin: Callable[[int], Lab], tmp_path: Path) -> None:
    """The broker runs as long as the lab; the notebook is the attendee's own copy; afterwards nothing is left."""
    lab = begin(free_port())
    token = lab.url().params["token"]
    assert lab.url().path == "/lab/tree/work/home.md"
    assert lab.get("/api/contents/work/home.md", token) == 200
    assert lab.get("/api/contents/work/00_first.ipynb", token) == 200
    assert (tmp_path / "work" / "01_next.ipynb").exists()
    wait_until(lambda: status(lab.home) is not None, "the broker of the lab")
    lab.process.send_signal(signal.SIGINT)
    assert lab.process.wait(60) == 0, lab.said()
    assert "are down" in lab.said()
    assert status(lab.home) is None


@pytest.mark.broker
@pytest.mark.slow
def test_only_this_machine_and_only_with_the_token(begin: Callable[[int], Lab]) -> None:
    """Nothing listens beyond loopback, and a page of another origin that guesses the port gets nowhere."""
    lab = begin(free_port())
    assert lab.get("/api/contents", "guessed") == 403
    listening = [
        c.laddr.ip for c in psutil.Process(lab.process.pid).net_connections() if c.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


def test_the_last_line_says_whether_the_broker_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It does where others use it, or where it was started to stay; and a cluster is not ours to end."""
    found: BrokerStatus | None = None
    monkeypatch.setattr(lab_module, "status", lambda _: found)
    ours = Settings(tmp_path)
    assert lab_module._farewell(ours) == "JupyterLab and the broker are down."
    found = BrokerStatus(
        "127.0.0.1:9092", 1, 2, datetime.now(UTC), tmp_path, tmp_path, 1, detached=False, version="4.3.1"
    )
    assert "The broker goes on at 127.0.0.1:9092, since others use it." in lab_module._farewell(ours)
    found = replace(found, detached=True)
    assert "until `modelserving broker stop`" in lab_module._farewell(ours)
    assert "Your cluster at far:9092 is as it was" in lab_module._farewell(replace(ours, bootstrap_servers="far:9092"))


@pytest.mark.broker
@pytest.mark.slow
def test_a_killed_lab_leaves_no_broker(begin: Callable[[int], Lab]) -> None:
    """After `kill -9`, the broker ends by itself."""
    lab = begin(free_port())
    assert lab.get("/api/status", lab.url().params["token"]) == 200
    wait_until(lambda: status(lab.home) is not None, "the broker of the lab")
    lab.close()
    wait_until(lambda: status(lab.home) is None, "the broker to end")


@pytest.mark.broker
@pytest.mark.slow
def test_of_a_taken_port_the_next_free_one_is_taken(begin: Callable[[int], Lab]) -> None:
    """The person in front reads the new address, and why it is another one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        lab = begin(port)
        assert lab.url().port != port
        assert lab.get("/api/status", lab.url().params["token"]) == 200
        assert f"({port} is in use)" in lab.said()


def test_a_terminal_in_the_lab_finds_the_command() -> None:
    """Lessons write `modelserving broker stop`; nobody has to activate anything for that."""
    environ = {"PATH": os.pathsep.join(["/bin", str(Path(sys.executable).parent)])}
    put_on_path(environ)
    assert shutil.which("modelserving", path=environ["PATH"]) is not None
    assert environ["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "/bin"]


def test_a_long_line_of_code_goes_on_below(tmp_path: Path) -> None:
    """Beside a live view a lesson is narrow, and what is out of sight is not read."""
    work = WorkFolder(tmp_path / "work", (), ())
    work.path.mkdir()
    (work.path / "00_first.ipynb").touch()
    lab_arguments(work, 1, "token", tmp_path / "lab", browser=False)
    (settings,) = (tmp_path / "lab").rglob("tracker.jupyterlab-settings")
    assert settings.parent.name == "notebook-extension"
    assert '"lineWrap": true' in settings.read_text()


def test_nothing_is_asked_of_the_network(tmp_path: Path) -> None:
    """No news, no look for updates, no list of extensions; and what an attendee has set stays."""
    work = WorkFolder(tmp_path / "work", (), ())
    work.path.mkdir()
    (work.path / "00_first.ipynb").touch()
    arguments = lab_arguments(work, 1, "token", tmp_path / "lab", browser=False)
    assert "--LabApp.news_url=None" in arguments
    assert "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate" in arguments
    assert "--LabApp.extension_manager=readonly" in arguments
    (settings,) = (tmp_path / "lab").rglob("notification.jupyterlab-settings")
    assert '"fetchNews": "false"' in settings.read_text()
    settings.write_text("mine")
    lab_arguments(work, 1, "token", tmp_path / "lab", browser=False)
    assert settings.read_text() == "mine"


@pytest.mark.broker
@pytest.mark.slow
def test_a_broker_that_a_lesson_started_again_is_the_labs(tmp_path: Path) -> None:
    """A lesson stops the broker, starts it again, and ends: the lab has taken a lease, so the broker stays."""
    settings = Settings(home=tmp_path)
    with BackgroundTask(keep_broker(settings, 0.05), "the lab's lease"):
        with EmbeddedKafka(home=tmp_path, port=0):
            wait_until(lambda: (found := status(tmp_path)) is not None and found.leases == 2, "the lab's lease")
        assert status(tmp_path) is not None
        stop(tmp_path)
        with EmbeddedKafka(home=tmp_path, port=0):
            wait_until(lambda: (found := status(tmp_path)) is not None and found.leases == 2, "the lab's next lease")
        assert status(tmp_path) is not None
    assert status(tmp_path) is None


def test_kernels_of_the_lab_begin_with_the_stop_button_at_work() -> None:
    """The first cell can be stopped, too; whoever has a beginning of their own keeps it."""
    environ: dict[str, str] = {}
    prepare_kernels(environ)
    namespace: dict[str, object] = {}
    exec(Path(environ["PYTHONSTARTUP"]).read_text(encoding="utf-8"), namespace)  # as a kernel does, with no shell
    assert set(namespace) - {"__doc__"} == {"__builtins__"}
    own = {"PYTHONSTARTUP": "mine.py"}
    prepare_kernels(own)
    assert own == {"PYTHONSTARTUP": "mine.py"}
