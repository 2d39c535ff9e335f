"""The Keras model: trained and exported in a Python process of its own.

``python -m modelserving.models.training.network WINES.csv DATA_TYPE FOLDER`` writes a SavedModel, the same network as a
frozen graph, and its answers. TensorFlow numbers what it makes, and deterministic operations are switched on for a
whole process, so only a fresh process writes the same bytes each time.

The network is trained in double precision and its weights are rounded, so that the last bits, which differ between
processors, do not reach the files.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelserving.models.training.sample import Sample, load_sample
from modelserving.records import FEATURES

ANSWERS, FROZEN, SAVED = "answers.npy", "frozen.pb", "saved"
"""Names of what is written: probabilities of shape ``(n, 10)``, the frozen graph, the SavedModel's folder."""

SETTINGS = {"hidden_units": 16, "epochs": 60, "batch_size": 100, "learning_rate": 0.01, "seed": 7}

_GRADES = 10
"""Width of the output: the position of the largest number is the quality."""
_DECIMALS = 4

Network: TypeAlias = Any
"""A Keras model; the library brings no types that mypy can use here."""


def train_and_export(sample: Sample, folder: Path) -> None:
    """Train the network and write what this module promises; call it in a fresh process only.

    Args:
        sample: the wines.
        folder: where to; it exists.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(SETTINGS["seed"])
    tf.config.experimental.enable_op_determinism()
    learner = _train(sample)
    network = _build(sample, "wine", "float32")
    network.set_weights([np.round(weights, _DECIMALS) for weights in learner.get_weights()])
    _save(network, folder / SAVED)
    (folder / FROZEN).write_bytes(_freeze(network))
    np.save(folder / ANSWERS, np.asarray(network(tf.constant(sample.features, tf.float32))))


def _train(sample: Sample) -> Network:
    import keras

    learner = _build(sample, "learner", "float64")
    learner.compile(keras.optimizers.Adam(SETTINGS["learning_rate"]), loss="sparse_categorical_crossentropy")
    learner.fit(sample.lessons, sample.answers, epochs=SETTINGS["epochs"], batch_size=SETTINGS["batch_size"], verbose=0)
    return learner


def _build(sample: Sample, name: str, precision: str) -> Network:
    """Eleven measurements in the order of ``FEATURES``; their means and spreads are constants of the graph."""
    import keras

    mean, spread = _rounded(sample.lessons.mean(axis=0)), _rounded(sample.lessons.std(axis=0))
    return keras.Sequential(
        [
            keras.Input((len(FEATURES),), name=name, dtype=precision),
            keras.layers.Normalization(mean=mean, variance=spread**2, dtype=precision, name="normalised"),
            keras.layers.Dense(SETTINGS["hidden_units"], activation="relu", dtype=precision, name="hidden"),
            keras.layers.Dense(_GRADES, activation="softmax", dtype=precision, name="quality"),
        ],
        name=name,
    )


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rounded: NDArray[np.float64] = np.round(values, 6)
    return rounded


def _save(network: Network, folder: Path) -> None:
    """A SavedModel with one signature, ``serving_default``: input ``wine``, output ``quality``."""
    import tensorflow as tf

    # Keras's own export lists the variables in the order of their addresses in memory, so that no two files are equal.
    module = tf.Module()
    module.weights = [weight.value for weight in network.weights]
    module.serve = tf.function(lambda wine: {"quality": network(wine)}, input_signature=[_wine()])
    tf.saved_model.save(module, str(folder), signatures=module.serve)
    # The fingerprint is random in part, and TensorFlow loads a SavedModel without one.
    (folder / "fingerprint.pb").unlink()


def _freeze(network: Network) -> bytes:
    """One graph with the weights as constants; its input is ``wine``, its output ``Identity``."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    function = tf.function(network).get_concrete_function(_wine())
    graph = convert_variables_to_constants_v2(function).graph.as_graph_def()
    return bytes(graph.SerializeToString(deterministic=True))


def _wine() -> Any:
    import tensorflow as tf

    return tf.TensorSpec((None, len(FEATURES)), tf.float32, name="wine")


if __name__ == "__main__":
    train_and_export(load_sample(Path(sys.argv[1]), sys.argv[2]), Path(sys.argv[3]))
