"""Options that several commands take, and what they mean."""

from __future__ import annotations

from typing import Annotated

import typer

from modelserving.records import TOPICS, Topics
from modelserving.records.defaults import DEFAULT_TYPE

DataType = Annotated[str, typer.Argument(help=f"The records that are meant, for example {DEFAULT_TYPE}.")]
Prefix = Annotated[
    str, typer.Option(help="Put this and a hyphen before the names of the topics: a pipeline of your own.")
]
Topic = Annotated[
    str,
    typer.Option(
        help="The records' topic of a pipeline of your own, for example income-records; the others follow its name: "
        "income-scored, income-models, income-dead-letters, income-control. None: the workbook's."
    ),
]
UntilStdinCloses = Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)]


def topics_of(prefix: str, topic: str = "", **named: str) -> Topics:
    """The topics of a pipeline.

    Args:
        prefix: of all names; empty for none.
        topic: the records' topic, from which the others follow; empty: the workbook's own.
        named: those that have another name, as ``Topics.of``; a prefix is not put before these.

    Raises:
        ConfigError: two have one name.
    """
    topics = Topics.of(topic) if topic else TOPICS
    topics = topics.prefixed(prefix) if prefix else topics
    return topics.renamed(**named)
