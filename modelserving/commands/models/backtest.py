"""``modelserving models backtest``: what a model would have answered, had it served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelserving.commands.models.admin import ModelAdmin, Schema, model_admin, say, score_by
from modelserving.commands.models.table import SHORT
from modelserving.commands.options import Prefix, Topic
from modelserving.config import data_folder
from modelserving.errors import ConfigError, SetupError
from modelserving.records.defaults import DEFAULT_TYPE

if TYPE_CHECKING:
    from modelserving.models.info import LoadedModel
    from modelserving.monitoring.replay.backtest import Agreement, Backtest

_DIGITS = 6


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(backtest)


def backtest(
    model: Annotated[
        str, typer.Argument(help="A model of the workbook by its name, a file, or the first digits of a known digest.")
    ],
    prefix: Prefix = "",
    topic: Topic = "",
    scored_topic: Annotated[str, typer.Option(help="Where the answers are; none: the other options say.")] = "",
    schema: Schema = None,
    start: Annotated[
        str, typer.Option("--from", help="An offset, how long ago (2h, 7d), or a date and time; none: the beginning.")
    ] = "",
    end: Annotated[str, typer.Option("--to", help="The same; what is there itself is left out. None: now.")] = "",
    data_type: Annotated[
        str, typer.Option(help=f"The records that it scores; none: {DEFAULT_TYPE}, or as it is known.")
    ] = "",
    model_type: Annotated[str | None, typer.Option("--type", help="Format of the file; none: found out.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Tell so many of the largest differences.")] = 5,
    picture: Annotated[Path | None, typer.Option(help="Draw the agreement by hour into this file (SVG).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Tell it as JSON, for programs.")] = False,
    data: Annotated[Path | None, typer.Option(help="Folder with the workbook's models; none: the checkout's.")] = None,
) -> None:
    """Score a stretch of the log again with a model that never served, and compare with what was served.

    It scores as a server would, after the same checks. Nothing is written, and whatever serves does not notice.
    """
    from modelserving.monitoring.replay.backtest import backtest as run
    from modelserving.monitoring.replay.window import find_window, parse_edge

    edges = [parse_edge(said) if said else None for said in (start, end)]
    score = score_by(schema)
    with model_admin(prefix, topic) as admin:
        topics = admin.topics.renamed(scored=scored_topic)
        loaded = _load(admin, model, data_type, model_type, data)
        try:
            window = find_window(admin.connection, topics.records, *edges)
            found = run(admin.connection, topics, loaded, window, limit, score)
        finally:
            loaded.close()
    if picture is not None:
        _draw(found, picture)
    say(json.dumps(_to_json(loaded, found), indent=2) if as_json else "\n".join(_lines(loaded, found)))


def _load(admin: ModelAdmin, named: str, data_type: str, model_type: str | None, data: Path | None) -> LoadedModel:
    """The model, built, checked and warmed up as a server does.

    Raises:
        ConfigError: there is none of that name.
        ModelError: it is not fit to serve.
    """
    from modelserving.models.admin.describe import About, find_model
    from modelserving.models.lifecycle.build import build_candidate

    kept = admin.repository.match(named, data_type or None) if not Path(named).exists() else ()
    if len({one.digest for one in kept}) > 1:
        known = ", ".join(f"{one.digest[:SHORT]} {one.descriptor.name}" for one in kept)
        raise ConfigError(f"several models have a digest that begins with {named!r}: {known}. Say more of its digits.")
    if kept:
        return build_candidate(admin.repository.read(kept[0]))
    return build_candidate(find_model(named, data_folder(data) / "models", About(data_type), model_type))


def _lines(model: LoadedModel, found: Backtest) -> Iterator[str]:
    failed = sum(found.failed.values())
    yield f"{model.info} ({model.info.digest[:SHORT]}) over {found.records} records of the log:"
    yield f"{found.scored} scored, {found.skipped} of other data types, {failed} that cannot be scored{_why(found)}."
    total = found.total
    if not total.pairs:
        yield "None of them was answered by a server: there is nothing to compare with."
        return
    yield f"Of {total.pairs} that were served, {_told(total)}."
    for model_key, agreement in found.by_model.items():
        who = f"served by {model_key.name} {model_key.version} ({model_key.digest[:SHORT]})"
        yield f"  {who}: {_told(agreement)}, {agreement.pairs} records"
    for hour, agreement in found.by_hour.items():
        yield f"  {_hour(hour)}: {_told(agreement)}, {agreement.pairs} records"
    for one in found.differences:
        where = f"partition {one.position.partition}, offset {one.position.offset}"
        yield f"  {where}: {_shown(one.served)} was served, {_shown(one.now)} now"
    if found.unserved:
        yield f"{found.unserved} records were not answered when they were served."


def _told(agreement: Agreement) -> str:
    mean, largest = _shown(agreement.mean), _shown(agreement.largest)
    return f"{agreement.share:.1%} agree, mean difference {mean}, largest {largest}"


def _why(found: Backtest) -> str:
    told = ", ".join(f"{count} {error}" for error, count in found.failed.most_common())
    return f" ({told})" if told else ""


def _hour(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:00 UTC")


def _shown(answer: float | str) -> str:
    return answer if isinstance(answer, str) else f"{answer:.{_DIGITS}g}"


def _to_json(model: LoadedModel, found: Backtest) -> dict[str, Any]:
    who = model.info
    return {
        "model": {"name": who.name, "version": who.version, "digest": who.digest, "data_type": who.data_type},
        "records": found.records,
        "scored": found.scored,
        "skipped": found.skipped,
        "failed": dict(found.failed),
        "unserved": found.unserved,
        **_agreement(found.total),
        "by_model": [{**one._asdict(), **_agreement(agreement)} for one, agreement in found.by_model.items()],
        "by_hour": [{"hour": _hour(hour), **_agreement(agreement)} for hour, agreement in found.by_hour.items()],
        "differences": [
            {**one.position._asdict(), "served": one.served, "now": one.now, "apart": one.apart}
            for one in found.differences
        ],
    }


def _agreement(found: Agreement) -> dict[str, float | int | None]:
    any_pair = found.pairs > 0
    return {
        "pairs": found.pairs,
        "equal": found.equal,
        "agreement": found.share if any_pair else None,
        "mean_difference": found.mean if any_pair else None,
        "largest_difference": found.largest if any_pair else None,
    }


def _draw(found: Backtest, target: Path) -> None:
    """The agreement by hour.

    Raises:
        ConfigError: it is to be no SVG, or cannot be written; or nothing was served.
        SetupError: what draws is not installed.
    """
    if target.suffix.lower() != ".svg":
        raise ConfigError(f"{target} is no SVG: name a file that ends with .svg.")
    if not found.total.pairs:
        raise ConfigError("there is nothing to draw: none of these records was answered by a server.")
    from modelserving.workshop.display.figures import bars

    shares = {_hour(hour)[5:13]: 100 * agreement.share for hour, agreement in found.by_hour.items()}
    says = f"Agreement with what was served, by hour: {_told(found.total)}."
    try:
        target.write_text(bars(shares, says, x="hour (UTC)", y="same answer, %").svg, encoding="utf-8")
    except ImportError as error:
        raise SetupError("pictures need the extra `lab`: pip install 'modelserving[lab]'.") from error
    except OSError as error:
        raise ConfigError(f"cannot write {target}: {error.strerror or error}.") from error
