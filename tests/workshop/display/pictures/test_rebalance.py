"""Pictures of who had what: partitions at several moments, and a store beside its changelog."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from modelserving.errors import ConfigError
from modelserving.workshop.display.pictures.changelog import beside_changelog
from modelserving.workshop.display.pictures.rebalance import rebalance


def _texts(svg: str) -> list[str | None]:
    return [element.text for element in ET.fromstring(svg).iter() if element.tag.endswith("text")]


def test_what_a_rebalance_moved_is_said_and_drawn() -> None:
    """A partition that stays has a thin line, one that moves an arrow with a word; the sentence says the same."""
    drawn = rebalance(("alone", {0: "Ann", 1: "Ann"}), ("together", {0: "Ann", 1: "Bob <1>"}))
    assert drawn.alt == (
        "alone: partition 0 Ann, partition 1 Ann. together: partition 0 Ann, partition 1 Bob <1>. Moved: 1."
    )
    assert _texts(drawn.svg).count("moves") == 1
    assert "Bob <1>" in _texts(drawn.svg)


def test_a_partition_that_nobody_reads_is_shown_as_such() -> None:
    """Between a death and the rebalance, for example."""
    assert "nobody" in _texts(rebalance(("before", {0: "Ann"}), ("killed", {})).svg)
    with pytest.raises(ConfigError, match="nothing to draw"):
        rebalance(("before", {}))


def test_a_store_has_the_last_entry_of_each_key() -> None:
    """Entries that were replaced are faint, and an arrow leads from the last one of a key to the store."""
    drawn = beside_changelog([(0, "red", 1), (2, "white", 1), (3, "red", 2)], {"red": 2, "white": 1})
    assert drawn.alt == (
        "The changelog has 3 entries, of which 1 are replaced by later ones. The store has red 2, white 1."
    )
    assert drawn.svg.count("M274") == 2
    assert drawn.svg.count('stroke-dasharray="2 3"') == 2


def test_a_long_changelog_shows_its_end() -> None:
    """Twelve entries, and how many there are; a tombstone is a deletion."""
    drawn = beside_changelog([(n, "red", n) for n in range(29)] + [(29, "white", None)], {"red": 28})
    assert "changelog, a topic on the broker, the last 12 of 30" in _texts(drawn.svg)
    assert "deleted" in _texts(drawn.svg)
    with pytest.raises(ConfigError, match="are empty"):
        beside_changelog([], {})
