"""Names of topics."""

from __future__ import annotations

from dataclasses import astuple

from modelserving.records import TOPICS, Topics


def test_a_prefix_stands_before_all_five_names() -> None:
    """A lesson's pipeline shares no topic with another's."""
    assert astuple(TOPICS.prefixed("l02")) == tuple(f"l02-{name}" for name in astuple(TOPICS))


def test_prefixes_add_up() -> None:
    """A pipeline of a pipeline has both prefixes, the last one first."""
    assert TOPICS.prefixed("a").prefixed("b").records == "b-a-wine-records"


def test_a_prefix_keeps_names_of_ones_own() -> None:
    """What was renamed stays renamed."""
    assert Topics(records="mine").prefixed("p").records == "p-mine"
