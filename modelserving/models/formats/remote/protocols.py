"""What is asked of a service, and what its answer means: the Open Inference Protocol, and TensorFlow Serving's REST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelserving.errors import ScoringError
from modelserving.models.formats.feeds import Feed, Tensors
from modelserving.models.formats.remote.description import KINDS, RemoteDescription


def make_feeds(about: RemoteDescription) -> tuple[Feed, ...]:
    """What the service is fed: a matrix, or each column by itself."""
    kinds = {name: np.dtype(KINDS[kind]) for name, kind in about.columns.items()}
    if about.tensor:
        return (Feed(about.tensor, tuple(kinds), next(iter(kinds.values()))),)
    return tuple(Feed(name, (name,), kind, flat=True) for name, kind in kinds.items())


def make_request(about: RemoteDescription, feeds: Sequence[Feed], tensors: Tensors) -> tuple[str, dict[str, Any]]:
    """The URL and the JSON object that ask for the answers to some rows."""
    named = {feed.name: tensor for feed, tensor in zip(feeds, tensors, strict=True)}
    if about.protocol == "tensorflow":
        columns = {name: tensor.tolist() for name, tensor in named.items()}
        content: Any = next(iter(columns.values())) if about.tensor else columns
        return f"{about.base}:predict", {"inputs": content}
    types = dict(
        zip(named, [next(iter(about.columns.values()))] if about.tensor else about.columns.values(), strict=True)
    )
    inputs = [
        {"name": name, "shape": list(tensor.shape), "datatype": types[name], "data": tensor.ravel().tolist()}
        for name, tensor in named.items()
    ]
    return f"{about.base}/infer", {"inputs": inputs}


def read_reply(about: RemoteDescription, reply: object, count: int) -> NDArray[Any]:
    """The answers, shape ``(count, k)``.

    Raises:
        ScoringError: the reply is not of the protocol, or has no such output, or not so many answers.
    """
    try:
        outputs = _outputs_v2(reply) if about.protocol == "v2" else _outputs_tensorflow(reply)
    except (KeyError, TypeError, ValueError) as error:
        raise ScoringError(f"the service answered what is not of the protocol {about.protocol!r}: {error}.") from error
    name = about.output or next(iter(outputs), "")
    if name not in outputs:
        raise ScoringError(f"the service gave no output {name!r}; it gave {', '.join(outputs) or 'none'}.")
    answers = outputs[name]
    if answers.ndim == 0 or answers.shape[0] != count:
        given = answers.shape[0] if answers.ndim else 0
        raise ScoringError(f"the service gave {given} answers for {count} records.")
    return answers.reshape(count, -1)


def _outputs_v2(reply: Any) -> Mapping[str, NDArray[Any]]:
    return {
        output["name"]: np.array(output["data"], dtype=KINDS[output["datatype"]]).reshape(output["shape"])
        for output in reply["outputs"]
    }


def _outputs_tensorflow(reply: Any) -> Mapping[str, NDArray[Any]]:
    found = reply["outputs"] if "outputs" in reply else reply["predictions"]
    named = found if isinstance(found, dict) else {"predictions": found}
    return {name: _array(values) for name, values in named.items()}


def _array(values: Any) -> NDArray[Any]:
    array = np.array(values)
    return array.astype(object) if array.dtype.kind in "US" else array
