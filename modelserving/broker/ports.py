"""Which port the broker gets."""

from __future__ import annotations

from modelserving.errors import BrokerStartError
from modelserving.system.ports import free_port, holder_of, is_free, next_free

DEFAULT_PORT = 9092
"""Kafka's own."""
_TRIES = 50


def choose_port(wanted: int | None, last: int | None) -> int:
    """Where the broker shall listen.

    Args:
        wanted: a port, which is used or nothing is; 0 for any free one; ``None`` for 9092 or the next free one.
        last: where it listened before; kept unless ``wanted`` says otherwise, so that its clients find it again.

    Raises:
        BrokerStartError: the wanted port is taken.
    """
    if wanted:
        if is_free(wanted):
            return wanted
        raise BrokerStartError(
            f"the Kafka broker cannot start: port {wanted} on 127.0.0.1 is taken{holder_of(wanted)}. "
            "Stop that program, choose another port, or name none: a free one is then found."
        )
    if last is not None and is_free(last):
        return last
    if wanted == 0:
        return free_port()
    return next_free(DEFAULT_PORT, _TRIES) or free_port()
