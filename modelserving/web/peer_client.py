"""Questions of one instance of a server to the others: one hop, no more, and never without an end."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from modelserving.errors import ServerError

AnswerT = TypeVar("AnswerT", bound=BaseModel)

_TIMEOUT = httpx.Timeout(5.0, connect=1.0)
_MOST = 16

AskPeer = Callable[[str, str, type[AnswerT]], AnswerT]
"""Address of an instance, path, and what comes back."""


class UnknownToPeer(ServerError):
    """The instance answers, and has nothing of that name: to ask again would not help."""


def ask(url: str, path: str, kind: type[AnswerT]) -> AnswerT:
    """Ask another instance.

    Args:
        url: its address.
        path: one that asks nobody in its turn.
        kind: what it answers.

    Raises:
        UnknownToPeer: it has no such thing (404).
        ServerError: it does not answer, or says why it cannot; the message names it.
    """
    # Instances are neighbours: no proxy stands between them, and nothing is encrypted (else each client would load all
    # certificates of the machine, which takes longer than the question).
    with httpx.Client(timeout=_TIMEOUT, trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as client:
        try:
            response = client.get(url + path)
        except httpx.HTTPError as error:
            raise ServerError(
                f"the instance at {url} does not answer ({type(error).__name__}: {error}). If it is gone, the others "
                "take over its partitions as soon as its session has expired. Ask again in a moment."
            ) from error
    if response.is_error:
        kind_of_error = UnknownToPeer if response.status_code == httpx.codes.NOT_FOUND else ServerError
        raise kind_of_error(f"the instance at {url} says: {_detail(response)}")
    try:
        return kind.model_validate_json(response.content)
    except ValidationError as error:
        raise ServerError(f"the instance at {url} answers something else: is it of this version? {error}") from error


def ask_all(urls: Sequence[str], path: str, kind: type[AnswerT], ask: AskPeer[AnswerT] = ask) -> list[AnswerT]:
    """Ask several instances at the same time.

    Returns:
        Their answers, in the order of ``urls``.

    Raises:
        ServerError: one of them does not answer; the message names it.
    """
    if not urls:
        return []
    with ThreadPoolExecutor(min(len(urls), _MOST), thread_name_prefix="asking") as threads:
        return list(threads.map(lambda url: ask(url, path, kind), urls))


def _detail(response: httpx.Response) -> str:
    """What an answer says is wrong."""
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{response.status_code} {response.text[:200]}"
