"""``python -m modelserving.workshop.slides.collect``: run the benchmarks, and keep what they print for the slides.

``--answers`` does only what needs no benchmark (the scores and the gain of lesson 17, the sizes of a record), and
leaves the figures of the benchmarks as they are.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from modelserving.models.formats.factory import create
from modelserving.models.store.bundled import read_catalog
from modelserving.monitoring.truth.quality import improvement
from modelserving.records import WINE_SCHEMA, WineRecord, read_wines
from modelserving.records.codecs import AvroCodec, Codec, JsonCodec, ProtobufCodec
from modelserving.workshop.slides.build import source_folder

BENCHMARKS = {"stage": ("--quick",), "kstreams": ("--quick",), "drift": ()}
"""Those whose figures stand on slides, and how each is run: false alarms are counted over all seeds."""

_MODELS = {"line": "wine-linear-regression", "forest": "wine-random-forest-onnx"}


def collect(folder: Path) -> dict[str, object]:
    """What each benchmark prints with ``--json``, by name.

    Args:
        folder: with the benchmarks.
    """
    results: dict[str, object] = {}
    for name, options in BENCHMARKS.items():
        command = [sys.executable, str(folder / f"{name}.py"), *options, "--json"]
        done = subprocess.run(command, cwd=folder.parent, stdout=subprocess.PIPE, text=True, check=True)
        results[name] = json.loads(done.stdout.splitlines()[-1])
    return results


def sizes(data: Path) -> dict[str, int]:
    """Bytes of one wine's eleven measurements, by the way in which it is written.

    Args:
        data: the workbook's data folder.
    """
    import pyarrow as pa

    wine, _ = next(iter(read_wines(data / "wine_red.csv")))
    row = {column.name: getattr(wine, column.name) for column in WINE_SCHEMA.columns}
    batch = pa.RecordBatch.from_pylist([row])
    codecs: dict[str, Codec] = {
        "json": JsonCodec(WINE_SCHEMA),
        "protobuf": ProtobufCodec.of(WINE_SCHEMA),
        "avro": AvroCodec.of(WINE_SCHEMA),
    }
    return {name: len(codec.encode(batch)[0]) for name, codec in codecs.items()}


def watched_answers(data: Path) -> list[tuple[int, float, str]]:
    """Lesson 17 in short: at wine 400 an instrument breaks, at 800 another model takes over.

    Args:
        data: the workbook's data folder.

    Returns:
        For each ten wines their first place, the mean answer, and who gave it.
    """
    wines = [wine for wine, _ in _watched(data)]
    found: list[tuple[int, float, str]] = []
    for who, some in (("line", wines[:800]), ("forest", wines[800:])):
        values = _scores(data, who, some)
        means = [fmean(values[at : at + 10]) for at in range(0, len(values), 10)]
        found += [(10 * number, round(mean, 3), who) for number, mean in enumerate(means, len(found))]
    return found


def watched_gain(data: Path) -> dict[str, float]:
    """By how much the forest is nearer to the tasters than the line, on the 800 wines that the line answers.

    Args:
        data: the workbook's data folder.
    """
    wines, truths = zip(*_watched(data)[:800], strict=True)
    line, forest = (
        [abs(value - truth) for value, truth in zip(_scores(data, who, wines), truths, strict=True)]
        for who in ("line", "forest")
    )
    found = improvement(line, forest)
    return {"pairs": found.pairs, "gain": round(found.gain, 4), "doubt": round(found.doubt, 4)}


def _watched(data: Path) -> list[tuple[WineRecord, float]]:
    """A thousand wines and their grades; from wine 400 on, the alcohol reads 1.5 % too much."""
    wines = [(wine, grade) for wine, grade in read_wines(data / "wine_red.csv") if grade is not None]
    random.Random(17).shuffle(wines)
    return wines[:400] + [(replace(wine, alcohol=wine.alcohol + 1.5), grade) for wine, grade in wines[400:1_000]]


def _scores(data: Path, who: str, wines: Sequence[WineRecord]) -> list[float]:
    catalog = {model.name: model for model in read_catalog(data / "models")}
    with closing(create(catalog[_MODELS[who]])) as model:
        return [float(value) for value in model.score(wines).values]


if __name__ == "__main__":
    source = source_folder()
    target = source / "results.json"
    known = json.loads(target.read_text(encoding="utf-8"))
    figures = {} if "--answers" in sys.argv else collect(source.parent / "benchmarks")
    data = source.parent / "data"
    own = {"sizes": sizes(data), "watching": {"gain": watched_gain(data), "answers": watched_answers(data)}}
    text = json.dumps({**known, **figures, **own}, indent=1)
    text = re.sub(r"\[\s+([^\[\]]+?)\s+\]", lambda row: f"[{' '.join(row[1].split())}]", text)  # a point is a line
    target.write_text(text + "\n", encoding="utf-8", newline="\n")
