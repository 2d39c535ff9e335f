"""Servers of records that are no wines: any schema, several models for each record, labels."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import pytest

from modelserving.config import data_folder
from modelserving.datasets import HIRES_FILE
from modelserving.kafka import read_topic
from modelserving.models.store.bundled import read_catalog
from modelserving.records import Golden
from modelserving.records.codecs import write_frame
from modelserving.records.schema_files import read_schema, write_schema
from modelserving.records.tables import read_table
from modelserving.registry import TopicRegistry, define
from tests.contract.servers import Pipeline, published, whichever_client_reads
from tests.waiting import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@whichever_client_reads
def test_a_record_of_any_schema_is_answered_by_each_of_its_models(pipeline: Pipeline) -> None:
    """A label and a number for each hire, texts and missing values among them; garbage costs only itself.

    Records and answers are framed as Confluent's clients do it: those are written behind their schema's number, too.
    """
    data = data_folder()
    schema = read_schema(data / "schemas" / "hire.json")
    catalog = {model.name: model for model in read_catalog(data / "models" / "hire")}
    rider = replace(catalog["hire-rider-forest"], data_type="rider", parameters={"outputs": "*"})
    minutes = replace(catalog["hire-minutes-boosting"], data_type="minutes")
    wrong = replace(rider, golden=(Golden({column.name: column.examples[0] for column in schema.columns}, "a fish"),))
    pipeline.send_model(*published(wrong, rider), key=b"rider")
    pipeline.send_model(*published(minutes), key=b"minutes")
    (batch,) = read_table(data / HIRES_FILE, schema.columns, 2000)
    rows = batch.select(schema.names).slice(0, 50).to_pylist()
    values = [json.dumps(row).encode() for row in rows]
    with closing(TopicRegistry(pipeline.connection)) as registry:
        number = registry.register("hires", define(schema)).schema_id
        sent = (*values[:25], b"{", b'{"hour": "late"}', *values[25:])
        pipeline.send_records(*(write_frame(number, value) for value in sent))
    file = pipeline.file("hire.json", write_schema(replace(schema, data_types=("rider", "minutes"))))
    with pipeline.serve("--schema", str(file), "--framed", "--framed-answers") as server:
        wait_until(pipeline.settled(server, 102), "two answers for each hire, and two dead letters")
        assert server.get("/state")["scored"] == 100
    with closing(TopicRegistry(pipeline.connection)) as registry:
        (kept,) = registry.versions(f"{pipeline.topics.scored}-value")
    prefix = write_frame(kept.schema_id, b"", protobuf=True)
    assert all(one.value.startswith(prefix) for one in read_topic(pipeline.connection, pipeline.topics.scored))
    answers = pipeline.scored()
    riders = {answer.offset: answer for answer in answers if answer.data_type == "rider"}
    assert sorted(riders) == sorted(answer.offset for answer in answers if answer.data_type == "minutes")
    assert sorted({*range(52)} - set(riders)) == [25, 26]
    assert {answer.answer for answer in riders.values()} == {"member", "casual"}
    assert all(
        sum(value for _, value in answer.outputs if isinstance(value, float)) > 0.99 for answer in riders.values()
    )
    assert all(answer.answer > 0 for answer in answers if isinstance(answer.answer, float))
    assert {letter.offset: letter.error for letter in pipeline.dead() if letter.stage == "decode"} == {
        25: "DecodeError",
        26: "RecordError",
    }
    assert "'a fish' was expected" in next(letter.reason for letter in pipeline.dead() if letter.stage == "model")
