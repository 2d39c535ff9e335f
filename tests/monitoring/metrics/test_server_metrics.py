"""What a server says to Prometheus, without either."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from modelserving.models.info import Slots, SlotsUpdate
from modelserving.monitoring.metrics import Exposition, ServerCollector
from modelserving.serving import BatchOutcome, Counts, ModelKey, Phase, ScoringTime
from tests.fakes import FakeServer, served_by
from tests.monitoring.tools import lint

HOSTILE = 'a"} 1\nevil{b="\\'


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A server that has done something of everything."""
    made = FakeServer(counts=Counts(7, 2, 3), models_refused=4, models_absent={"beer": "nowhere"}, lost={0: 5})
    made.lag = {0: 11, 1: 0}
    made.meter.add(BatchOutcome(Counts(7, 2, 3), (("decode", "DecodeError"),) * 3, (ScoringTime(KEY, 7, 2_000),)))
    first, second, beside = (served_by(name=name) for name in ("first", "second", "beside"))
    for slots in (Slots(first), Slots(second, first, beside, 5.0)):
        made.slots.apply(SlotsUpdate("wine", slots))
    yield made
    made.slots.close()


KEY = ModelKey("wine", "tree", "1", "abc")


def samples(server: FakeServer) -> Mapping[tuple[str, frozenset[tuple[str, str]]], float]:
    """The page, as a program reads it."""
    page = Exposition(ServerCollector(server)).render()[0].decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def value(server: FakeServer, name: str, **labels: str) -> float:
    return samples(server)[name, frozenset(labels.items())]


def test_it_tells_what_became_of_the_records(server: FakeServer) -> None:
    """As many as ``/state`` tells."""
    assert value(server, "modelserving_records_scored_total") == 7
    assert value(server, "modelserving_records_skipped_total") == 2
    assert value(server, "modelserving_dead_letters_total", stage="decode", error="DecodeError") == 3
    assert value(server, "modelserving_records_lost_total", partition="0") == 5
    assert value(server, "modelserving_group_lag_records", partition="0") == 11
    assert value(server, "modelserving_models_refused_total") == 4
    assert value(server, "modelserving_model_absent", data_type="beer") == 1


def test_it_tells_how_long_each_model_took(server: FakeServer) -> None:
    """As a histogram, from which Prometheus works out percentiles over several servers."""
    who = {"data_type": "wine", "model": "tree", "version": "1", "digest": "abc"}
    assert value(server, "modelserving_scoring_duration_seconds_count", **who) == 7
    assert value(server, "modelserving_scoring_duration_seconds_sum", **who) == pytest.approx(14e-6)
    assert value(server, "modelserving_scoring_duration_seconds_bucket", le="1e-06", **who) == 0
    assert value(server, "modelserving_scoring_duration_seconds_bucket", le="2.5e-06", **who) == 7


def test_it_tells_which_model_is_in_which_slot(server: FakeServer) -> None:
    """Current, previous and shadow, and how often the current one changed."""
    slots = {
        dict(labels)["place"]: dict(labels)["model"]
        for name, labels in samples(server)
        if name == "modelserving_model_place"
    }
    assert slots == {"current": "second", "previous": "first", "shadow": "beside"}
    assert value(server, "modelserving_model_swaps_total", data_type="wine") == 2


def test_it_tells_whether_it_serves(server: FakeServer) -> None:
    """And what it does meanwhile."""
    server.phase = Phase.WAITING
    assert value(server, "modelserving_serving", phase="waiting for the broker") == 0


def test_a_hostile_name_stays_a_label(server: FakeServer) -> None:
    """Names come from whoever publishes a model: quotes and line ends do not make metrics of their own."""
    server.slots.swap(served_by(name=HOSTILE))
    assert not any(name.startswith("evil") for name, _ in samples(server))
    assert HOSTILE in {dict(labels).get("model") for _, labels in samples(server)}


def test_names_are_as_prometheus_wants_them(server: FakeServer, promtool: str) -> None:
    """Prometheus' own tool finds nothing to mend."""
    assert lint(promtool, Exposition(ServerCollector(server)).render()[0]) == ""


def test_openmetrics_is_spoken_to_who_asks_for_it(server: FakeServer) -> None:
    """Prometheus asks for it first."""
    page, media_type = Exposition(ServerCollector(server)).render("application/openmetrics-text;version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert page.endswith(b"# EOF\n")
