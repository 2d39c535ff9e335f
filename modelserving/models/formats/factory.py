"""From a descriptor, or from bytes, to a model: each format's factory by its type."""

from __future__ import annotations

from collections.abc import Mapping

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.formats.onnx.model import OnnxFactory
from modelserving.models.formats.pmml.model import PmmlFactory
from modelserving.models.formats.remote.model import RemoteFactory
from modelserving.models.formats.tensorflow.frozen_graph import FrozenGraphFactory
from modelserving.models.formats.tensorflow.saved_model import SavedModelFactory
from modelserving.models.model import NO_PARAMETERS, Model, ModelFactory
from modelserving.records import ModelDescriptor, ModelType

FACTORIES: dict[ModelType, ModelFactory] = {
    ModelType.PMML: PmmlFactory(),
    ModelType.TENSORFLOW: FrozenGraphFactory(),
    ModelType.TENSORFLOWSAVED: SavedModelFactory(),
    ModelType.ONNX: OnnxFactory(),
    ModelType.REMOTE: RemoteFactory(),
}
"""A new format is a module with a factory, and a line here."""


def create(descriptor: ModelDescriptor) -> Model:
    """Build the model that a descriptor carries.

    Raises:
        ModelFormatError: its format is unknown, or the bytes are not of it, or it carries none.
        ModelInputError: it wants an input that the records do not have.
        ModelRefused: it is hostile or too large, or its bytes are not those that its sender meant.
    """
    factory = find_factory(descriptor.type)
    if descriptor.location is not None:
        raise ModelFormatError(
            f"model {descriptor.name!r} comes by reference ({descriptor.location}): its bytes are not here. "
            "Fetch them first, with models.lifecycle.fetch.FetchPolicy."
        )
    if descriptor.sha256 and descriptor.sha256.lower() != descriptor.digest:
        raise ModelRefused(
            f"model {descriptor.name!r} is not what its sender sent: the bytes have SHA-256 {descriptor.digest}, "
            f"and the descriptor says {descriptor.sha256}. Publish it again."
        )
    return factory.create(descriptor)


def restore(model_type: ModelType, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> Model:
    """Build a model of what ``Model.to_bytes`` returned.

    Args:
        model_type: its format.
        data: the bytes.
        parameters: of the descriptor that it was first made of.

    Raises:
        As ``create``.
    """
    return find_factory(model_type).restore(data, parameters)


def find_factory(model_type: ModelType) -> ModelFactory:
    """The factory of a format.

    Raises:
        ModelFormatError: there is none.
    """
    factory = FACTORIES.get(model_type)
    if factory is None:
        known = ", ".join(known.slug for known in FACTORIES)
        raise ModelFormatError(f"models of type {model_type.slug} cannot be served. Known: {known}.")
    return factory


def preload() -> None:
    """Start the engines of all formats, so that the first model of each does not wait for its engine.

    Takes some seconds, most of them for the import of TensorFlow.

    Raises:
        SetupError: an engine is missing.
    """
    for factory in FACTORIES.values():
        factory.preload()
