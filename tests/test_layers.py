"""The architecture, as the imports say it: who may know whom, who reads the environment, how long a module may be."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from modelserving.config import checkout

pytestmark = pytest.mark.xdist_group("layers")  # parsing all modules takes seconds: one process does it

ROOT = checkout() or Path.cwd()
PACKAGE = ROOT / "modelserving"
LAYERS = (
    "errors",
    "config",
    "system",
    "statistics",
    "svg",
    "terminal",
    "records",
    "datasets",
    "jars",
    "startup_cache",
    "jvm",
    "kafka",
    "tracing",
    "broker",
    "registry",
    "models",
    "client",
    "service",
    "serving",
    "stage",
    "actors",
    "kstreams",
    "streams_server",
    "monitoring",
    "speculative",
    "web",
    "temperature",
    "widgets",
    "workshop",
    "demo",
    "commands",
    "cli",
    "__main__",
)
"""Each may import only what stands above it."""
ENVIRONMENT = {
    "actors/runtime/ray_start.py": "tells Ray to ask for a token, before it is imported",
    "config.py": "reads the settings",
    "models/formats/tensorflow/engine.py": "tells TensorFlow to be quiet, before it is imported",
    "models/store/mlflow_registry.py": "tells MLflow to report to nobody, before it is imported",
    "workshop/lab/lab.py": "puts the commands on the path of the lab's terminals",
    "workshop/processes/child.py": "hands the environment to a child process",
    "workshop/processes/terminal.py": "hands the environment to a child process",
}
"""Who may touch ``os.environ``, and why."""
LONGEST = 320
MOST = 12
"""Modules that lie flat in one folder, which a reader still takes in at a glance; exercises are a list, not a map."""
ABOUT_WINE = (
    "datasets/",  # the records themselves
    "demo.py",
    "models/training/",  # makes the models in the data folder
    "records/__init__.py",  # what the older tutorial's clients import
    "records/defaults.py",  # the one place that says what is assumed
    "records/wine.py",
    "workshop/",  # lessons and exercises
)
"""Who may have a word of the workbook's main records, and why."""
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "wire" not in path.parts)


def layer_of(path: Path) -> str:
    """The package, or the single module, right below ``modelserving``."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@cache
def tree_of(path: Path) -> ast.Module:
    """A module, parsed once for all tests."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Everything that a module imports, anywhere in it, by full name."""
    found: list[str] = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(found)


def shown(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_a_module_imports_only_what_stands_above_it() -> None:
    """No package knows those that are built on it; a new package is given its place in ``LAYERS``."""
    wrong = {}
    for path in MODULES:
        layer = layer_of(path)
        above = LAYERS[: LAYERS.index(layer) + 1] if layer != "__init__" else ()
        used = {name.split(".")[1] for name in imports(path) if name.startswith("modelserving.")}
        if too_low := used - {*above, "__version__"}:
            wrong[shown(path)] = too_low
    assert wrong == {}


def test_the_generated_messages_stay_in_the_package_of_records() -> None:
    """Protocol Buffers are at the edge: beyond it there are dataclasses."""
    assert {layer_of(path) for path in MODULES for name in imports(path) if ".wire" in name} == {"records"}


def test_heavy_engines_are_imported_late() -> None:
    """TensorFlow takes seconds and hundreds of megabytes: only the function that needs it imports it."""
    heavy = {"tensorflow", "keras", "sklearn", "sklearn2pmml", "pypmml", "onnx", "onnxruntime", "ray", "mlflow"}
    assert {shown(path) for path in MODULES if heavy & set(imports_at_once(path))} == set()


def imports_at_once(path: Path) -> Iterator[str]:
    """The outermost packages that are imported as soon as a module is."""
    for node in tree_of(path).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def test_a_module_can_be_read_in_one_sitting() -> None:
    """A module that grows beyond that is two."""
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_a_folder_is_taken_in_at_a_glance() -> None:
    """More modules than that get an order: folders, each with a map in its ``__init__``."""
    folders = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    assert {shown(path): count for path, count in folders.items() if count > MOST} == {
        "workshop/exercises": folders[PACKAGE / "workshop/exercises"]
    }


def test_every_folder_has_its_map() -> None:
    """Each package says in its ``__init__`` what it is for, and names each of its modules and folders.

    The packages themselves are in ``docs/architecture.md``; exercises are a list, not a map.
    """
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = {path.parent for path in MODULES} - {PACKAGE / "workshop" / "exercises"}
    missing = []
    for folder in folders:
        about = (ast.get_docstring(tree_of(folder / "__init__.py")) or "") + (page if folder == PACKAGE else "")
        modules = {path.name for path in MODULES if path.parent == folder} - {"__init__.py"}
        inside = modules | {f"{other.name}/" for other in folders if other.parent == folder}
        missing += [f"{shown(folder)}: {name}" for name in sorted(inside) if name not in about]
    assert missing == []


def test_public_names_are_listed_by_packages_alone() -> None:
    """In a module they are those without an underscore; who hands a name on is a package, or nobody."""
    modules = [path for path in MODULES if path.name != "__init__.py"]
    listed = [path for path in modules if any("__all__" in assigned(node) for node in tree_of(path).body)]
    assert [shown(path) for path in listed] == [], "take the list `__all__` out of these modules"


def test_a_name_of_a_type_means_one_thing() -> None:
    """Who has met a class or an alias by its name meets the same one everywhere; private ones count, too."""
    defined = Counter(name for path in MODULES for name in types_of(path))
    assert [name for name, count in defined.items() if count > 1] == []


def types_of(path: Path) -> set[str]:
    """The classes of a module, and what it gives a class's name: aliases, type variables."""
    classes = {node.name for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)}
    return classes | {name for node in tree_of(path).body for name in assigned(node) if spelt_as_a_type(name)}


def assigned(node: ast.stmt) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    yield from (target.id for target in targets if isinstance(target, ast.Name))


def spelt_as_a_type(name: str) -> bool:
    own = name.lstrip("_")
    return own[:1].isupper() and not own.isupper()


def touches_environment(path: Path) -> bool:
    """Whether a module reads or writes the environment, by whatever name."""
    tree = tree_of(path)
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    imported = {name.removeprefix("os.") for name in imports(path) if name.startswith("os.")}
    return bool((attributes | imported) & {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"})


def test_only_the_settings_read_the_environment() -> None:
    """What can be set from outside is written in one place; who else touches it has a reason, named here."""
    assert {shown(path) for path in MODULES if touches_environment(path)} == set(ENVIRONMENT)


def test_the_others_write_or_hand_on_but_never_look() -> None:
    """TensorFlow's setting is a default, and a child gets all of it: neither depends on a variable."""
    engine = (PACKAGE / "models/formats/tensorflow/engine.py").read_text(encoding="utf-8")
    process = (PACKAGE / "workshop/processes/child.py").read_text(encoding="utf-8")
    assert engine.count("os.environ") == engine.count("os.environ.setdefault(")
    assert process.count("os.environ") == process.count("{**os.environ, ")


def test_build_tools_are_no_part_of_the_product() -> None:
    """sklearn2pmml is AGPL: only the training of our models uses it, which no server imports."""
    users = {shown(path) for path in MODULES if any(name.startswith("sklearn2pmml") for name in imports(path))}
    assert all(name.startswith("models/training/") for name in users)
    trainers = {shown(path) for path in MODULES if any("models.training" in name for name in imports(path))}
    assert all(name.startswith(("models/training/", "commands/")) for name in trainers)


def test_no_module_needs_itself() -> None:
    """Imports go one way, also those that only types need and those inside of functions: no cycle, however long."""
    names = {name_of(path): path for path in MODULES}
    graph = {
        name: {found for used in imports(path) if (found := known(used, names)) and found != name}
        for name, path in names.items()
    }
    assert cycle_in(graph) == ()


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def known(name: str, modules: Collection[str]) -> str | None:
    """The module that an import reads: the name itself, or what it is taken from."""
    return name if name in modules else next((own for own in [name.rpartition(".")[0]] if own in modules), None)


def cycle_in(graph: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Modules that import each other in a circle, or none: the ends of all ways are taken away, in turns."""
    left = dict(graph)
    while free := [name for name, used in left.items() if not set(used) & set(left) or name not in used_in(left)]:
        for name in free:
            del left[name]
    return tuple(sorted(left))


def used_in(graph: Mapping[str, Collection[str]]) -> set[str]:
    """The modules that another one imports."""
    return {used for name in graph for used in graph[name]}


def test_only_data_and_lessons_have_a_word_of_the_workbooks_main_records() -> None:
    """All others serve, publish and score any record: what they assume without a schema is named in one module."""
    told = {shown(path) for path in MODULES if "wine" in path.read_text(encoding="utf-8").lower()}
    assert [name for name in sorted(told) if not name.startswith(ABOUT_WINE)] == []
    assert [reason for reason in ABOUT_WINE if not any(name.startswith(reason) for name in told)] == []
