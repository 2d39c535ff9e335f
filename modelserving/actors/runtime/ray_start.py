"""How Ray is started: for those who have a token, on loopback, without its dashboard, and with signals left to us."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from modelserving.errors import SetupError

_STORE_BYTES = 256 * 1024 * 1024


def start_ray(address: str | None) -> Any:
    """Start Ray on this machine, or join a cluster; and the package. One that runs already is left as it is.

    Args:
        address: of a cluster; ``None``: this machine alone.

    Raises:
        SetupError: Ray is not installed.
    """
    ray = _import_ray()
    if not ray.is_initialized():
        with _own_signals():
            if address is None:
                _stay_on_this_machine()
                ray.init(
                    address="local",
                    include_dashboard=False,
                    configure_logging=False,
                    object_store_memory=_STORE_BYTES,
                    _node_ip_address="127.0.0.1",
                )
            else:
                ray.init(address=address, configure_logging=False)
    return ray


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray would end this process on SIGTERM, at once; here a server ends that has something to put in order."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _import_ray() -> Any:
    """Ray, with strangers kept out: its processes let in only who has a token, which Ray keeps in the home folder."""
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    try:
        import ray
    except ImportError as error:
        raise SetupError(
            "Ray is not installed: it is the optional part 'ray'. Install it with `pip install 'modelserving[ray]'`, "
            "or leave out `--runtime ray`."
        ) from error
    from ray._raylet import Config  # type: ignore[attr-defined]

    Config.initialize("")  # it has read the environment already, if somebody imported it before
    return ray


def _stay_on_this_machine() -> None:
    """Let Ray's processes bind loopback, and nothing else."""
    from ray._private import ray_constants

    # Ray replaces 127.0.0.1 by an address of the network, except on systems that ask their user whenever a program
    # listens there. This says that we are on one.
    ray_constants.ENABLE_RAY_CLUSTER = False
