"""Options that several commands take, and what they mean."""

from __future__ import annotations

from typing import Annotated

import typer

from modelserving.records import TOPICS, Topics

__all__ = ["Prefix", "UntilStdinCloses", "topics_of"]

Prefix = Annotated[
    str, typer.Option(help="Put this and a hyphen before the names of the topics: a pipeline of your own.")
]
UntilStdinCloses = Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)]


def topics_of(prefix: str) -> Topics:
    """The topics under a prefix; the plain ones under none."""
    return TOPICS.prefixed(prefix) if prefix else TOPICS
