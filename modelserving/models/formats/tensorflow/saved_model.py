"""TensorFlow SavedModels, as a zip archive of their folder.

Only the part of the graph that its answer, its variables and its initialisation need is looked at, checked and loaded;
TensorFlow's own loader would take all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.formats.archive import unpacked
from modelserving.models.formats.tensorflow.engine import load_tensorflow, make_session, say
from modelserving.models.formats.tensorflow.graph_guard import MAX_ELEMENTS, check_shapes
from modelserving.models.formats.tensorflow.graph_model import GraphModel
from modelserving.models.formats.tensorflow.graph_slice import slice_graph
from modelserving.models.model import NO_PARAMETERS, OUTPUT, SIGNATURE, choose_outputs
from modelserving.records import ModelDescriptor

_SIGNATURES = ("serving_default", "predict")
_INITIALISE = "__saved_model_init_op"


class SavedModelFactory:
    """Makes models of SavedModels, of TensorFlow 1 and 2.

    The signature is ``serving_default`` or ``predict``, or the only one. Its input is a matrix, or a tensor for each
    field by name. The descriptor's parameters ``inputs``, ``output`` and
    ``signature`` settle what is not clear, and ``outputs`` asks for more than the answer.
    """

    suffixes = (".zip",)

    def begins(self, head: bytes) -> bool:
        """Whether a file that begins so is a zip archive."""
        return head.startswith(b"PK\x03\x04")

    def create(self, descriptor: ModelDescriptor) -> GraphModel:
        """Build a model of the archive that the descriptor carries; errors as ``load_saved_model``."""
        return load_saved_model(descriptor.data, descriptor.parameters)

    def restore(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> GraphModel:
        """Build a model of an archive; errors as ``load_saved_model``."""
        return load_saved_model(data, parameters)

    def preload(self) -> None:
        """Import TensorFlow."""
        load_tensorflow()


def load_saved_model(data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> GraphModel:
    """Build a model of a SavedModel.

    Args:
        data: a zip archive of its folder (``archive.pack``).
        parameters: ``inputs`` names the fields of its columns, ``output`` the output that answers, ``outputs`` what to
            give beside it, ``signature`` what to call; all may be absent.

    Raises:
        ModelFormatError: no archive, no SavedModel in it, or one whose answer is not clear.
        ModelInputError: it wants an input that the records do not have.
        ModelRefused: it is hostile or too large.
    """
    if not data:
        raise ModelFormatError("the model is empty: 0 bytes. A zip archive of a SavedModel was expected.")
    with unpacked(data) as folder:
        home = _find_home(folder)
        meta_graph = _read_meta_graph(home / "saved_model.pb")
        variables = home / "variables" / "variables"
        _check_variables(variables)
        return _build(data, meta_graph, variables, parameters)


def _find_home(folder: Path) -> Path:
    """Where ``saved_model.pb`` is: at the top, or one folder further down, as archives made by hand have it."""
    for found in (folder / "saved_model.pb", *sorted(folder.glob("*/saved_model.pb"))):
        if found.is_file():
            return found.parent
    raise ModelFormatError("the archive holds no SavedModel: there is no file saved_model.pb in it.")


def _read_meta_graph(path: Path) -> Any:
    load_tensorflow()
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    try:
        meta_graphs = SavedModel.FromString(path.read_bytes()).meta_graphs
    except DecodeError as error:
        raise ModelFormatError(f"saved_model.pb of the archive is none: {error}.") from error
    serving = [graph for graph in meta_graphs if "serve" in graph.meta_info_def.tags] or list(meta_graphs)
    if not serving:
        raise ModelFormatError("saved_model.pb of the archive holds no graph.")
    return serving[0]


def _check_variables(prefix: Path) -> None:
    """Refuse variables that claim more than a model may have; their file can state any shape.

    Raises:
        ModelFormatError: the file is damaged.
        ModelRefused: they are too large.
    """
    if not _has_variables(prefix):
        return
    tf = load_tensorflow()
    try:
        shapes = tf.train.load_checkpoint(str(prefix)).get_variable_to_shape_map()
    except (tf.errors.OpError, ValueError, RuntimeError, LookupError) as error:
        raise ModelFormatError(f"the SavedModel's variables cannot be read: {say(error)}") from error
    elements = sum(_product(shape) for shape in shapes.values())
    if elements > MAX_ELEMENTS:
        raise ModelRefused(
            f"the SavedModel's variables claim {elements:,} numbers; at most {MAX_ELEMENTS:,} are allowed."
        )


def _build(data: bytes, meta_graph: Any, variables: Path, parameters: Mapping[str, str]) -> GraphModel:
    tf = load_tensorflow()
    signature = _find_signature(meta_graph.signature_def, parameters.get(SIGNATURE, ""))
    chosen = _find_answer(signature.outputs, parameters.get(OUTPUT, ""))
    others = choose_outputs([name for name in sorted(signature.outputs) if name != chosen], parameters)
    wanted = {name: signature.outputs[name].name for name in (chosen, *others)}
    saver = meta_graph.saver_def
    restore = saver.restore_op_name if _has_variables(variables) else ""
    initialise = list(_initialisers(meta_graph))
    graph_def = slice_graph(
        meta_graph.graph_def,
        wanted=[
            *wanted.values(),
            *(info.name for info in signature.inputs.values()),
            *initialise,
            *filter(None, [restore]),
        ],
        file_name=saver.filename_tensor_name if restore else "",
    )
    with tf.Graph().as_default() as graph:
        try:
            _import_in_steps(graph_def)
            tensors = {name: graph.get_tensor_by_name(info.name) for name, info in signature.inputs.items()}
            outputs = {name: graph.get_tensor_by_name(tensor) for name, tensor in wanted.items()}
        except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
            raise ModelFormatError(f"TensorFlow cannot read the SavedModel's graph: {say(error)}") from error
        check_shapes(graph)
        session = make_session(graph)
        try:
            _fill(
                session,
                graph,
                [(restore, {saver.filename_tensor_name: str(variables)}), *((op, {}) for op in initialise)],
            )
        except BaseException:
            session.close()
            raise
        return GraphModel(data, session, tensors, parameters, outputs.pop(chosen), outputs)


def _import_in_steps(graph_def: Any) -> None:
    """The functions one by one, then the nodes: TensorFlow keeps the interpreter for itself during each import."""
    tf = load_tensorflow()
    for function in graph_def.library.function:
        library = tf.compat.v1.GraphDef(versions=graph_def.versions)
        library.library.function.append(function)
        tf.import_graph_def(library, name="")
    tf.import_graph_def(tf.compat.v1.GraphDef(node=graph_def.node, versions=graph_def.versions), name="")


def _fill(session: Any, graph: Any, steps: list[tuple[str, dict[str, str]]]) -> None:
    """Read the variables from the folder, and run what initialises the rest."""
    tf = load_tensorflow()
    for name, feed in steps:
        if not name:
            continue
        try:
            session.run(graph.get_operation_by_name(name.partition(":")[0]), feed)
        except (tf.errors.OpError, ValueError, KeyError, TypeError) as error:
            raise ModelFormatError(f"the SavedModel's variables cannot be restored: {say(error)}") from error


def _initialisers(meta_graph: Any) -> Iterator[str]:
    """Names of the operations to run once after loading: as TensorFlow 2 says it, or as 1 did."""
    if _INITIALISE in meta_graph.signature_def:
        yield meta_graph.signature_def[_INITIALISE].outputs[_INITIALISE].name
        return
    for key in ("saved_model_main_op", "legacy_init_op"):
        if key in meta_graph.collection_def:
            yield from meta_graph.collection_def[key].node_list.value
            return


def _find_signature(signatures: Mapping[str, Any], named: str) -> Any:
    """The signature to serve.

    Raises:
        ModelFormatError: there is none, or it is not clear which, or it wants nothing that can be fed.
    """
    public = sorted(name for name in signatures if not name.startswith("__"))
    known = f"It has: {', '.join(public) or 'none'}."
    if named and named not in public:
        raise ModelFormatError(
            f"the SavedModel has no signature {named!r}, which the parameter {SIGNATURE!r} names. {known}"
        )
    usual = [name for name in _SIGNATURES if name in public]
    found = [named] if named else usual[:1] or public
    if len(found) != 1:
        raise ModelFormatError(
            f"the SavedModel has no signature {' or '.join(_SIGNATURES)}. {known} "
            f"Name one in the descriptor's parameter {SIGNATURE!r}."
        )
    if not signatures[found[0]].inputs or not signatures[found[0]].outputs:
        raise ModelFormatError(f"signature {found[0]!r} of the SavedModel has no inputs, or no outputs.")
    return signatures[found[0]]


def _find_answer(outputs: Mapping[str, Any], named: str) -> str:
    """Name of the output that answers."""
    known = ", ".join(sorted(outputs))
    if named and named not in outputs:
        raise ModelFormatError(
            f"the SavedModel has no output {named!r}, which the parameter {OUTPUT!r} names. It has: {known}."
        )
    if not named and len(outputs) > 1:
        raise ModelFormatError(
            f"the SavedModel has {len(outputs)} outputs: {known}. Name one: --output NAME, or the descriptor's "
            f"parameter {OUTPUT!r}."
        )
    return named or next(iter(outputs))


def _has_variables(prefix: Path) -> bool:
    return prefix.with_name("variables.index").is_file()


def _product(shape: list[int]) -> int:
    product = 1
    for size in shape:
        product *= max(1, size)
    return product
