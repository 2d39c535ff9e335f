"""Topologies of the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modelserving.kstreams import java

Draw = Callable[..., Any]


@pytest.fixture
def one_node() -> Draw:
    """A function that draws a topology of one processor between the topics ``in`` and ``out``."""

    def draw(supplier: Any, *stores: Any, name: str = "work") -> Any:
        topology = java.Topology()
        topology.addSource("source", "in")
        topology.addProcessor(name, supplier, "source")
        for store in stores:
            topology.addStateStore(store, name)
        topology.addSink("sink", "out", name)
        return topology

    return draw
