"""The options of all servers, written once."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from modelserving.cli import app
from modelserving.commands.serve.options import ListenOptions, ServeOptions, with_options

SERVE = {
    name: one for name, one in getattr(get_command(app), "commands", {})["serve"].commands.items() if name != "model"
}
"""Those that serve records of a pipeline; `serve model` knows no broker."""
DEFAULTS = {
    "stage": (5500, 10_000),
    "actor": (5500, 10_000),
    "speculative": (5500, 10_000),
    "streams": (5600, 1_000),
    "temperature": (5700, None),
    "monitor": (5900, None),
}


@pytest.mark.parametrize("name", SERVE)
def test_every_server_takes_the_options_of_all(name: str) -> None:
    """With the same words and the same help; only what a server listens on, and how much it takes, is its own."""
    kind = ListenOptions if name in {"temperature", "monitor"} else ServeOptions
    found = {one.name: one for one in SERVE[name].params}
    same = {field.name for field in dataclasses.fields(kind)}
    assert same <= set(found)
    assert [found[each].help for each in sorted(same)] == [_plain(kind)[each].help for each in sorted(same)]
    assert (found["port"].default, found["max_records"].default if "max_records" in found else None) == DEFAULTS[name]


def test_who_watches_reads_records_as_the_servers_do() -> None:
    """Framed, by a registry: with the same words."""
    found, same = ({one.name: one for one in each} for each in (SERVE["monitor"].params, SERVE["stage"].params))
    for name in ("framed", "schema_registry"):
        assert (found[name].opts, found[name].help) == (same[name].opts, same[name].help)


def _plain(kind: type[ListenOptions]) -> dict[str, Any]:
    alone = typer.Typer()
    alone.command()(with_options(kind)(lambda said: None))
    return {one.name: one for one in get_command(alone).params}


def test_a_command_gets_the_shared_ones_together_and_its_own_apart() -> None:
    """As the user said them, and else as this command's defaults are."""
    alone, seen = typer.Typer(), []

    @alone.command()
    @with_options(ServeOptions, port=1)
    def serve(said: ServeOptions, own: Annotated[int, typer.Option(help="Its own.")] = 2) -> None:
        seen.append((said, own))

    CliRunner().invoke(alone, ["--prefix", "a", "--no-preload", "--model-host", "b", "--model-host", "c", "--own", "3"])
    assert seen == [(ServeOptions(port=1, prefix="a", preload=False, model_host=["b", "c"]), 3)]
