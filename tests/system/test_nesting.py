"""JSON of others cannot end the process."""

from __future__ import annotations

import json

import pytest

from modelserving.system.nesting import read_json


@pytest.mark.parametrize("text", ["[" * 200 + "]" * 200, b'{"a":' * 200 + b"1" + b"}" * 200])
def test_what_is_nested_reasonably_is_read(text: str | bytes) -> None:
    """Two hundred levels are more than anybody's records, settings or schemas have."""
    assert read_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        b"[" * 100_000,
        '{"a":' * 201 + "1" + "}" * 201,
        '["text \\" ]",' * 201 + "1" + "]" * 201,
        ("[" * 300 + "]" * 300).encode("utf-16"),
    ],
)
def test_what_is_nested_too_deeply_is_refused_before_it_is_read(text: str | bytes) -> None:
    """The reader itself would go down the stack, of which a thread of Java's has little."""
    with pytest.raises(ValueError, match="more than 200 deep"):
        read_json(text)


@pytest.mark.parametrize("text", ["[" * 1000, "\\" * 999, '\\"' * 500, "{}" * 500, "\n[" * 500])
def test_brackets_in_a_text_are_not_nested(text: str) -> None:
    """Nor are a thousand lists beside each other; and how a text is written does not matter."""
    assert read_json(json.dumps([text])) == [text]
    assert read_json(json.dumps([[]] * 1000)) == [[]] * 1000


@pytest.mark.parametrize("text", ['"' + "[" * 300, '"' + "[" * 300 + "\\", "[" * 150 + "]" * 300])
def test_what_is_broken_is_a_problem_of_its_own(text: str) -> None:
    """A text without an end ends with the message; too many closing brackets close nothing."""
    with pytest.raises(ValueError, match=r"Unterminated|Extra data"):
        read_json(text)
