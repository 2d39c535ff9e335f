"""What the servers of this workbook do, in a few lines of Quix Streams: read wines, score, count, answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from quixstreams import Application, State, message_context

from modelserving.records import FEATURES, WineRecord, decode_wine


def build(app: Application, records: str, scored: str, model: Path) -> None:
    """Answer each wine of the topic ``records`` on the topic ``scored``, in JSON, with a model of ONNX."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    feed, label = session.get_inputs()[0].name, session.get_outputs()[0].name

    def score(wine: WineRecord) -> dict[str, Any]:
        context = message_context()
        row = np.array([[getattr(wine, name) for name in FEATURES]], dtype=np.float32)
        grade = session.run([label], {feed: row})[0][0]
        return {"partition": context.partition, "offset": context.offset, "prediction": float(grade)}

    def count(answer: dict[str, Any], state: State) -> dict[str, Any]:
        usage = state.get("usage", 0) + 1  # of this record's key: a function sees the state of no other
        state.set("usage", usage)
        return {**answer, "usage": usage}

    wines = app.dataframe(app.topic(records, key_deserializer="bytes", value_deserializer="bytes"))
    answers = wines.apply(decode_wine).apply(score).apply(count, stateful=True)
    answers.to_topic(app.topic(scored, key_serializer="bytes", value_serializer="json"))
