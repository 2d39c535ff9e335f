"""The database of an InfluxDB 1.x: made where it is not there. A bucket of 2.x is made by whoever may."""

from __future__ import annotations

import httpx

from modelserving.errors import SetupError
from modelserving.monitoring.influx.writer import TIMEOUT, InfluxTarget, refusal_of
from modelserving.system.waiting import poll

_WAIT_S = 60.0
_PAUSE_S = 0.5


def wait_for_database(target: InfluxTarget, seconds: float = _WAIT_S) -> None:
    """Make the database, as soon as InfluxDB answers; one that is there stays as it is.

    Args:
        target: which.
        seconds: how long InfluxDB may take to start.

    Raises:
        SetupError: it does not answer, or refuses.
    """
    failure: httpx.HTTPError | None = None

    def ask() -> httpx.Response | None:
        nonlocal failure
        try:
            return client.post(target.query_url, params={"q": target.create_statement})
        except httpx.HTTPError as error:
            failure = error
            return None

    with httpx.Client(timeout=TIMEOUT, trust_env=False, headers=target.headers) as client:
        answer = poll(ask, seconds, _PAUSE_S)
    if answer is None:
        raise SetupError(f"InfluxDB at {target.url} does not answer: {failure!r}.") from failure
    if refusal := refusal_of(answer):
        raise SetupError(f"InfluxDB at {target.url} does not make the database {target.database!r}: {refusal}")
