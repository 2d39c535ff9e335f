"""Ask a service, and wait for it while it is away.

A request has a time-out. One that fails in a way that may pass is retried, each time after a longer pause. After
some failures in a row a circuit breaker stops the asking for a moment, so that a service that comes back is not
overrun; the first request after that decides. What a service refuses for good is not asked again. A server that is told
to stop waits no longer: what was asked is neither answered nor refused, and whoever serves next asks again.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx
from pybreaker import CircuitBreaker, CircuitBreakerError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from modelserving.errors import ModelUnreachable, ScoringError
from modelserving.system.nesting import read_json
from modelserving.system.stopping import call, pause

_FAILURES, _REST_S = 5, 1.0
_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
_PASSING = frozenset({408, 425, 429, 502, 503, 504})
_LONGEST_REASON = 500


class _Away(Exception):
    """The service does not answer, or says that it cannot now."""


class RemoteService:
    """A service that is asked over HTTP. One thread asks at a time.

    Args:
        timeout_s: for one request.
        wait_s: how long it is retried.
    """

    def __init__(self, timeout_s: float, wait_s: float) -> None:
        self._client: httpx.Client | None = httpx.Client(timeout=timeout_s, trust_env=False, follow_redirects=False)
        self._wait_s = wait_s
        self._breaker = CircuitBreaker(
            fail_max=_FAILURES, reset_timeout=_REST_S, exclude=[ScoringError], throw_new_error_on_trip=False
        )

    @property
    def state(self) -> str:
        """Of the circuit breaker: ``closed`` (all is well), ``open`` (it is not asked), ``half-open``."""
        return str(self._breaker.current_state)

    def ask(self, url: str, question: dict[str, Any]) -> object:
        """Post a JSON object, and read the JSON that comes back.

        Raises:
            ModelUnreachable: the service was away all the time.
            ScoringError: it refuses the question, or the client is closed.
            StopWaiting: nobody wants the answer any more.
        """
        pause(0)
        tries = Retrying(
            stop=stop_after_delay(self._wait_s),
            wait=wait_random_exponential(_PAUSE_S, _LONGEST_PAUSE_S),
            retry=retry_if_exception_type((_Away, CircuitBreakerError)),
            reraise=True,
            sleep=pause,
        )
        last = ""

        def once() -> object:
            nonlocal last
            try:
                return self._breaker.call(self._ask, url, question)
            except _Away as away:
                last = str(away)
                raise

        try:
            return tries(once)
        except (_Away, CircuitBreakerError) as error:
            raise ModelUnreachable(
                f"the service at {url} was away for {self._wait_s:g} s: {last or error}. Is it running?"
            ) from error

    def close(self) -> None:
        """Let go of the connections. A second call does nothing."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _ask(self, url: str, question: dict[str, Any]) -> object:
        client = self._client
        if client is None:
            raise ScoringError("this remote model is closed.")
        try:
            response = call(partial(client.post, url, json=question))
        except httpx.HTTPError as error:
            raise _Away(f"{type(error).__name__}: {error}") from error
        if response.status_code in _PASSING:
            raise _Away(f"it answers {response.status_code} {response.reason_phrase}: {_reason(response)}")
        if not response.is_success:
            raise ScoringError(f"the service at {url} refuses, {response.status_code}: {_reason(response)}")
        try:
            return read_json(response.content)
        except ValueError as error:
            raise ScoringError(f"the service at {url} answered no JSON: {error}.") from error


def _reason(response: httpx.Response) -> str:
    """What a service says; both protocols put it into ``error``."""
    try:
        said = str(read_json(response.content)["error"])
    except (ValueError, KeyError, TypeError):
        said = response.text
    return " ".join(said.split())[:_LONGEST_REASON] or "it gives no reason."
