"""How the tests make models, small enough to be worked out in plain Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelserving.models.formats.tensorflow.engine import load_tensorflow
from modelserving.records import FEATURES, ModelType, WineRecord

LABELS = ("5", "6", "7", "4")
WEIGHTS = np.random.default_rng(7).normal(size=(11, 4)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Sample:
    """A model, and what it must answer.

    Args:
        type: its format.
        data: its bytes.
        inputs: the fields that it reads, in its order.
        expected: its answer for a record.
        tolerance: how far an answer may be from that.
    """

    type: ModelType
    data: bytes
    inputs: tuple[str, ...]
    expected: Callable[[WineRecord], float]
    tolerance: float = 1e-12


def pmml(dictionary: str, model: str, version: str = "4.3") -> bytes:
    """A PMML document with these fields and this model."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<PMML xmlns="http://www.dmg.org/PMML-{version.replace(".", "_")}" '
        f'version="{version}"><Header/><DataDictionary>{dictionary}</DataDictionary>{model}</PMML>'
    ).encode()


def field(name: str, kind: str = "double") -> str:
    """An entry of a data dictionary: a number."""
    return f'<DataField name="{name}" optype="continuous" dataType="{kind}"/>'


def target(*labels: str, kind: str = "string") -> str:
    """An entry of a data dictionary: the quality, one of ``labels``."""
    values = "".join(f'<Value value="{label}"/>' for label in labels)
    return f'<DataField name="quality" optype="categorical" dataType="{kind}">{values}</DataField>'


def schema(*inputs: str) -> str:
    """A mining schema: the quality is predicted from ``inputs``."""
    fields = "".join(f'<MiningField name="{name}"/>' for name in inputs)
    return f'<MiningSchema><MiningField name="quality" usageType="target"/>{fields}</MiningSchema>'


def linear(**coefficients: float) -> bytes:
    """A linear model with intercept 1; names are written with spaces."""
    names = {name.replace("_", " "): value for name, value in coefficients.items()}
    terms = "".join(f'<NumericPredictor name="{name}" coefficient="{value}"/>' for name, value in names.items())
    return pmml(
        field("quality") + "".join(map(field, names)),
        f'<RegressionModel functionName="regression">{schema(*names)}'
        f'<RegressionTable intercept="1">{terms}</RegressionTable></RegressionModel>',
    )


def leaf(counts: dict[str, float], predicate: str, score: str | None = None) -> str:
    """A leaf as Spark writes it: only the classes that it saw, in any order."""
    entries = "".join(f'<ScoreDistribution value="{label}" recordCount="{n}"/>' for label, n in counts.items())
    named = f' score="{score}"' if score else ""
    return f"<Node{named}>{predicate}{entries}</Node>"


def stump(name: str, limit: float, below: dict[str, float], above: dict[str, float], scored: bool = True) -> str:
    """A tree of one split on one field."""
    best = [max(counts, key=lambda label: counts[label]) if scored else None for counts in (below, above)]
    split = [
        f'<SimplePredicate field="{name}" operator="{op}" value="{limit}"/>' for op in ("lessOrEqual", "greaterThan")
    ]
    return f"<Node><True/>{leaf(below, split[0], best[0])}{leaf(above, split[1], best[1])}</Node>"


def tree(root: str, *inputs: str, probabilities: tuple[str, ...] = LABELS) -> str:
    """A classification tree that declares probabilities only, as Spark's do."""
    declared = "".join(
        f'<OutputField name="p{label}" optype="continuous" dataType="double" feature="probability" value="{label}"/>'
        for label in probabilities
    )
    output = f"<Output>{declared}</Output>" if declared else ""
    return f'<TreeModel functionName="classification">{schema(*inputs)}{output}{root}</TreeModel>'


def forest(trees: list[str], method: str = "average", labels: tuple[str, ...] = LABELS) -> bytes:
    """A forest over alcohol and the volatile acidity."""
    inputs = ("volatile acidity", "alcohol")
    bare = schema(*inputs).replace('<MiningField name="quality" usageType="target"/>', "")
    segments = "".join(
        f'<Segment><True/><TreeModel functionName="classification">{bare}{root}</TreeModel></Segment>' for root in trees
    )
    return pmml(
        target(*labels) + "".join(map(field, inputs)),
        f'<MiningModel functionName="classification">{schema(*inputs)}'
        f'<Segmentation multipleModelMethod="{method}">{segments}</Segmentation></MiningModel>',
    )


def largest_output(wine: WineRecord) -> float:
    """What a network of one layer with ``WEIGHTS`` answers: the index of its largest output."""
    row = np.array([getattr(wine, name) for name in FEATURES], dtype=np.float32)
    return float(np.argmax(row @ WEIGHTS))


def graph_bytes(build: Callable[[Any], None]) -> bytes:
    """A serialised graph of what ``build`` makes, which is given TensorFlow."""
    tf = load_tensorflow()
    with tf.Graph().as_default() as graph:
        build(tf)
    data: bytes = graph.as_graph_def().SerializeToString()
    return data
