"""Models that are tried in a process of their own: what they may take, and what is said of those that take more."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import psutil
import pytest

from modelserving.errors import ModelCheckError, ModelFormatError, ModelRefused
from modelserving.models.lifecycle.sandbox import SandboxLimits, _judge, trial_then_build, try_model
from modelserving.records import Golden, ModelDescriptor, ModelType
from modelserving.system.stopping import StopWaiting, stoppable
from tests.fakes import wine
from tests.models.onnx_samples import classifier, hungry_onnx, onnx_bytes, operator
from tests.models.samples import field, graph_bytes, pmml, schema, target

ADDRESS_SPACE = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
SHORT = SandboxLimits(seconds=3.0)
SMALL = SandboxLimits(memory_mb=1000)
GOOD = ModelDescriptor("good", "", "wine", ModelType.ONNX, classifier(("5", "6", "7", "4")))


def lasting_onnx() -> bytes:
    """Multiplies large matrices, four hundred times."""
    nodes = [operator("ReduceSum", "wine", output="sum", keepdims=0), operator("Mul", "large", "sum", output="x0")]
    nodes += [operator("MatMul", f"x{turn}", "x0", output=f"x{turn + 1}") for turn in range(400)]
    nodes += [
        operator("ReduceMax", "x400", output="top", keepdims=0),
        operator("Gather", "wine", "nil", output="own", axis=1),
        operator("Add", "own", "top", output="quality"),
    ]
    return onnx_bytes(nodes, constants={"nil": 0, "large": np.zeros((1500, 1500))})


def hungry_graph() -> bytes:
    """Puts three hundred copies of its numbers side by side, three times over; no shape says so before it runs."""

    def build(tf: Any) -> None:
        wines = tf.compat.v1.placeholder(tf.float32, [None, 11], name="wine")
        numbers = tf.reshape(wines, [-1])
        for _ in range(3):
            numbers = tf.concat([numbers] * 300, 0)
        tf.add(tf.reduce_max(wines, axis=1), tf.reduce_max(numbers), name="quality")

    return graph_bytes(build)


def endless_tree() -> bytes:
    """A tree with so many branches in a row that each wine is asked forty thousand questions."""
    leaves = "".join(
        f'<Node score="5"><SimplePredicate field="alcohol" operator="lessThan" value="{number}e-9"/></Node>'
        for number in range(40_000)
    )
    root = f'<Node><True/>{leaves}<Node score="6"><True/></Node></Node>'
    model = f'<TreeModel functionName="classification">{schema("alcohol")}{root}</TreeModel>'
    return pmml(target("5", "6") + field("alcohol"), model)


def test_a_good_model_passes_and_serves() -> None:
    """The trial says nothing, and the model is built here afterwards."""
    try_model(GOOD)
    served = trial_then_build(GOOD, SMALL)
    assert served.model.score([wine()]).values.shape == (1,)
    served.close()


def test_a_trial_ends_with_the_server_that_wants_it() -> None:
    """It may take as long as its limits let it; that says nothing of the model, and no process stays behind."""
    stop = threading.Event()
    stop.set()
    before = {*psutil.Process().children()}
    with stoppable(stop), pytest.raises(StopWaiting):
        try_model(GOOD)
    assert {*psutil.Process().children()} <= before


def test_what_is_wrong_with_a_model_is_told_as_ever() -> None:
    """A trial says what the server itself would have said."""
    with pytest.raises(ModelCheckError, match=r"answers .* for golden record 0; 99 was expected"):
        try_model(replace(GOOD, golden=(Golden(wine(), 99.0),)))
    with pytest.raises(ModelFormatError, match="no ONNX model"):
        try_model(replace(GOOD, data=b"<PMML/>"))


@pytest.mark.parametrize(
    ("kind", "make", "limits", "message"),
    [
        pytest.param(
            ModelType.ONNX, hungry_onnx, SMALL, "wanted more than 1,000 MB", id="onnx memory", marks=ADDRESS_SPACE
        ),
        pytest.param(ModelType.ONNX, lasting_onnx, SHORT, "took more than 3 s", id="onnx time", marks=pytest.mark.slow),
        pytest.param(
            ModelType.TENSORFLOW,
            hungry_graph,
            SMALL,
            "wanted more than 1,000 MB",
            id="graph memory",
            marks=(ADDRESS_SPACE, pytest.mark.slow),
        ),
        pytest.param(ModelType.PMML, endless_tree, SHORT, "took more than 3 s", id="tree time", marks=pytest.mark.slow),
    ],
)
def test_a_model_that_takes_too_much_is_refused_by_trial(
    kind: ModelType, make: Callable[[], bytes], limits: SandboxLimits, message: str
) -> None:
    """What no list of operations keeps out ends with its process, and the reason names the limit."""
    with pytest.raises(ModelRefused, match=f"model 'greedy' .*{message}"):
        try_model(ModelDescriptor("greedy", "", "wine", kind, make()), limits)


@pytest.mark.parametrize(
    ("status", "said", "noise", "message"),
    [
        (-signal.SIGSEGV, "", "", "crashed its process with SIGSEGV when it was tried; perhaps it wanted more than"),
        (-signal.SIGABRT, "", "terminate called after throwing 'std::bad_alloc'", "wanted more than 1,000 MB"),
        (1, "", "Timeout (0:00:03)!\nThread 0x1", "took more than 3 s"),
        (1, "engine talk\n{}", "java is gone", "ended its process when it was tried: java is gone"),
        (0, '{"kind": "ModelFormatError", "reason": "OutOfMemoryError: heap"}', "", "wanted more than 1,000 MB"),
    ],
)
def test_an_end_without_a_verdict_is_put_into_words(status: int, said: str, noise: str, message: str) -> None:
    """However a child ends, the model is refused with what is known of it."""
    with pytest.raises(ModelRefused, match=message):
        _judge("greedy", SandboxLimits(3.0, 1000), status, said, noise)
