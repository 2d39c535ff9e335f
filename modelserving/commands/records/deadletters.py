"""``modelserving deadletters list | show | replay``: what failed, why, and once more from the beginning."""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelserving.commands.models.admin import say
from modelserving.commands.models.table import when
from modelserving.commands.options import Prefix, topics_of
from modelserving.errors import ConfigError
from modelserving.terminal import printable

if TYPE_CHECKING:
    from modelserving.client.letters import KeptLetter, LetterFilter
    from modelserving.client.replay import Replayed

deadletters = typer.Typer(help="Dead letters: list them, look at one, send them again.", no_args_is_help=True)

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_REASON = 70
_OTHERS = 5
_LETTERS = "-dead-letters"
_SHOWN_BYTES = 256

LettersTopic = Annotated[
    str,
    typer.Option(
        "--from", help="Read this topic: income-dead-letters, or the queue of Kafka Streams; none: the workbook's."
    ),
]
Stage = Annotated[str, typer.Option(help="Only what failed there: decode, score, model, control or read.")]
Reason = Annotated[str, typer.Option(help="Only those with this in the error's class or reason.")]
Origin = Annotated[list[str] | None, typer.Option("--topic", help="Only messages read from this topic; repeatable.")]
Since = Annotated[str, typer.Option(help="Written then or later: 2026-11-27T10:00, or 30m, 2h, 1d ago.")]
Until = Annotated[str, typer.Option(help="Written before, in the same forms.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(deadletters, name="deadletters")


@deadletters.callback()
def about() -> None:
    """Dead letters: list them, look at one, send them again."""


@deadletters.command("list")
def list_letters(
    prefix: Prefix = "",
    source: LettersTopic = "",
    stage: Stage = "",
    reason: Reason = "",
    topic: Origin = None,
    since: Since = "",
    until: Until = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many are shown.")] = 50,
) -> None:
    """Show the dead letters, the newest last, and how many there are of each kind."""
    from modelserving.broker import use_broker
    from modelserving.client.letters import each_letter
    from modelserving.kafka import list_topics

    wanted = _wanted(stage, reason, topic, since, until)
    kinds: Counter[tuple[str, str]] = Counter()
    newest: deque[KeptLetter] = deque(maxlen=limit)
    with use_broker() as connection:
        name, others = _find(list_topics(connection), source or topics_of(prefix).dead_letters)
        for kept in each_letter(connection, name, wanted):
            kinds[kept.letter.stage or "unknown", kept.letter.error or "unknown"] += 1
            newest.append(kept)
    if not kinds:
        meant = " that are meant" if wanted != _wanted("", "", None, "", "") else ""
        say(f"No dead letters in {name}{meant}.{_point_to(others)}")
        return
    if kinds.total() > limit:
        say(f"The newest {limit} of {kinds.total()}; --limit shows more.")
    for kept in newest:
        say(_line(kept))
    say("\n".join(f"{count} x {failed}, {error}" for (failed, error), count in kinds.most_common()))


@deadletters.command()
def show(
    letter: Annotated[str, typer.Argument(help="Its name, partition and offset, as the list shows it: 0:17.")],
    prefix: Prefix = "",
    source: LettersTopic = "",
    output: Annotated[Path | None, typer.Option(help="Write the message's value, byte for byte, to this file.")] = None,
) -> None:
    """Show one dead letter: where its message was, why it failed, its headers, and its bytes."""
    from modelserving.broker import use_broker
    from modelserving.client.letters import LetterFilter, each_letter, parse_position
    from modelserving.kafka import list_topics

    with use_broker() as connection:
        name, _ = _find(list_topics(connection), source or topics_of(prefix).dead_letters)
        kept = next(each_letter(connection, name, LetterFilter(positions=(parse_position(letter),))), None)
    if kept is None:
        raise ConfigError(f"there is no dead letter {letter} in {name}. `modelserving deadletters list` shows them.")
    one = kept.letter
    say(_line(kept))
    say(f"{one.error}: {one.reason}")
    say(f"key     {_bytes(one.key)}")
    for header, value in one.headers:
        say(printable(f"header  {header}: {_bytes(value)}"))
    say(f"value   {_bytes(one.value)}")
    if one.cut:
        say("The message had more than this letter has; it cannot be sent again from here.")
    if output is not None:
        output.write_bytes(one.value or b"")
        say(f"Written to {output}: {len(one.value or b'')} bytes.")


@deadletters.command()
def replay(
    letters: Annotated[list[str] | None, typer.Argument(help="Names of letters, as 0:17; none: all meant.")] = None,
    prefix: Prefix = "",
    source: LettersTopic = "",
    stage: Stage = "",
    reason: Reason = "",
    topic: Annotated[
        list[str] | None,
        typer.Option(
            "--topic",
            help="Only messages read from this topic, which is written to again; repeatable; none: the records of the "
            "pipeline that the letters are of.",
        ),
    ] = None,
    since: Since = "",
    until: Until = "",
    again: Annotated[bool, typer.Option("--again", help="Also those that were sent again before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Send the messages of dead letters again, as they came, to the topic and partition that they came from.

    Value, key and headers are the same bytes; the time is new. Each letter is sent at most once, however often this is
    called or killed, unless told otherwise. What fails again is a new dead letter.
    """
    from modelserving.broker import use_broker
    from modelserving.client.letters import parse_position
    from modelserving.client.replay import replay as send_again
    from modelserving.kafka import list_topics

    wanted = _wanted(stage, reason, topic, since, until, [parse_position(one) for one in letters or ()])
    with use_broker() as connection:
        name, _ = _find(list_topics(connection), source or topics_of(prefix).dead_letters)
        targets = topic or [_records_of(name) or topics_of(prefix).records]
        done = send_again(connection, name, targets, wanted, again=again, dry_run=dry_run)
    _tell(done, dry_run)


def _find(topics: Iterable[str], name: str) -> tuple[str, list[str]]:
    """The topic of the letters, and the other ones that there are.

    Raises:
        ConfigError: it is not there; with those that are.
    """
    there = sorted(topics)
    others = [one for one in there if _records_of(one) and one != name]
    if name not in there:
        raise ConfigError(f"there is no topic {name!r}, so there are no dead letters on it.{_point_to(others)}")
    return name, others


def _point_to(others: Sequence[str]) -> str:
    if not others:
        return ""
    more = f" and {len(others) - _OTHERS} more" if len(others) > _OTHERS else ""
    return f" Other pipelines have {', '.join(others[:_OTHERS])}{more}: read one with --from {others[0]}."


def _records_of(name: str) -> str:
    """The records' topic of the pipeline whose dead letters a topic has, by its name; empty where it has another."""
    stem = name.removesuffix(_LETTERS)
    return f"{stem}-records" if stem != name else ""


def _tell(done: Replayed, dry_run: bool) -> None:
    names = ", ".join(done.sent[:10]) + (" …" if len(done.sent) > 10 else "")
    say(f"{len(done.sent)} {'would be sent again' if dry_run else 'sent again'}{f': {names}' if names else ''}.")
    if done.before:
        say(f"{done.before} were sent again before, and left alone; --again sends them once more.")
    for reason, count in done.reasons.most_common():
        example = next(name for name, said in done.kept if said == reason)
        say(f"{count} not sent ({example}{', …' if count > 1 else ''}): {reason}.")


def _wanted(
    stage: str,
    reason: str,
    topics: list[str] | None,
    since: str,
    until: str,
    positions: list[tuple[int, int]] | None = None,
) -> LetterFilter:
    from modelserving.client.letters import LetterFilter

    return LetterFilter(
        stage,
        reason,
        tuple(topics or ()),
        _moment(since) or 0,
        _moment(until),
        tuple(positions or ()),
    )


def _moment(text: str) -> int | None:
    """Milliseconds since 1970; nothing for nothing."""
    if not text:
        return None
    if ago := re.fullmatch(r"(\d+)([smhd])", text):
        return int((time.time() - int(ago[1]) * _UNITS[ago[2]]) * 1000)
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        raise ConfigError(f"{text!r} is no time. Give one such as 2026-11-27T10:00, or 30m, 2h, 1d ago.") from None


def _line(kept: KeptLetter) -> str:
    one = kept.letter
    reason = one.reason if len(one.reason) <= _REASON else f"{one.reason[: _REASON - 1]}…"
    size = f"{len(one.value or b'')} bytes"
    sent = ", sent again" if kept.replayed else ""
    failed = f"{one.stage or 'unknown'} {one.error}".strip()
    return printable(f"{kept.name}  {when(kept.written_ms)}  from {kept.origin}  {size}{sent}  {failed}: {reason}")


def _bytes(value: bytes | None) -> str:
    """Bytes for a person: as text where they are text, else hexadecimal."""
    if value is None:
        return "none"
    shown = value[:_SHOWN_BYTES]
    more = f" … ({len(value)} bytes)" if len(value) > len(shown) else ""
    try:
        text = shown.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    return (repr(text)[1:-1] if text and text.isprintable() else shown.hex(" ")) + more
