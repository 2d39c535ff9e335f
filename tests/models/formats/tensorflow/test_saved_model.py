"""SavedModels: what of them is loaded, and what is not."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from modelserving.errors import ModelFormatError, ModelInputError, ModelRefused
from modelserving.models.formats.archive import pack
from modelserving.models.formats.tensorflow import saved_model as saved_model_module
from modelserving.models.formats.tensorflow.engine import load_tensorflow
from modelserving.models.formats.tensorflow.saved_model import load_saved_model
from modelserving.records import WineRecord
from tests.models.samples import WEIGHTS, Sample, largest_output


def save(folder: Path, function: Callable[..., Any], *specs: Any, name: str = "serving_default") -> bytes:
    """The archive of a SavedModel that computes ``function``."""
    tf = load_tensorflow()
    module = tf.Module()
    module.serve = tf.function(function, input_signature=specs)
    tf.saved_model.save(module, str(folder / "saved"), signatures={name: module.serve})
    return pack(folder / "saved")


def edited(source: Path, folder: Path, edit: Callable[[Any], None]) -> bytes:
    """The archive of a SavedModel whose graph was changed by ``edit``."""
    load_tensorflow()
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    copy = shutil.copytree(source, folder / "edited")
    message = SavedModel.FromString((copy / "saved_model.pb").read_bytes())
    edit(message.meta_graphs[0])
    (copy / "saved_model.pb").write_bytes(message.SerializeToString())
    return pack(copy)


def spec(*shape: int | None, name: str | None = None, kind: str = "float32") -> Any:
    tf = load_tensorflow()
    return tf.TensorSpec(shape, kind, name=name)


def test_tensors_for_fields_are_bound_by_name(tmp_path: Path, wines: list[WineRecord]) -> None:
    """A signature with a tensor for each field gets each its own, with one dimension or with two."""
    data = save(
        tmp_path,
        lambda sulphates, alcohol: 10 * alcohol[:, 0] - sulphates,
        spec(None, name="sulphates"),
        spec(None, 1, name="alcohol"),
    )
    model = load_saved_model(data)
    assert model.inputs == ("alcohol", "sulphates")
    assert model.score(wines).values == pytest.approx([10 * w.alcohol - w.sulphates for w in wines], rel=1e-5)
    model.close()


def test_the_other_signature_serves_too(tmp_path: Path, wines: list[WineRecord]) -> None:
    """``predict`` is served, and so is a signature that is the only one."""
    for name in ("predict", "my_own"):
        model = load_saved_model(save(tmp_path / name, lambda x: x[:, :1], spec(None, 11), name=name))
        assert model.score(wines).values == pytest.approx([wine.fixed_acidity for wine in wines], rel=1e-6)
        model.close()


@pytest.mark.parametrize("resource", [False, True])
def test_a_model_of_version_1_is_served(tmp_path: Path, wines: list[WineRecord], resource: bool) -> None:
    """SavedModels of TensorFlow 1, with either kind of variable, score like those of TensorFlow 2."""
    v1 = load_tensorflow().compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(v1.float32, (None, 11), name="in")
        kernel = v1.get_variable("kernel", initializer=WEIGHTS, use_resource=resource)
        outputs = v1.nn.softmax(v1.matmul(x, kernel))
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.predict_signature_def({"inputs": x}, {"outputs": outputs})
        builder = v1.saved_model.Builder(str(tmp_path / "old"))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map={"predict": signature})
        builder.save()
    model = load_saved_model(pack(tmp_path / "old"))
    assert model.score(wines).values.tolist() == [largest_output(wine) for wine in wines]
    model.close()


def test_an_archive_with_the_folder_itself_in_it_is_served(
    saved_model_folder: Path, tmp_path: Path, wines: list[WineRecord]
) -> None:
    """People zip the folder, and not its content."""
    shutil.copytree(saved_model_folder, tmp_path / "outer" / "model")
    model = load_saved_model(pack(tmp_path / "outer"))
    assert model.score(wines[:1]).values.tolist() == [largest_output(wines[0])]
    model.close()


def test_nothing_stays_on_the_disk(
    saved_model: Sample, tmp_path: Path, wines: list[WineRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unpacked folder is gone when the model is there, and when it is refused; the model scores without it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    model = load_saved_model(saved_model.data)
    assert not list(tmp_path.iterdir())
    assert not model.score(wines).problems
    model.close()
    with pytest.raises(ModelFormatError):
        load_saved_model(saved_model.data[:-100])
    assert not list(tmp_path.iterdir())


def test_several_outputs_need_a_name(tmp_path: Path, wines: list[WineRecord]) -> None:
    """Which output answers is settled by the descriptor's parameter, and asked for when it is not."""
    data = save(tmp_path, lambda x: {"first": x[:, 0], "last": x[:, 10]}, spec(None, 11))
    with pytest.raises(ModelFormatError, match="first, last"):
        load_saved_model(data)
    with pytest.raises(ModelFormatError, match="no output 'middle'"):
        load_saved_model(data, {"output": "middle"})
    model = load_saved_model(data, {"output": "last"})
    assert model.score(wines).values == pytest.approx([wine.alcohol for wine in wines], rel=1e-6)
    model.close()


def test_columns_may_be_named_in_the_descriptor(tmp_path: Path, wines: list[WineRecord]) -> None:
    """A matrix of another width needs names for its columns."""
    data = save(tmp_path, lambda x: x[:, 1], spec(None, 2))
    with pytest.raises(ModelInputError, match="2 columns"):
        load_saved_model(data)
    model = load_saved_model(data, {"inputs": "alcohol,pH"})
    assert model.score(wines).values == pytest.approx([wine.pH for wine in wines], rel=1e-6)
    model.close()


def test_an_archive_without_a_model_is_told(tmp_path: Path) -> None:
    """A zip archive of something else is no SavedModel."""
    (tmp_path / "readme.txt").write_text("hello")
    with pytest.raises(ModelFormatError, match=r"no file saved_model\.pb"):
        load_saved_model(pack(tmp_path))


def test_a_model_without_a_signature_is_told(saved_model_folder: Path, tmp_path: Path) -> None:
    """A graph that does not say what to feed cannot be served."""
    data = edited(saved_model_folder, tmp_path, lambda meta: meta.signature_def.pop("serving_default"))
    with pytest.raises(ModelFormatError, match="no signature"):
        load_saved_model(data)


def test_operations_that_the_answer_needs_are_checked(tmp_path: Path) -> None:
    """Reading a file is refused wherever the answer reaches it, also inside of a function."""
    tf = load_tensorflow()
    data = save(tmp_path, lambda x: x + tf.strings.to_number(tf.io.read_file("/etc/hostname")), spec(None, 11))
    with pytest.raises(ModelRefused, match="ReadFile"):
        load_saved_model(data)


def test_operations_that_nothing_needs_are_left_out(
    saved_model_folder: Path, tmp_path: Path, wines: list[WineRecord]
) -> None:
    """Saving needs operations that serving does not; what is not needed is not loaded."""

    def add_writer(meta: Any) -> None:
        meta.graph_def.node.add(name="writer", op="WriteFile", input=["a", "b"])

    model = load_saved_model(edited(saved_model_folder, tmp_path, add_writer))
    assert not model.score(wines[:3]).problems
    model.close()


def restoring(meta: Any) -> tuple[Any, Any]:
    """The function of a graph that restores its variables, and the node in it that reads the file."""
    for function in meta.graph_def.library.function:
        for node in function.node_def:
            if node.op == "RestoreV2":
                return function, node
    raise AssertionError("nothing restores variables")


def test_a_graph_cannot_name_the_file_to_restore_from(saved_model_folder: Path, tmp_path: Path) -> None:
    """Variables come from the archive; a graph with the name of another file in it is refused."""

    def redirect(meta: Any) -> None:
        function, node = restoring(meta)
        elsewhere = function.node_def.add(name="elsewhere", op="Const")
        elsewhere.attr["dtype"].type = 7
        elsewhere.attr["value"].tensor.dtype = 7
        elsewhere.attr["value"].tensor.string_val.append(b"/other/variables")
        elsewhere.attr["value"].tensor.tensor_shape.SetInParent()
        node.input[0] = "elsewhere:output:0"

    with pytest.raises(ModelRefused, match="could name a file"):
        load_saved_model(edited(saved_model_folder, tmp_path, redirect))


def test_a_variable_cannot_name_the_file_to_restore_from(tmp_path: Path) -> None:
    """A text that is itself read from the archive is not taken for the name of a file either."""
    tf = load_tensorflow()
    module = tf.Module()
    module.kernel = tf.Variable(WEIGHTS)
    module.text = tf.Variable(str(tmp_path / "other" / "variables" / "variables"))
    module.serve = tf.function(lambda x: x @ module.kernel, input_signature=[spec(None, 11)])
    tf.saved_model.save(module, str(tmp_path / "own"), signatures=module.serve)

    def redirect(meta: Any) -> None:
        function, node = restoring(meta)
        index = list(node.attr["dtypes"].list.type).index(7)
        for user in function.node_def:
            user.input[:] = [name.replace("RestoreV2:tensors", "again:tensors") for name in user.input]
        again = function.node_def.add()
        again.CopyFrom(node)
        again.name, again.input[0] = "again", f"RestoreV2:tensors:{index}"

    with pytest.raises(ModelRefused, match="to RestoreV2 'again', where it could name a file"):
        load_saved_model(edited(tmp_path / "own", tmp_path, redirect))


def test_a_wrong_name_for_the_file_is_told(saved_model_folder: Path, tmp_path: Path) -> None:
    """The graph says which of its tensors takes the name of the file; when that is none, the model is no model."""

    def rename(meta: Any) -> None:
        meta.saver_def.filename_tensor_name = "saver_filename:1"

    with pytest.raises(ModelFormatError, match="variables cannot be restored"):
        load_saved_model(edited(saved_model_folder, tmp_path, rename))


def test_a_function_that_calls_itself_is_refused(saved_model_folder: Path, tmp_path: Path) -> None:
    """A call without end would take the whole process down when the model is made."""

    def call_itself(meta: Any) -> None:
        function, _ = restoring(meta)
        call = function.node_def.add(name="call", op="StatefulPartitionedCall", input=["file_prefix"])
        call.attr["f"].func.name = function.signature.name

    with pytest.raises(ModelRefused, match=r"traced_restore_.* calls itself"):
        load_saved_model(edited(saved_model_folder, tmp_path, call_itself))


def test_variables_that_claim_too_much_are_refused(saved_model: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of variables is looked at before they are read."""
    monkeypatch.setattr(saved_model_module, "MAX_ELEMENTS", 10)
    with pytest.raises(ModelRefused, match="variables claim"):
        load_saved_model(saved_model.data)


@pytest.mark.parametrize("victim", ["variables/variables.index", "variables/variables.data-00000-of-00001"])
def test_damaged_variables_are_told(saved_model_folder: Path, tmp_path: Path, victim: str) -> None:
    """Variables that are cut short are no model."""
    copy = shutil.copytree(saved_model_folder, tmp_path / "copy")
    (copy / victim).write_bytes((copy / victim).read_bytes()[:20])
    with pytest.raises(ModelFormatError, match="variables"):
        load_saved_model(pack(copy))


def test_of_several_signatures_the_descriptor_names_one(tmp_path: Path, wines: list[WineRecord]) -> None:
    """Which is called is settled by the parameter ``signature``; otherwise all are listed."""
    tf = load_tensorflow()
    module = tf.Module()
    module.first = tf.function(lambda x: x[:, 0], input_signature=[spec(None, 11)])
    module.last = tf.function(lambda x: x[:, 10], input_signature=[spec(None, 11)])
    tf.saved_model.save(module, str(tmp_path / "two"), signatures={"first": module.first, "last": module.last})
    data = pack(tmp_path / "two")
    model = load_saved_model(data, {"signature": "last"})
    assert model.score(wines).values == pytest.approx([wine.alcohol for wine in wines], rel=1e-6)
    model.close()
    with pytest.raises(ModelFormatError, match=r"It has: first, last\. Name one in .*'signature'"):
        load_saved_model(data)
    with pytest.raises(ModelFormatError, match=r"no signature 'middle', .* It has: first, last"):
        load_saved_model(data, {"signature": "middle"})


def test_layers_for_categories_and_sequences_are_served(tmp_path: Path) -> None:
    """Lookup, one-hot, embedding, discretisation, convolution, an unrolled recurrent layer: all as Keras scores."""
    load_tensorflow()
    import keras

    layers = keras.layers
    town, year = keras.Input((1,), dtype="string", name="town"), keras.Input((1,), dtype="int64", name="year")
    rate = keras.Input((1,), name="rate")
    parts = [
        layers.StringLookup(vocabulary=["Ulm", "Bern"], output_mode="one_hot")(town),
        layers.Flatten()(layers.Embedding(10, 3)(layers.IntegerLookup(vocabulary=[1, 2, 3])(year))),
        layers.Flatten()(layers.Discretization(bin_boundaries=[0.5, 1.5], output_mode="one_hot")(rate)),
    ]
    joined = layers.Reshape((9 + 1, 1))(layers.Concatenate()([*parts, rate]))
    waves = layers.GlobalAveragePooling1D()(layers.MaxPooling1D(2)(layers.Conv1D(4, 3)(joined)))
    memory = layers.LSTM(3, unroll=True)(joined)
    answer = layers.Dense(1)(layers.Concatenate()([waves, memory]))
    model = keras.Model({"town": town, "year": year, "rate": rate}, answer)
    model.export(str(tmp_path / "layers"), verbose=False)
    table = {"town": ["Ulm", "Oslo", "Bern"], "year": [1, 9, 3], "rate": [0.1, 1.0, 2.0]}
    served = load_saved_model(pack(tmp_path / "layers"))
    scores = served.score(pa.RecordBatch.from_pydict(table))
    served.close()
    tensors = {name: keras.ops.reshape(keras.ops.convert_to_tensor(column), (-1, 1)) for name, column in table.items()}
    assert not scores.problems
    assert scores.values == pytest.approx(keras.ops.convert_to_numpy(model(tensors))[:, 0], rel=1e-5)


def test_a_recurrent_layer_in_a_loop_is_refused_with_the_way_out(tmp_path: Path) -> None:
    """A loop is refused, and the text says how the layer does without."""
    load_tensorflow()
    import keras

    model = keras.Sequential([keras.Input((11,)), keras.layers.Reshape((11, 1)), keras.layers.GRU(2)])
    model.export(str(tmp_path / "loop"), verbose=False)
    with pytest.raises(ModelRefused, match=r"While.*`unroll=True`"):
        load_saved_model(pack(tmp_path / "loop"))
