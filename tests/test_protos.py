"""The code for the messages is that of the messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelserving.errors import SetupError
from modelserving.records import generate


def generated(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*_pb2.py*")}


def test_the_committed_code_is_what_the_compiler_makes(tmp_path: Path) -> None:
    """Nobody has changed a message and not its code, or the other way round: `make protos` writes it."""
    generate.generate(tmp_path)
    committed = generated(Path(generate.__file__).with_name("wire"))
    assert committed
    assert generated(tmp_path) == committed


def test_without_a_checkout_the_message_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package has the code, and not what it was made of."""
    monkeypatch.setattr(generate, "checkout", lambda: None)
    with pytest.raises(SetupError, match="protos/ is part of the checkout"):
        generate.generate(tmp_path)


def test_messages_use_no_number_twice_and_reserve_the_originals() -> None:
    """A number on the wire is for ever: those of the JVM tutorial are where its clients expect them."""
    from modelserving.records.wire import modeldescriptor_pb2, winerecord_pb2

    wine = {field.number: field.name for field in winerecord_pb2.WineRecord.DESCRIPTOR.fields}
    assert wine == dict(
        enumerate(
            [
                "fixed_acidity",
                "volatile_acidity",
                "citric_acid",
                "residual_sugar",
                "chlorides",
                "free_sulfur_dioxide",
                "total_sulfur_dioxide",
                "density",
                "pH",
                "sulphates",
                "alcohol",
                "dataType",
            ],
            start=1,
        )
    )
    model = {field.number: field.name for field in modeldescriptor_pb2.ModelDescriptor.DESCRIPTOR.fields}
    assert [model[number] for number in range(1, 7)] == [
        "name", "description", "dataType", "modeltype", "data", "location",
    ]  # fmt: skip
