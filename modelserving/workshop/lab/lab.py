"""``modelserving lab``: the broker and JupyterLab, on loopback, until Ctrl-C."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from modelserving.broker import status, use_broker
from modelserving.config import Settings, load_settings
from modelserving.errors import ServerError
from modelserving.system.ports import next_free
from modelserving.workshop.lab.home import HOME, write_home
from modelserving.workshop.lab.jupyter import require_jupyterlab, run_jupyterlab
from modelserving.workshop.lab.keeper import keep_broker, keep_home
from modelserving.workshop.lab.work import WorkFolder, prepare_work_folder
from modelserving.workshop.lesson.progress import Progress
from modelserving.workshop.processes.background import BackgroundTask

DEFAULT_PORT = 8888
_TRIES = 50
_QUIET: dict[str, dict[str, object]] = {
    "@jupyterlab/apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
    "@jupyterlab/docmanager-extension/plugin": {
        "defaultViewers": {"markdown": "Markdown Preview"},
        "autosaveInterval": 20,  # seconds: who closes the tab loses no more
    },
    # Beside a live view a lesson is narrow: a long line of code goes on below, rather than out of sight.
    "@jupyterlab/notebook-extension/tracker": {"codeCellConfig": {"lineNumbers": False, "lineWrap": True}},
    # A lesson's name has room, and when it was changed nobody needs to know.
    "@jupyterlab/filebrowser-extension/browser": {"showLastModifiedColumn": False},
}


def run_lab(
    say: Callable[[str], None],
    *,
    port: int = DEFAULT_PORT,
    browser: bool = True,
    settings: Settings | None = None,
    root: Path | None = None,
    extra: Sequence[str] = (),
) -> None:
    """Start the broker and JupyterLab, open the home page, and stay until Ctrl-C.

    JupyterLab runs in this process: when it ends, however it ends, nothing stays behind.

    Args:
        say: takes a line for the person in front.
        port: where JupyterLab should listen; where that is taken, the next free port.
        browser: whether to open one.
        settings: which broker, and where files go; the environment's by default.
        root: the checkout; found by itself by default.
        extra: further arguments, JupyterLab's own.

    Raises:
        SetupError: JupyterLab is not installed.
        ConfigError: there is no checkout with notebooks.
        ServerError: no port is free.
    """
    require_jupyterlab()
    settings = settings or load_settings()
    put_on_path(os.environ)
    prepare_kernels(os.environ)
    work = prepare_work_folder(root)
    write_home(work.path, Progress.of(settings))
    found = _free_port(port)
    token = secrets.token_urlsafe(24)
    with use_broker(settings) as connection:
        for line in _greeting(work, connection.bootstrap_servers, port, found, token):
            say(line)
        with _behind(work, settings):
            arguments = lab_arguments(work, found, token, settings.home / "lab", browser=browser)
            run_jupyterlab([*arguments, *extra])
    say(_farewell(settings))


def lab_arguments(work: WorkFolder, port: int, token: str, home: Path, *, browser: bool) -> list[str]:
    """JupyterLab's arguments: loopback only, no news, no look for updates, no list of extensions from the network.

    Args:
        work: where the attendee works.
        port: where to listen.
        token: what the browser must show.
        home: where the lab keeps its settings, apart from those of other projects.
        browser: whether to open one.
    """
    for name, settings in _QUIET.items():
        path = home / "user-settings" / f"{name}.jupyterlab-settings"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    return [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={work.path.parent}",
        f"--ServerApp.open_browser={browser}",
        "--ServerApp.answer_yes=True",
        "--KernelManager.transport_encryption=auto",
        "--ServerApp.allow_root=True",
        "--ServerApp.log_level=ERROR",
        "--LabApp.log_level=ERROR",
        f"--IdentityProvider.token={token}",
        f"--LabApp.default_url={_page(work)}",
        f"--LabApp.user_settings_dir={home / 'user-settings'}",
        f"--LabApp.workspaces_dir={home / 'workspaces'}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        # Whoever opens the page asks else whether JupyterLab is to be built anew, which starts node each time.
        "--ServerApp.tornado_settings={'page_config_data': {'buildCheck': False, 'buildAvailable': False}}",
        "--LabApp.expose_app_in_browser=True",  # for the panel beside a lesson: `widgets/dock.py`
    ]


def put_on_path(environ: MutableMapping[str, str]) -> None:
    """Let a terminal that is opened in JupyterLab find ``modelserving``, as the lessons write it.

    Args:
        environ: what JupyterLab hands on to its terminals and kernels.
    """
    here = str(Path(sys.executable).parent)
    others = [folder for folder in environ.get("PATH", "").split(os.pathsep) if folder and folder != here]
    environ["PATH"] = os.pathsep.join([here, *others])


def prepare_kernels(environ: MutableMapping[str, str]) -> None:
    """Let each kernel of the lab begin with ``startup.py``, unless somebody has a beginning of their own.

    Args:
        environ: what JupyterLab hands on to its terminals and kernels.
    """
    environ.setdefault("PYTHONSTARTUP", str(Path(__file__).with_name("startup.py")))


def _greeting(work: WorkFolder, servers: str, wanted: int, port: int, token: str) -> list[str]:
    aside = f" ({wanted} is in use)" if port != wanted else ""
    lines = [
        f"Broker      Apache Kafka at {servers}",
        f"Notebooks   {work.path}: yours to change",
        f"JupyterLab  http://127.0.0.1:{port}{_page(work)}?token={token}{aside}",
        "Ctrl-C here ends all of it.",
    ]
    if work.kept:
        lines.insert(2, f"            as you left them: {', '.join(work.kept)}")
    return lines


def _farewell(settings: Settings) -> str:
    """What has ended, and what goes on without us."""
    if settings.bootstrap_servers:
        return f"JupyterLab is down. Your cluster at {settings.bootstrap_servers} is as it was."
    found = status(settings.home)
    if found is None:
        return "JupyterLab and the broker are down."
    why = "until `modelserving broker stop`" if found.detached else "since others use it"
    return f"JupyterLab is down. The broker goes on at {found.bootstrap_servers}, {why}."


def _page(work: WorkFolder) -> str:
    name = HOME if (work.path / HOME).is_file() else work.first.name
    return f"/lab/tree/{quote(f'{work.path.name}/{name}')}"


@contextmanager
def _behind(work: WorkFolder, settings: Settings) -> Iterator[None]:
    """What goes on as long as the lab is up."""
    with ExitStack() as stack:
        stack.enter_context(BackgroundTask(keep_home(work.path, settings), "the home page"))
        if settings.bootstrap_servers is None:
            stack.enter_context(BackgroundTask(keep_broker(settings), "the lab's lease"))
        yield


def _free_port(wanted: int) -> int:
    port = next_free(wanted, _TRIES)
    if port is not None:
        return port
    raise ServerError(
        f"No port from {wanted} to {wanted + _TRIES - 1} is free. Name another one: `modelserving lab --port`."
    )
