"""What a store keeps of the models' work."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from modelserving.statistics import StatisticsSnapshot
from modelserving.streams_server.stores import CustomStatistics, ModelStatistics

WORK = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 10**9), st.integers(1, 1000)), max_size=30)


def snapshots(found: ModelStatistics) -> dict[str, StatisticsSnapshot]:
    """What is known of each model."""
    models = {digest: found.find(digest) for digest in "abcdef"}
    return {digest: model.snapshot() for digest, model in models.items() if model is not None}


def counted(work: list[tuple[str, int, int]]) -> ModelStatistics:
    """Statistics of some work."""
    made = ModelStatistics()
    for digest, each_ns, count in work:
        made.record(digest, each_ns, count)
    return made


@settings(max_examples=30, deadline=None)
@given(WORK)
def test_bytes_bring_all_of_it_back(work: list[tuple[str, int, int]]) -> None:
    """Counts, sums, extremes and percentiles of each model."""
    assert snapshots(ModelStatistics.decode(counted(work).encode())) == snapshots(counted(work))


def test_the_models_used_last_are_kept() -> None:
    """One that is rolled back to finds its counts; of the many before it, nothing is left to grow for ever."""
    found = counted([(digest, 5, 1) for digest in "abcdef"] + [("c", 7, 2)])
    assert set(snapshots(found)) == {"c", "d", "e", "f"}
    assert snapshots(found)["c"].count == 3


def test_what_tasks_have_counted_adds_up() -> None:
    """Each task has counted the records of its own partition."""
    one, other = counted([("a", 10, 3), ("b", 5, 1)]), counted([("a", 30, 1)])
    one.merge(other)
    assert (snapshots(one)["a"].count, snapshots(one)["a"].sum_ns, snapshots(one)["a"].max_ns) == (4, 60, 30)
    assert snapshots(other)["a"].count == 1


class Logged(CustomStatistics):
    """A store whose changelog is a list."""

    def open(self) -> None:
        super().open()
        self.changelog: list[tuple[bytes, bytes | None]] = []

    def log(self, key: bytes, value: bytes | None, timestamp: int = 0) -> None:
        self.changelog.append((key, value))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["wine", "white"]), st.booleans(), WORK), max_size=12))
def test_a_store_is_restored_to_its_last_commit(steps: list[tuple[str, bool, list[tuple[str, int, int]]]]) -> None:
    """Whatever came between: what was logged is what is restored, and what came after it never was."""
    store = Logged("statistics")
    store.open()
    committed: dict[str, dict[str, StatisticsSnapshot]] = {}
    for data_type, commit, work in steps:
        for digest, each_ns, count in work:
            store.record(data_type, digest, each_ns, count)
        if commit:
            store.log_changes()
            committed = {name: snapshots(found) for name, found in store.view().items()}
    again = CustomStatistics("statistics")
    again.open()
    for key, value in store.changelog:
        again.restore(key, value)
    assert {name: snapshots(found) for name, found in again.view().items()} == committed


def test_only_what_has_changed_is_logged() -> None:
    """The JVM tutorial's store wrote all of its state at each commit, changed or not."""
    store = Logged("statistics")
    store.open()
    store.record("wine", "a", 5, 1)
    store.record("white", "b", 5, 1)
    store.log_changes()
    store.record("wine", "a", 5, 1)
    store.log_changes()
    store.log_changes()
    assert [key for key, _ in store.changelog] == [b"white", b"wine", b"wine"]


def test_a_deleted_entry_is_gone() -> None:
    """A changelog may say that there is nothing any more."""
    store = Logged("statistics")
    store.open()
    store.restore(b"wine", counted([("a", 5, 1)]).encode())
    store.restore(b"wine", None)
    assert store.view() == {}
