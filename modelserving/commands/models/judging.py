"""``modelserving models truth | quality``, and what ``promote --if-better-by`` asks for: answers and what was true."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from modelserving.commands.models.admin import ModelAdmin, Schema, model_admin, say, score_by
from modelserving.commands.models.table import SHORT
from modelserving.commands.options import DataType, Prefix, Topic
from modelserving.errors import ConfigError, RecordError
from modelserving.system.nesting import read_json

if TYPE_CHECKING:
    from modelserving.models.admin.listing import ListedModel
    from modelserving.models.info import LoadedModel
    from modelserving.monitoring.truth.judge import Judgement
    from modelserving.monitoring.truth.quality import Quality
    from modelserving.monitoring.truth.topic import Truth

T = TypeVar("T")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(truth)
    app.command()(quality)


def truth(
    file: Annotated[
        Path, typer.Argument(help='JSON lines: {"partition": 0, "offset": 42, "truth": 6}, or with a "key" instead.')
    ],
    prefix: Prefix = "",
    topic: Topic = "",
) -> None:
    """Publish what turned out to be true of records that were scored."""
    from modelserving.monitoring.truth.topic import send_truths

    truths = list(_read(file))
    with model_admin(prefix, topic) as admin:
        count = send_truths(admin.connection, admin.topics, truths)
    say(f"{count} truths sent.")


def quality(data_type: DataType, prefix: Prefix = "", topic: Topic = "", schema: Schema = None) -> None:
    """Say how good the answers were whose truth is known: of each model that served, and of the shadow beside it."""
    from modelserving.models.admin.listing import ModelStatus
    from modelserving.monitoring.truth.served import served_quality

    with model_admin(prefix, topic) as admin:
        current, shadow = (admin.choose(data_type, "", status) for status in (ModelStatus.CURRENT, ModelStatus.SHADOW))
        found = _with_truths(admin, lambda: served_quality(admin.connection, admin.topics, data_type))
        for model, one in found.items():
            say(f"{model.name} {model.version} ({model.digest[:SHORT]}), as it served: {_told(one)}.")
        if not found:
            say(f"No answer to {data_type!r} has met its truth yet.")
        if current is not None and shadow is not None:
            judgement = _judge(admin, current, shadow, schema)
            say(f"On the same records, {shadow.model.name} in the shadow: {_told(judgement.new)};")
            say(f"{current.model.name}, which serves: {_told(judgement.old)}. Gain: {judgement.improvement}.")


def require_better(
    admin: ModelAdmin, data_type: str, model: ListedModel, by: float, pairs: int, schema: list[Path] | None
) -> None:
    """See that a model is better than the one that serves, on records whose truth is known; and say by how much.

    Raises:
        ConfigError: it is not, or not for certain, or too few truths are known; or none serves.
    """
    from modelserving.models.admin.listing import ModelStatus

    current = admin.choose(data_type, "", ModelStatus.CURRENT)
    if current is None:
        raise ConfigError(
            f"no model serves {data_type!r}: there is nothing to be better than. Leave --if-better-by out."
        )
    if current.digest == model.digest:
        raise ConfigError(f"{model.model.name} serves {data_type!r} already.")
    judgement = _judge(admin, current, model, schema)
    gain = judgement.improvement
    told = gain.told(model.model.name, current.model.name)
    if gain.pairs < pairs:
        raise ConfigError(
            f"not promoted: the truth of {gain.pairs} records is known, and {pairs} are wanted. "
            "Send more (`modelserving models truth FILE`), or ask for fewer with --pairs."
        )
    if gain.at_least < by:
        raise ConfigError(f"not promoted: {told}; at least {by:g} was asked for, for certain.")
    say(f"{told}.")


def _judge(admin: ModelAdmin, old: ListedModel, new: ListedModel, schema: list[Path] | None) -> Judgement:
    from modelserving.monitoring.truth.judge import judge_log

    with ExitStack() as stack:
        models = [stack.enter_context(_loaded(admin, one)) for one in (old, new)]
        score = score_by(schema)
        return _with_truths(admin, lambda: judge_log(admin.connection, admin.topics, models[0], models[1], score))


@contextmanager
def _loaded(admin: ModelAdmin, listed: ListedModel) -> Iterator[LoadedModel]:
    """A model of the repository, built as a server builds it.

    Raises:
        ConfigError: the repository of this machine does not have it.
        ModelError: it is not fit to serve.
    """
    from modelserving.models.lifecycle.build import build_candidate

    kept = admin.repository.match(listed.digest, listed.model.data_type)
    if not kept:
        raise ConfigError(
            f"the bytes of {listed.model.name} ({listed.digest[:SHORT]}) are not in the repository of this machine. "
            "Publish it from here, or run this where a server runs."
        )
    built = build_candidate(admin.repository.read(kept[0]))
    try:
        yield built
    finally:
        built.close()


def _with_truths(admin: ModelAdmin, work: Callable[[], T]) -> T:
    """What needs the topic of truths.

    Raises:
        ConfigError: there is none yet.
    """
    from modelserving.kafka import list_topics
    from modelserving.monitoring.truth.topic import truth_topic

    name = truth_topic(admin.topics)
    if name not in list_topics(admin.connection):
        raise ConfigError(f"no truth is known: there is no topic {name}. Send some: {admin.command('truth FILE')}.")
    return work()


def _told(found: Quality) -> str:
    if not found.pairs:
        return "no record whose truth is known"
    told = f"mean error {found.mean_absolute_error:.4g}, {found.accuracy:.1%} right"
    if found.numbers:
        told += f", on the average {found.mean_error:+.3g} off, calibration {found.calibration_slope:.3g}"
    return f"{told}, {found.pairs} records"


def _read(file: Path) -> Iterator[Truth]:
    """The truths of a file.

    Raises:
        ConfigError: it cannot be read, or a line is no truth.
    """
    from modelserving.monitoring.truth.topic import decode_truth

    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file}: {error}.") from error
    for number, line in enumerate(lines, 1):
        try:
            found = read_json(line)
            key = found.pop("key", None) if isinstance(found, dict) else None
            yield decode_truth(None if key is None else str(key).encode(), json.dumps(found).encode())
        except (ValueError, RecordError) as error:
            raise ConfigError(f"{file}, line {number}: {error}") from error
