"""Arbitrary messages, for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from modelserving.records import (
    FEATURES,
    Action,
    Golden,
    ModelCommand,
    ModelDescriptor,
    ModelType,
    PartitionSeen,
    ScoredRecord,
    WineRecord,
)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
"""Anything that UTF-8 can write."""
finite = st.floats(allow_nan=False)
"""Infinities included: they travel; it is the models that refuse them."""
data_types = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True)
int64 = st.integers(-(2**63), 2**63 - 1)
wines = st.builds(WineRecord, **dict.fromkeys(FEATURES, finite), data_type=data_types)


_several = st.lists(finite, max_size=3).filter(lambda values: len(values) != 1).map(tuple)
scored_records = st.builds(
    ScoredRecord,
    data_type=data_types,
    prediction=finite,
    model_name=text,
    model_version=text,
    model_digest=text,
    partition=st.integers(-(2**31), 2**31 - 1),
    offset=int64,
    scoring_ns=int64,
    scored_at_ns=int64,
    published_ms=int64,
    label=st.none() | text,
    outputs=st.lists(st.tuples(text, finite | text | _several), max_size=3).map(tuple),
)
percents = st.floats(0, 100)
_by_value = st.fixed_dictionaries({"data": st.binary(max_size=100), "location": st.none()})
_by_reference = st.fixed_dictionaries({"data": st.just(b""), "location": text})
descriptors = (_by_value | _by_reference).flatmap(
    lambda content: st.builds(
        ModelDescriptor,
        name=text,
        description=text,
        data_type=data_types,
        type=st.sampled_from(ModelType),
        data=st.just(content["data"]),
        location=st.just(content["location"]),
        version=text,
        sha256=text,
        created_ms=int64,
        golden=st.lists(st.builds(Golden, wines, finite), max_size=3).map(tuple),
        tolerance=finite,
        parameters=st.dictionaries(text, text, max_size=3),
        metrics=st.dictionaries(text, finite, max_size=3),
        shadow_percent=percents,
    )
)
commands = st.builds(
    ModelCommand,
    action=st.sampled_from(Action),
    data_type=data_types,
    digest=st.just("") | st.text("0123456789abcdef", min_size=64, max_size=64),
    percent=percents,
    issued_ms=int64,
    issued_by=text,
    seen=st.lists(st.builds(PartitionSeen, st.integers(0, 99), int64, int64), max_size=2).map(tuple),
)
