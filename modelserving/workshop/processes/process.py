"""Servers as child processes of a lesson or a test: real ones, which can be asked, stopped, and killed."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Self

import httpx

from modelserving.errors import ServerError
from modelserving.system.waiting import poll
from modelserving.widgets.waiting import waiting
from modelserving.workshop.processes.child import ChildProcess

_START_SECONDS = 150.0  # it takes 5; a machine may be very busy
_ANSWER_SECONDS = 30.0
_PAUSE = 0.05
# Nothing is encrypted here; httpx's own would load all certificates of the machine for each question, in 20 ms.
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class ServerProcess(ChildProcess):
    """A model server as a child process.

    Args:
        kind: which: ``stage``.
        topics_prefix: before the names of its topics; empty for the plain ones.
        options: further options of ``modelserving serve``.
        environ: variables on top of this process's own.
    """

    def __init__(
        self,
        kind: str,
        topics_prefix: str = "",
        options: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        prefix = ("--prefix", topics_prefix) if topics_prefix else ()
        super().__init__(("serve", kind, *prefix, *options), environ)
        self.url = ""
        self._health = "nothing"

    def _extra(self) -> Sequence[str]:
        return ("--announce", str(self.folder / "announced"), "--until-stdin-closes")

    @classmethod
    def start(
        cls,
        kind: str,
        topics_prefix: str = "",
        options: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        seconds: float = _START_SECONDS,
    ) -> Self:
        """Start a server and wait until it serves.

        Raises:
            ServerError: it ended, or did not serve within so many seconds; with the last lines that it printed.
        """
        server = cls(kind, topics_prefix, options, environ)
        try:
            server.wait_until_serving(seconds)
        except BaseException:
            server.close()
            raise
        return server

    def wait_until_serving(self, seconds: float = _START_SECONDS) -> None:
        """Wait until ``/healthz`` says ok.

        Raises:
            ServerError: as for ``start``.
        """
        with waiting(f"`{self}` to serve"):
            self._wait(self._announced, "say where it listens", seconds)
            self._wait(self._healthy, "serve", seconds)

    def get(self, path: str) -> dict[str, object]:
        """The JSON object at a path, for example ``/state``.

        Raises:
            ServerError: the server does not answer, or not with success.
        """
        try:
            response = self._ask(path, _ANSWER_SECONDS)
        except httpx.HTTPError as error:
            raise ServerError(f"{self.url}{path} does not answer: {error}.") from error
        if response.is_error:
            raise ServerError(f"{self.url}{path} answers {response.status_code}: {response.text}")
        found: dict[str, object] = response.json()
        return found

    def _ask(self, path: str, seconds: float) -> httpx.Response:
        """Ask it directly: a company's proxy, which the environment may name, does not reach this machine's own."""
        return httpx.get(self.url + path, timeout=seconds, verify=_NO_CERTIFICATES, trust_env=False)

    def _announced(self) -> bool:
        target = self.folder / "announced"
        if target.exists():
            self.url = json.loads(target.read_text(encoding="utf-8"))["url"]
        return bool(self.url)

    def _healthy(self) -> bool:
        try:
            answer = self._ask("/healthz", 5.0)
        except httpx.HTTPError as error:
            self._health = f"nothing ({error})"
            return False
        self._health = answer.text
        return answer.status_code == 200

    def _wait(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        # Met once is enough: a server of several is healthy for a moment, and then they share anew.
        came = poll(lambda: "met" if condition() else "" if self.running else "ended", seconds, _PAUSE)
        if not came:
            said = f"Its health: {self._health}\n{self._end_of_log()}"
            raise ServerError(f"`{self}` did not {what} within {seconds:g} s. {said}")
        if came == "ended":
            raise ServerError(
                f"`{self}` ended with status {self.returncode} before it could {what}:\n{self._end_of_log()}"
            )

    def _end_of_log(self) -> str:
        return "\n".join(self.log()[-15:])


def wait_until_all_serve(servers: Iterable[ServerProcess]) -> None:
    """Wait until each serves. If one does not, or the wait itself is stopped, all are closed: all of them, or none.

    Args:
        servers: that were begun one after another, so that they start at the same time.

    Raises:
        ServerError: as for ``ServerProcess.start``.
    """
    begun = list(servers)
    with ExitStack() as otherwise:
        for server in begun:
            otherwise.callback(server.close)
        for server in begun:
            server.wait_until_serving()
        otherwise.pop_all()
