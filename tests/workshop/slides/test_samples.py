"""What slides show of messages, answers, command lines and counts is what the package writes, answers and takes."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from modelserving.cli import app
from modelserving.errors import ConfigError
from modelserving.models.store.bundled import read_catalog
from modelserving.monitoring.truth.quality import Improvement
from modelserving.records import WINE_SCHEMA, WineRecord, encode_wine, read_wines
from modelserving.records.wire import modeldescriptor_pb2
from modelserving.workshop.slides.build import source_folder
from modelserving.workshop.slides.collect import sizes
from modelserving.workshop.slides.filling.figures import BenchmarkResults
from modelserving.workshop.slides.filling.samples import files_of, gain_of, lines_of, message_of, state_of
from modelserving.workshop.slides.source import read_blocks

PRESENTATION = source_folder()
SOURCE = PRESENTATION.parent
RESULTS = BenchmarkResults(PRESENTATION / "results.json")
SLIDES = {slide.title: slide for block in read_blocks(PRESENTATION / "slides") for slide in block.slides}
TEXTS = [text for slide in SLIDES.values() for text in (*slide.body, slide.notes)]
TEXTS.append((PRESENTATION / "README.md").read_text(encoding="utf-8"))
QUOTED = sorted({quoted for text in TEXTS for quoted in re.findall(r"`([^`\n]+)`", text)})
FENCED = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [line for text in TEXTS for block in FENCED.findall(text) for line in block.splitlines()]


def command_lines() -> list[str]:
    """Each ``modelserving ...`` on a slide, in its notes, or on the organisers' page, without what is before it."""
    said = [*BLOCKS, *(f"modelserving {quoted}" if quoted.startswith("models ") else quoted for quoted in QUOTED)]
    found = (re.search(r"(?:^|[ /\\])modelserving ([a-z].*?)(?: +#.*)?$", line) for line in said)
    return sorted({match[1] for match in found if match})


def check(line: str) -> None:
    """See that the command line takes these words; commands that are named without any need to be there, no more."""
    command: Any = get_command(app)
    words = shlex.split(line)
    while hasattr(command, "commands"):
        word = words.pop(0) if words else ""
        assert word in command.commands, f"modelserving {line}: there is no command {word!r}"
        command = command.commands[word]
    for word in words:
        if not word.startswith("--"):
            Path(word).touch()  # where a file is wanted, there is one
    if words:
        command.make_context(line, words)


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the files that a command line names."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("own_folder")
@pytest.mark.parametrize("line", command_lines())
def test_each_command_line_is_one_that_is_taken(line: str) -> None:
    """Its commands, options, values, and as many arguments as there are."""
    check(line)


def test_the_command_lines_of_the_slides_are_found() -> None:
    """In a sentence, in a block of code, behind a prompt, behind another command, on the organisers' page."""
    assert {
        "models backtest MODEL --from 7d",
        "models promote wine --if-better-by 0.05",
        "models rollback",
        "new parcels --from parcels.csv --model parcels.onnx",
        "run",
        "present --half",
        "doctor",
    } <= set(command_lines())


@pytest.mark.parametrize(
    "line",
    [
        "gone",
        "models gone wine",
        "models promote wine --if-gone 1",
        "models promote wine --if-better-by much",
        "models promote --if-better-by 1",
        "models promote wine it",
    ],
)
@pytest.mark.usefixtures("own_folder")
def test_a_command_line_that_is_not_taken_is_told(line: str) -> None:
    """A command, an option or an argument that is gone, a value of another kind, and one that is missing."""
    with pytest.raises(Exception, match=r"no command|No such option|should be a valid|Missing|unexpected extra"):
        check(line)


@pytest.mark.parametrize("quoted", [quoted for quoted in QUOTED if quoted.startswith("--")])
def test_an_option_that_a_slide_names_alone_is_one(quoted: str) -> None:
    """``--fast`` and the like: of some command; with a word behind it when it takes a value."""
    name, *value = quoted.split()
    found = [param for command in every_command(get_command(app)) for param in command.params if name in param.opts]
    assert [param for param in found if param.is_flag != bool(value)]


def every_command(command: Any) -> Iterator[Any]:
    """All commands and groups."""
    yield command
    for child in getattr(command, "commands", {}).values():
        yield from every_command(child)


def test_a_make_target_that_a_slide_names_is_one() -> None:
    """`make lab` and the others."""
    targets = set(re.findall(r"^([a-z-]+):", (SOURCE / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {line.split()[1] for line in (*QUOTED, *BLOCKS) if line.startswith("make ")}
    assert {"lab", "demo", "setup", "slides"} <= named <= targets


def test_a_file_that_a_slide_names_is_there() -> None:
    """`docs/architecture.md` and the others."""
    named = {one for one in QUOTED if re.match(r"(docs|modelserving|tests|benchmarks)/", one)}
    assert {"docs/architecture.md", "modelserving/stage/custom_stage.py", "tests/faults"} <= named
    assert [one for one in sorted(named) if not (SOURCE / one).exists()] == []


def test_a_message_in_hexadecimal_is_the_one_that_the_package_writes() -> None:
    """Byte for byte, its numbers and its text; dots where fields are left out."""
    shown = message_of("1 2 12").splitlines()
    assert shown[0] == "09  9a 99 99 99 99 99 1d 40    field 1, eight bytes: 7.4"
    assert shown[2:] == ["…", '62  04 77 69 6e 65             field 12, a text of 4: "wine"']
    every = message_of(" ".join(map(str, (1, 2, *range(4, 13)))))  # 0 of citric acid is not written
    bytes_of = [line.partition("field")[0] for line in every.splitlines() if line != "…"]
    wine = WineRecord(7.4, 0.7, 0.0, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4)
    assert bytes.fromhex("".join(bytes_of)) == encode_wine(wine)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: message_of("1 13"), "field 13 of a wine"),
        (lambda: state_of('"gone": 1, "usage": 2'), "shows gone of /state"),
        (lambda: state_of('"usage": "many"'), "value at /state"),
        (lambda: lines_of("modelserving/gone.py"), "modelserving/gone.py, which is not there"),
        (lambda: files_of("modelserving/gone"), "modelserving/gone, which is not there"),
        (lambda: gain_of(RESULTS, "watching.gone | new | old"), "figure watching.gone.pairs"),
    ],
)
def test_a_sample_of_what_is_gone_is_named(make: Any, told: str) -> None:
    """So a slide cannot show it."""
    with pytest.raises(ConfigError, match=told):
        make()


def test_the_samples_stand_on_slides() -> None:
    """Those that were copied by hand once are made: none has gone back to a copy."""
    named = {kind for text in TEXTS for kind in re.findall(r"\{(message|state|gain|lines|files) ", text)}
    assert named == {"message", "state", "gain", "lines", "files"}


def test_the_sample_of_state_is_json_with_a_model_of_the_workbook() -> None:
    """Fields of the server's own answer, as they were written on the slide."""
    shown = state_of('"name": "wine-decision-tree", "usage": 12873')
    assert json.loads(shown.replace(", …", "")) == {"name": "wine-decision-tree", "usage": 12873}
    body = SLIDES["Queryable state"].body[0]
    assert re.findall(r'"name": "([^"]+)"', body)[0] in {one.name for one in read_catalog(SOURCE / "data" / "models")}


def test_the_sentence_of_a_promotion_is_the_one_that_the_command_prints() -> None:
    """With the figures that were measured, and in lines as long as a terminal's."""
    pairs, gain, doubt = (RESULTS.value(f"watching.gain.{name}") for name in ("pairs", "gain", "doubt"))
    shown = gain_of(RESULTS, "watching.gain | forest | line")
    assert " ".join(shown.splitlines()) == f"forest against line: {Improvement(int(pairs), gain, doubt)}."
    asked = float(re.findall(r"--if-better-by ([\d.]+)", SLIDES['"The shadow is better"'].body[0])[0])
    assert gain - doubt >= asked  # or it would have been refused


def test_the_sizes_of_a_record_are_those_that_the_package_writes() -> None:
    """JSON, Protocol Buffers and Avro, encoded again."""
    assert sizes(SOURCE / "data") == {name: RESULTS.value(f"sizes.{name}") for name in ("json", "protobuf", "avro")}


def test_counts_of_the_code_are_counted() -> None:
    """Lines of a file, files of a folder and of those in it."""
    path = Path("modelserving/stage/custom_stage.py")
    assert lines_of(str(path)) == f"{len((SOURCE / path).read_bytes().splitlines())} lines"
    below = [name for _, _, names in os.walk(SOURCE / "modelserving" / "actors") for name in names]
    assert files_of("modelserving/actors") == f"{sum(name.endswith('.py') for name in below)} files"


def test_the_wines_are_as_many_as_the_slide_says() -> None:
    """White ones, red ones, and their measurements."""
    white, red = (sum(1 for _ in read_wines(SOURCE / "data" / f"wine_{colour}.csv")) for colour in ("white", "red"))
    assert f"{red:,} red and {white:,} white wines" in SLIDES["The running example"].body[0]
    assert len(WINE_SCHEMA.columns) == 11


def test_the_fields_of_the_descriptor_are_those_of_its_message() -> None:
    """As `modeldescriptor.proto` names them."""
    named = set(re.findall(r"`(\w+)`", SLIDES["The descriptor"].body[0]))
    assert {"dataType", "modeltype", "golden"} <= named
    assert named <= set(modeldescriptor_pb2.ModelDescriptor.DESCRIPTOR.fields_by_name)


def test_the_paths_that_a_slide_names_are_those_of_a_server() -> None:
    """`/state` and the others, at the port where a server is found if nothing else is said."""
    from modelserving.web import make_app
    from tests.fakes import FakeServer

    view = FakeServer()
    paths = {getattr(route, "path", "") for route in make_app(view).routes}
    view.slots.close()
    body = SLIDES["Queryable state"].body[0]
    named = set(re.findall(r"`(/\w*)`", body))
    assert {"/", "/state", "/models", "/healthz", "/metrics", "/docs"} == named <= paths
    live = SLIDES["See it live"].body[0].strip("{}").split()[1]
    stage: Any = get_command(app)
    for word in ("serve", "stage"):
        stage = stage.commands[word]
    default = next(param.default for param in stage.params if param.name == "port")
    assert f"curl http://127.0.0.1:{default}/state" in body
    assert live == str(default)
