"""The second application of lesson 15: what the join says, on the engine, without a broker."""

from __future__ import annotations

from modelserving.kstreams import TopologyTestDriver, raw, text
from modelserving.records import ScoredRecord, encode_scored
from modelserving.workshop.processes.alarms import find_alarms, make_topology


def answer(data_type: str, offset: int, grade: float) -> ScoredRecord:
    return ScoredRecord(data_type, grade, "model", "1", "ab", 0, offset, 1, 1, 1)


def test_answers_meet_the_limit_of_their_kind_and_what_is_none_is_passed_over() -> None:
    """The engine says what the plain function says; a kind without a limit, and garbage, raise no alarm."""
    answers = [answer("wine", 0, 5.0), answer("wine", 1, 6.0), answer("white", 2, 1.0)]
    handler = "LogAndContinueExceptionHandler"
    topology = make_topology("scored", "limits", "alarms")
    with TopologyTestDriver(topology, deserialization_exception_handler=handler) as driver:
        driver.createInputTopic("limits", text(), text()).pipeKeyValueList([("wine", "7"), ("wine", "5.5")])
        scored = driver.createInputTopic("scored", raw(), raw())
        scored.pipeKeyValueList([(b"wine", b"\xff\xff"), *((b"wine", encode_scored(one)) for one in answers)])
        found = driver.createOutputTopic("alarms", raw(), raw()).readValuesToList()
    assert found == find_alarms(answers, {"wine": 5.5}) == [b"wine 0:0 has 5"]
