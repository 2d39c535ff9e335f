"""Records that were stamped before 1970: the engine has no such time, and gets no such record."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import jpype

from modelserving import jvm
from modelserving.kstreams import java
from modelserving.kstreams.bridge.clients.getters import RECORD
from modelserving.kstreams.bridge.clients.lenient import LenientConsumer, _records, _topic_partition
from modelserving.kstreams.record import read_headers


def stamped(tp: Any, *times: int) -> Any:
    """What a poll brings: records with these times, and bytes all around."""
    kind = jvm.java_class("org.apache.kafka.common.record.TimestampType").CREATE_TIME
    headers = java.RecordHeaders()
    headers.add("h", b"1")
    records = jvm.java_class("java.util.ArrayList")()
    for offset, time in enumerate(times):
        sizes, nobody = (1, 1), jvm.java_class("java.util.Optional").empty()
        at = jpype.JLong(offset), jpype.JLong(time)
        records.add(jvm.java_class(RECORD)("t", 0, *at, kind, *sizes, b"k", b"v", headers, nobody))
    return _records({tp: (records, len(times))})


def test_a_record_that_was_stamped_before_1970_has_the_time_of_its_partition() -> None:
    """In any other server it is scored as others are; a model so stamped ended the engine, again and again."""
    tp = _topic_partition("t", 0)
    poll = Mock(side_effect=[stamped(tp, -5, -1), stamped(tp, -9, 700, 500), stamped(tp, -3), stamped(tp, 9)])
    java = Mock(poll=poll, assignment=lambda: jvm.java_class("java.util.Set").of(tp), committed=lambda _: {})
    consumer = LenientConsumer(java, Mock(), Mock(), grouped=False)
    polls = [consumer.poll(None) for _ in range(4)]
    found = [[int(record.timestamp()) for record in poll.records(tp)] for poll in polls]
    assert found == [[0, 0], [0, 700, 500], [700], [9]]
    assert [int(record.offset()) for record in polls[1].records(tp)] == [0, 1, 2]
    (record,) = polls[2].records(tp)
    assert (bytes(record.key()), bytes(record.value())) == (b"k", b"v")
    assert read_headers(record.headers()) == (("h", b"1"),)
