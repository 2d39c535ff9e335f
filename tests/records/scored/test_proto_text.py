"""The schema of answers as a registry keeps it."""

from __future__ import annotations

import re

from modelserving.config import checkout
from modelserving.records.scored import answers_proto


def test_the_text_says_what_protos_say() -> None:
    """Field by field; and the answer comes first, as its framing says."""
    root = checkout()
    assert root is not None
    written = (root / "protos" / "scored.proto").read_text(encoding="utf-8")

    def fields(text: str) -> set[str]:
        return set(re.findall(r"^  ([a-zA-Z0-9_ ]+ = \d+);", text, re.MULTILINE))

    assert fields(answers_proto()) == fields(written)
    assert re.findall(r"message (\w+)", answers_proto()) == ["ScoredRecord", "NamedOutput"]
