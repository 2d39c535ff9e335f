"""From the tensors of a request to records, and from scores to the tensors of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelserving.errors import FieldError, RecordError
from modelserving.models.model import Scores

_ANSWER = "predict"
_WHOLE = {f"{sign}INT{bits}": f"{sign.lower()}int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
_ARROW = {"BOOL": "bool", **_WHOLE, "FP16": "double", "FP32": "double", "FP64": "double", "BYTES": "string"}
_DATATYPES = {
    "double": "FP64",
    "float": "FP32",
    "int32": "INT32",
    "int64": "INT64",
    "boolean": "BOOL",
    "string": "BYTES",
}


def describe_outputs(inputs: Sequence[str], types: Mapping[str, str]) -> dict[str, Any]:
    """A model's metadata: each column is an input of its own, and the answer is one output."""
    named = [{"name": name, "datatype": _DATATYPES[types.get(name, "double")], "shape": [-1]} for name in inputs]
    return {"inputs": named, "outputs": [{"name": _ANSWER, "datatype": "FP64", "shape": [-1]}]}


def read_tensors(inputs: object, fields: Sequence[str]) -> Any:
    """Records from the ``inputs`` of a request: a tensor for each column, or one with all columns in the model's order.

    Args:
        inputs: of the request.
        fields: what the model reads, in order.

    Raises:
        RecordError: they are not of the protocol, or do not fit each other; the message names the tensor.
    """
    if not isinstance(inputs, list) or not inputs or not all(isinstance(one, dict) for one in inputs):
        raise FieldError("the request has no 'inputs': a list of tensors, each with name, shape, datatype and data.")
    arrays: dict[str, Any] = {}
    for one in inputs:
        name = str(one.get("name", ""))
        tensor = _read_tensor(one, name)
        if tensor.ndim == 2 and tensor.shape[1] > 1:
            if len(inputs) > 1 or tensor.shape[1] != len(fields):
                raise FieldError(
                    f"tensor {name!r} has {tensor.shape[1]} columns; a single tensor of {len(fields)} columns is "
                    f"taken, in this order: {', '.join(fields)}; or one tensor for each."
                )
            arrays = {field: _arrow(tensor[:, index], one) for index, field in enumerate(fields)}
        else:
            arrays[fields[0] if len(inputs) == len(fields) == 1 else name] = _arrow(tensor.reshape(-1), one)
    return _records(arrays)


def read_instances(body: Mapping[str, Any], fields: Sequence[str]) -> Any:
    """Records from a request in the form of TensorFlow Serving: ``instances``, row by row, or ``inputs``, by column.

    Raises:
        RecordError: neither is there, or it does not fit.
    """
    columns: Any
    if "instances" in body:
        rows = body["instances"]
        if not isinstance(rows, list) or not rows:
            raise FieldError("'instances' is a list of at least one record.")
        columns = _by_column(rows, fields)
    else:
        columns = body.get("inputs")
        if isinstance(columns, list):
            columns = _by_column(columns, fields)
        if not isinstance(columns, dict) or not columns:
            raise FieldError("the request has neither 'instances', a list of records, nor 'inputs', columns by name.")
    try:
        return _records({name: pa.array(_flat(values)) for name, values in columns.items()})
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        raise FieldError(f"the values of a column are not of one type: {error}.") from error


def write_tensors(scores: Scores, wanted: object) -> list[dict[str, Any]]:
    """The ``outputs`` of an answer: ``predict`` first, then the model's named outputs.

    Args:
        scores: all of whose records have an answer.
        wanted: the request's ``outputs``, which names those that are to be given; none: all.
    """
    named: dict[str, NDArray[Any]] = {_ANSWER: _answer(scores), **scores.outputs}
    names = [str(one.get("name")) for one in wanted if isinstance(one, dict)] if isinstance(wanted, list) else []
    if unknown := [name for name in names if name not in named]:
        raise FieldError(f"there is no output {unknown[0]!r}. Known: {', '.join(named)}.")
    return [_write_tensor(name, named[name]) for name in (names or named)]


def write_predictions(scores: Scores, *, by_row: bool) -> dict[str, Any]:
    """The answer in the form of TensorFlow Serving.

    Args:
        scores: all of whose records have an answer.
        by_row: ``predictions``, one for each record; or ``outputs``, by column.
    """
    return {"predictions" if by_row else "outputs": _answer(scores).tolist()}


def _read_tensor(one: Mapping[str, Any], name: str) -> NDArray[Any]:
    shape, kind, data = one.get("shape"), one.get("datatype"), one.get("data")
    if kind not in _ARROW:
        raise FieldError(f"tensor {name!r} has the datatype {kind!r}. Known: {', '.join(_ARROW)}.")
    if not isinstance(shape, list) or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise FieldError(f"tensor {name!r} has no 'shape': a list of sizes.")
    if not isinstance(data, list):
        raise FieldError(f"tensor {name!r} has no 'data': a list of values; binary data is not taken.")
    array = np.empty(len(flat := _flat(data)), dtype=object)
    array[:] = flat
    if len(shape) not in {1, 2} or array.size != int(np.prod(shape)):
        raise FieldError(f"tensor {name!r} has {array.size} values, and its shape {shape} says otherwise.")
    return array.reshape(shape)


def _arrow(values: NDArray[Any], one: Mapping[str, Any]) -> Any:
    kind = _ARROW[str(one["datatype"])]
    try:
        return pa.array(values.tolist(), pa.type_for_alias(kind))
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError) as error:
        raise FieldError(
            f"tensor {one.get('name')!r} is {one['datatype']}, and a value of it is not: {error}."
        ) from error


def _flat(data: Any) -> list[Any]:
    """Values as they come: flat, or nested as their shape is."""
    if not isinstance(data, list):
        return [data]
    if not any(isinstance(one, list) for one in data):
        return data
    return [value for one in data for value in _flat(one)]


def _by_column(rows: Sequence[Any], fields: Sequence[str]) -> dict[str, list[Any]]:
    """Records that are objects, lists in the model's order, or, of one field, values."""
    if all(isinstance(row, dict) for row in rows):
        return {name: [row.get(name) for row in rows] for name in rows[0]}
    listed = [row if isinstance(row, list) else [row] for row in rows]
    if any(len(row) != len(fields) for row in listed):
        raise FieldError(f"a record has {len(fields)} values, in this order: {', '.join(fields)}.")
    return {name: [row[index] for row in listed] for index, name in enumerate(fields)}


def _records(arrays: Mapping[str, Any]) -> Any:
    lengths = {len(array) for array in arrays.values()}
    if len(lengths) != 1:
        raise RecordError(f"the columns have different lengths: {', '.join(map(str, sorted(lengths)))}.")
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))


def _answer(scores: Scores) -> NDArray[Any]:
    return scores.values if scores.labels is None else scores.labels


def _write_tensor(name: str, array: NDArray[Any]) -> dict[str, Any]:
    texts = array.dtype.kind in "OSU"
    data = array.ravel().tolist() if texts else array.astype(np.float64).ravel().tolist()
    return {"name": name, "shape": list(array.shape), "datatype": "BYTES" if texts else "FP64", "data": data}
