"""The job of ``job.py``, from the command line; in an environment of its own, which ``make setup-quix`` makes.

Lesson 08 runs it::

    .venv-quix/bin/python -m examples.quix.serve --help

It ends when so many records are answered as it was told, or none has come for a while.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from quixstreams import Application

from examples.quix.job import build


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, and serve."""
    asked = _parser().parse_args(arguments)
    app = Application(
        asked.broker,
        consumer_group=asked.group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=0.1,
        state_dir=asked.state,
        loglevel="WARNING",
    )
    build(app, asked.records_topic, asked.scored_topic, asked.model)
    app.run(count=asked.records, timeout=asked.patience, collect=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Score wines with Quix Streams.")
    parser.add_argument("--broker", required=True, help="host:port")
    parser.add_argument("--group", required=True, help="consumer group")
    parser.add_argument("--records-topic", required=True, help="wines come from here")
    parser.add_argument("--scored-topic", required=True, help="answers go here")
    parser.add_argument("--model", type=Path, required=True, help="ONNX file; its first output answers")
    parser.add_argument("--state", type=Path, required=True, help="folder for local state")
    parser.add_argument("--records", type=int, default=0, help="end after so many; 0: never")
    parser.add_argument("--patience", type=float, default=0, help="end when none came for so many seconds; 0: never")
    return parser


if __name__ == "__main__":
    main()
