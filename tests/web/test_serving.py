"""A server and its HTTP face, in one process."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import anyio
import httpx
import pytest

from modelserving.models.lifecycle.state import ServingState
from modelserving.serving import Counts, Health, Meter, Phase
from modelserving.web import announce, bind, serve, url_of
from tests.waiting import WAIT


class Idle:
    """A server that serves nobody until it is cancelled."""

    counts = Counts()
    meter = Meter()
    lag: ClassVar[dict[int, int]] = {}
    models_refused = 0
    models_absent: ClassVar[dict[str, str]] = {}
    data_types = ()
    latest = None
    lost: ClassVar[Mapping[int, int]] = {}

    def __init__(self) -> None:
        self.phase = Phase.STARTING

    def describe(self, data_type: str) -> ServingState | None:
        return None

    def health(self) -> Health:
        return Health(self.phase is Phase.SERVING, self.phase)

    async def run(self) -> None:
        try:
            self.phase = Phase.SERVING
            await anyio.sleep_forever()
        finally:
            self.phase = Phase.STOPPED


def listens(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_it_answers_until_it_is_stopped_and_leaves_nothing_behind() -> None:
    """HTTP answers while the server runs; a reason to stop ends both, and the port is free again."""

    async def scenario() -> None:
        server, bound = Idle(), bind("127.0.0.1", 0)
        url = url_of(bound)

        async def ask_then_stop() -> None:
            async with httpx.AsyncClient() as client:
                with anyio.fail_after(WAIT):
                    assert (await client.get(f"{url}/healthz", timeout=WAIT)).json()["status"] == "ok"

        with anyio.fail_after(WAIT):
            await serve(server, bound, ask_then_stop)
        assert server.phase is Phase.STOPPED
        assert not listens(url)

    anyio.run(scenario)


def test_a_server_that_fails_takes_its_face_with_it() -> None:
    """The original ran on without HTTP, or with HTTP alone; here both end, with the reason."""

    class Failing(Idle):
        async def run(self) -> None:
            raise OSError("the broker is gone")

    async def scenario() -> None:
        bound = bind("127.0.0.1", 0)
        url = url_of(bound)
        with pytest.raises(ExceptionGroup) as caught, anyio.fail_after(WAIT):
            await serve(Failing(), bound, anyio.sleep_forever)
        assert caught.group_contains(OSError, match="the broker is gone")
        assert not listens(url)

    anyio.run(scenario)


def test_an_announcement_is_there_all_at_once(tmp_path: Path) -> None:
    """A parent that looks at any moment finds no file or the whole object; an older one is replaced."""
    target = tmp_path / "announced"
    announce(target, "http://127.0.0.1:1")
    announce(target, "http://127.0.0.1:2")
    assert json.loads(target.read_text(encoding="utf-8")) == {"url": "http://127.0.0.1:2", "pid": os.getpid()}
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not replace a file that somebody reads")
def test_who_is_reading_an_announcement_reads_it_to_its_end(tmp_path: Path) -> None:
    """A new one takes the place of the old one and is not written over it."""
    target = tmp_path / "announced"
    announce(target, "http://127.0.0.1:1")
    with target.open(encoding="utf-8") as reading:
        announce(target, "http://127.0.0.1:2")
        assert json.load(reading)["url"] == "http://127.0.0.1:1"
