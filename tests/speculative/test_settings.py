"""What is wanted, as a message: it comes back as it went, and what is wrong in it is named."""

from __future__ import annotations

import json

import pytest

from modelserving.errors import ModelServingError
from modelserving.speculative.settings import (
    ParticipantSettings,
    SpeculativeSettings,
    decode_settings,
    encode_settings,
)


@pytest.mark.parametrize("fallback", [None, 5.0, "unknown"])
def test_settings_come_back_as_they_went(fallback: float | str | None) -> None:
    """All fields, also a fallback of either kind."""
    made = SpeculativeSettings(
        "wine",
        (ParticipantSettings("wine-smart", 0.9, 20.0), ParticipantSettings("wine-fast")),
        50.0,
        "consensus, best",
        fallback,
        3,
        250.0,
    )
    assert decode_settings(encode_settings(made)) == made


def test_what_is_not_said_has_its_default() -> None:
    """Two words are enough."""
    made = decode_settings(b'{"data_type": "wine", "participants": [{"name": "a"}], "deadline_ms": 20}')
    assert made == SpeculativeSettings("wine", (ParticipantSettings("a"),), 20.0)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"data_type": "../x"}, "data type"),
        ({"data_type": None}, "data_type"),
        ({"participants": []}, "participants"),
        ({"participants": [{"name": "a"}, {"name": "a"}]}, "participants"),
        ({"participants": ["a"]}, "participant 0"),
        ({"participants": [{"name": "a", "qualty": 1}]}, "qualty"),
        ({"participants": [{"name": "a", "quality": 2}]}, "quality of a"),
        ({"participants": [{"name": "a", "slowed_ms": -1}]}, "slowed_ms of a"),
        ({"deadline_ms": -1}, "deadline_ms"),
        ({"deadline_ms": "50"}, "deadline_ms"),
        ({"deadline_ms": True}, "deadline_ms"),
        ({"deadline_ms": float("nan")}, "deadline_ms"),
        ({"decider": "worst"}, "worst"),
        ({"fallback": [1]}, "fallback"),
        ({"fallback": float("inf")}, "fallback"),
        ({"patience": 0}, "patience"),
        ({"patience": 1.5}, "patience"),
        ({"deadline": 5}, "deadline"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], named: str) -> None:
    """A word that is written wrongly is an error, too: it would say nothing."""
    good: dict[str, object] = {"data_type": "wine", "participants": [{"name": "a"}]}
    with pytest.raises(ModelServingError, match=named):
        decode_settings(json.dumps({**good, **change}).encode())


@pytest.mark.parametrize("value", [b"", b"\x08\x01", b"[]", b"null", b"{}", b"[" * 100_000])
def test_bytes_that_are_no_settings_are_refused(value: bytes) -> None:
    """Whatever a stranger wrote."""
    with pytest.raises(ModelServingError):
        decode_settings(value)
