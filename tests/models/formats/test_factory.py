"""From descriptors to models."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest

from modelserving.errors import ModelFormatError
from modelserving.models.formats import factory
from modelserving.models.formats.files import guess, suffix_of
from modelserving.models.model import NO_PARAMETERS, Model
from modelserving.records import ModelDescriptor, ModelType


def test_a_type_without_a_factory_is_told_with_the_known_ones() -> None:
    """The message lists what can be served."""
    with pytest.raises(ModelFormatError, match=r"custom.*Known: pmml, tensorflow, tensorflow-saved, onnx"):
        factory.create(ModelDescriptor("m", "", "wine", ModelType.CUSTOM, b"x"))


def test_a_model_by_reference_is_not_silently_dropped() -> None:
    """A descriptor that only says where its model is gets a clear answer."""
    descriptor = ModelDescriptor("m", "", "wine", ModelType.PMML, location="file:///models/m.pmml")
    with pytest.raises(ModelFormatError, match="by reference"):
        factory.create(descriptor)


def test_a_format_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands in ``FACTORIES`` builds the models of its type."""

    class Recorder:
        built: bytes = b""

        def create(self, descriptor: ModelDescriptor) -> Model:
            Recorder.built = descriptor.data
            raise ModelFormatError("built")

        def restore(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> Model:
            raise NotImplementedError

        def preload(self) -> None:
            raise NotImplementedError

    monkeypatch.setitem(factory.FACTORIES, ModelType.CUSTOM, Recorder())
    with pytest.raises(ModelFormatError, match="built"):
        factory.create(ModelDescriptor("m", "", "wine", ModelType.CUSTOM, b"bytes"))
    assert Recorder.built == b"bytes"
    assert suffix_of(ModelType.CUSTOM) == ".custom"
    assert guess(b"bytes", ".custom") is ModelType.CUSTOM


def test_importing_starts_no_engine() -> None:
    """Neither TensorFlow nor Java is there before a model of theirs is, nor what asks a remote one."""
    check = (
        "import sys, modelserving.models.formats.factory; asks = 'httpx' in sys.modules; "
        "import jpype, modelserving.models.admin.score; "
        "engines = {'tensorflow', 'onnx', 'onnxruntime'} & set(sys.modules); "
        "sys.exit(int(asks or bool(engines) or jpype.isJVMStarted()))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize("model_type", list(factory.FACTORIES))
def test_an_engine_can_be_started_ahead(model_type: ModelType) -> None:
    """Preloading twice is preloading once."""
    factory.find_factory(model_type).preload()
    factory.find_factory(model_type).preload()
