"""What the commands about models share: the broker, the topics, the repository, and how they speak."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelserving.commands.console import make_console
from modelserving.commands.models.table import SHORT
from modelserving.commands.options import topics_of
from modelserving.config import load_settings
from modelserving.errors import ConfigError
from modelserving.records import Action, Topics

if TYPE_CHECKING:
    from modelserving.kafka import Connection
    from modelserving.models.admin.listing import ListedModel, ModelListing, ModelStatus
    from modelserving.models.store.repository import ModelRepository
    from modelserving.records import ModelDescriptor
    from modelserving.serving import Score

Digest = Annotated[str, typer.Option("--digest", "--to", help="This model: the first digits of its digest.")]
ShadowPercent = Annotated[
    float, typer.Option(min=0, max=100, help="Not to serve, but to score this percentage of the records beside.")
]


Schema = Annotated[
    list[Path] | None, typer.Option(help="What the records are, as for `serve`: a file or a folder; repeatable.")
]


def score_by(schema: list[Path] | None) -> Score:
    """What a server does with a batch of records of these schemas; of the workbook's own where none is named."""
    from modelserving.datasets import default_schemas
    from modelserving.records.decoder import RecordDecoder
    from modelserving.records.schema_files import read_schemas
    from modelserving.serving import score_batch

    decoder = RecordDecoder(read_schemas(schema) if schema else default_schemas())
    return lambda batch, slots: score_batch(batch, slots, decoder)


def say(text: str) -> None:
    """Write a line as it is."""
    make_console(soft_wrap=True).print(text)


@dataclass(frozen=True, slots=True)
class ModelAdmin:
    """Models in use, from outside.

    Args:
        connection: to the broker.
        topics: those under the prefix, or that follow from the topic.
        repository: of this machine.
        said: the options that name the topics, as the user gave them; what is suggested carries them on.
    """

    connection: Connection
    topics: Topics
    repository: ModelRepository
    said: str = ""

    def command(self, words: str) -> str:
        """A command about models as one would type it for these topics."""
        return f"`modelserving models {words}{self.said}`"

    def look(self) -> ModelListing:
        """What is known now."""
        from modelserving.models.admin.listing import read_overview

        return read_overview(self.connection, self.topics, self.repository)

    def choose(self, data_type: str, digest: str, status: ModelStatus) -> ListedModel | None:
        """The model that the user names; without a digest the one that has a status, if there is one.

        Raises:
            ConfigError: there is no such model, or none at all.
        """
        found = self.look()
        if not found.models:
            raise ConfigError(f"no model was published yet. {self.command('publish MODEL')} sends one.")
        return found.named(data_type, digest) if digest else found.with_status(data_type, status)

    def send(self, action: Action, data_type: str, model: ListedModel | None, percent: float = 0.0) -> None:
        """Send a command, and say so."""
        from modelserving.models.admin.publish import send_command

        if model is not None and model.unreachable:
            say(f"A server could not get that model: {model.note} Where it is missing, nothing changes.")
        digest = model.digest if model else ""
        sent = send_command(self.connection, self.topics, action, data_type, digest, percent, "command line")
        share = f" {percent:g} %" if action is Action.SHADOW else ""
        named = f": {model.model.name} {model.model.version} ({model.digest[:SHORT]})" if model else ""
        say(f"{action.slug}{share} {data_type}{named} sent to {sent}.")

    def publish(self, model: ModelDescriptor) -> None:
        """Publish a model, and say so."""
        from modelserving.models.admin.publish import publish_model

        sent = publish_model(self.connection, self.topics, model, self.repository)
        how = f"as a shadow of {model.shadow_percent:g} %" if model.shadow_percent else "to serve"
        about = f"{model.name} {model.version} ({model.type.slug}, digest {model.digest[:SHORT]})"
        say(f"{about} for {model.data_type}, {how}:\nsent to {sent}.")


@contextmanager
def model_admin(prefix: str, topic: str = "", create: bool = False) -> Iterator[ModelAdmin]:
    """Yield what a command about models needs.

    Args:
        prefix: of the topics.
        topic: of the records, from which the others follow; empty: the workbook's.
        create: make the topics if they are missing.
    """
    from modelserving.broker import use_broker
    from modelserving.kafka import create_topics
    from modelserving.models.store.repository import ModelRepository

    topics = topics_of(prefix, topic)
    said = "".join(f" --{name} {value}" for name, value in (("prefix", prefix), ("topic", topic)) if value)
    with use_broker() as connection:
        if create:
            create_topics(connection, topics)
        yield ModelAdmin(connection, topics, ModelRepository(load_settings().repository_folder), said)
