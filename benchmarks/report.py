"""What every benchmark takes and prints: ``--quick``, ``--json``, a table or one object with figures and ratios."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured.

    Args:
        figures: by name; they depend on the machine.
        ratios: by name; they are what to compare.
    """

    figures: Mapping[str, float]
    ratios: Mapping[str, float]


def arguments(description: str, **numbers: int) -> argparse.Namespace:
    """Read ``--quick`` and ``--json`` from the command line, and ``--name N`` for each of ``numbers`` (its default)."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end in less than a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"default {default:,}")
    return parser.parse_args()


def show(report: Report, options: argparse.Namespace) -> None:
    """Print a report in the form that was asked for."""
    if options.json:
        print(json.dumps(dataclasses.asdict(report)))
        return
    table = Table("name", "value", title="figures (this machine, now) and ratios (to compare)")
    for name, value in report.figures.items():
        table.add_row(name, f"{value:,}")
    table.add_section()
    for name, value in report.ratios.items():
        table.add_row(f"[bold]{name}[/bold]", f"[bold]{value:,}[/bold]")
    Console().print(table)
