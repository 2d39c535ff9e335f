"""A model that is asked for over HTTP; to the servers it is a model like any other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from modelserving.models.formats.answers import read_answers
from modelserving.models.formats.feeds import FeedReader, Tensors
from modelserving.models.formats.remote.description import read_description
from modelserving.models.formats.remote.protocols import make_feeds, make_request, read_reply
from modelserving.models.model import NO_PARAMETERS, OUTPUT, Records, Scores
from modelserving.records import Column, ModelDescriptor

_START = re.compile(rb'\s*\{\s*"remote"\s*:')


class RemoteFactory:
    """Makes models that are asked for elsewhere. Building one asks nobody; its check does."""

    suffixes = (".remote",)

    def begins(self, head: bytes) -> bool:
        """Whether a file that begins so describes a remote model: its first field says where it is."""
        return _START.match(head) is not None

    def create(self, descriptor: ModelDescriptor) -> RemoteModel:
        """Build a model of the description that the descriptor carries; errors as ``RemoteModel``."""
        return RemoteModel(descriptor.data, descriptor.parameters)

    def restore(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> RemoteModel:
        """Build a model of a description; errors as ``RemoteModel``."""
        return RemoteModel(data, parameters)

    def preload(self) -> None:
        """There is no engine here."""


class RemoteModel:
    """A service that answers for a model.

    What the service refuses costs only the records that it refuses. While it is away, ``score`` waits: so the server
    reads nothing, and nothing is lost. The same records may be asked for twice, and are answered once.

    Args:
        data: the description, a JSON text.
        parameters: of the descriptor; ``output`` names the output that answers.

    Raises:
        ModelFormatError: the description is none.
    """

    needs_warm_up = False
    """The engine is somewhere else; hundreds of requests would warm nothing here."""

    def __init__(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> None:
        about = read_description(data)
        self._about = replace(about, output=parameters.get(OUTPUT, about.output))
        self._data = data
        self._reader = FeedReader(make_feeds(about))
        # Here, for it brings a client of HTTP, and few servers have such a model.
        from modelserving.models.formats.remote.service import RemoteService

        self._service = RemoteService(about.timeout_s, about.wait_s)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Fields of the record that are sent."""
        return self._reader.fields

    @property
    def columns(self) -> tuple[Column, ...]:
        """The same with their types."""
        return self._reader.columns

    @property
    def state(self) -> str:
        """Of the way there: ``closed`` (all is well), ``open`` (nobody asks for a moment), ``half-open``."""
        return self._service.state

    def score(self, records: Records) -> Scores:
        """Ask for the answers to a batch.

        Raises:
            ModelInputError: the records lack columns, or have them in a type that does not fit.
            ModelUnreachable: the service was away for as long as the description says.
        """
        return self._reader.score(records, self._score)

    def to_bytes(self) -> bytes:
        """The description, as it arrived."""
        return self._data

    def close(self) -> None:
        """Let go of the connections. A second call does nothing."""
        self._service.close()

    def _score(self, tensors: Tensors) -> Scores:
        size, count = self._about.batch, len(tensors[0])
        parts = [[tensor[start : start + size] for tensor in tensors] for start in range(0, count, size)]
        return read_answers(np.concatenate([self._ask(part) for part in parts]))

    def _ask(self, tensors: Tensors) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        url, question = make_request(self._about, self._reader.feeds, tensors)
        return read_reply(self._about, self._service.ask(url, question), len(tensors[0]))
