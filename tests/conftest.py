"""What all tests share."""

from __future__ import annotations

import gc
import math
import os
import secrets
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.internal.constants_ast import Constants

from modelserving.broker import EmbeddedKafka, stop
from modelserving.kafka import Connection, create_topics, delete_topics
from modelserving.records import Topics

# Checks of addresses in JSON schemas, which nobody here asks for, compile 38 grammars: 1.6 s for each process of tests.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
# Some machines forbid to keep what was compiled. Then each of the hundreds of processes that tests start compiles all
# of the package again, and pytest all tests.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A busy machine may stand still for a second; how fast something is, benchmarks say.
_PATIENT = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
# Each run asks the same, so that what a run finds is the work of whoever changed something. `make fuzz` asks anew.
hypothesis.settings.register_profile("same", _PATIENT, derandomize=True, database=None)
# `make check` asks less; `make test` proves it.
hypothesis.settings.register_profile("quick", _PATIENT, derandomize=True, database=None, max_examples=20)
hypothesis.settings.register_profile("fuzz", _PATIENT, derandomize=False, max_examples=2_000)
hypothesis.settings.load_profile("same")
# A Java machine of a test lives for seconds: compiled once and well enough, its start costs a third less.
os.environ.setdefault("MODELSERVING_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[EmbeddedKafka]:
    """A real broker of this test run's own, at any free port."""
    with EmbeddedKafka(home=tmp_path_factory.mktemp("home"), port=0) as broker:
        request.config.stash[_broker] = broker
        yield broker
        del request.config.stash[_broker]


@pytest.fixture
def collected() -> Iterator[None]:
    """What a test leaves to the garbage collector is collected at its end, while its warnings are filtered."""
    gc.freeze()  # what is there already, TensorFlow perhaps, takes a second to look through
    yield
    gc.collect()
    gc.unfreeze()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home folder of this test's own, for a broker that it may kill; what is left of it ends with the test."""
    yield tmp_path / "home"
    stop(tmp_path / "home")


@pytest.fixture
def connection(kafka: EmbeddedKafka) -> Connection:
    """The way to that broker, which is started again if a test stopped it."""
    return kafka.start().connection


@pytest.fixture
def topics(connection: Connection) -> Iterator[Topics]:
    """The topics of this test's own, one partition each; deleted afterwards."""
    own = Topics().prefixed(f"t{secrets.token_hex(4)}")
    create_topics(connection, own)
    yield own
    delete_topics(connection, own)


_OF_TENSORFLOW = (
    "tensorflow",
    "frozen_graph",
    "saved_model",
    "admin/test_score.py",
    "an_engine_can_be_started_ahead",
    "golden_records[wine-network",
)
"""What stands in the names of tests that import it, which takes seconds: one process of tests does."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test may fail once; what shares something that is costly to make runs in one process."""
    for item in items:
        # A machine that stands still for a minute is no fault of the project, and hardly a test is without a thread, a
        # process or Java's memory: it is run again, and the end of the run names it (``RERUN``). What fails twice is a
        # fault, and none gets a third chance.
        item.add_marker(pytest.mark.flaky(reruns=1))
        names = {mark.name for mark in item.iter_markers()}
        if "xdist_group" in names:
            continue
        if any(name in item.nodeid for name in _OF_TENSORFLOW):
            item.add_marker(pytest.mark.xdist_group("tensorflow"))
        elif _shares_with_its_module(item):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def _shares_with_its_module(item: pytest.Item) -> bool:
    """Whether the test has a fixture for all of its module: in two processes, it would be made twice."""
    definitions = item._fixtureinfo.name2fixturedefs.values() if isinstance(item, pytest.Function) else ()
    return any(definition[-1].scope == "module" for definition in definitions)


_status = pytest.StashKey[int]()
_broker = pytest.StashKey[EmbeddedKafka]()
_idle_at = pytest.StashKey[float]()
_IDLE_S = 60.0
_something_failed = False


def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C reach the programs under test: in a background shell it would be ignored, by them too."""
    if config.getoption("--hypothesis-profile") != "fuzz":
        # Else it also tries what stands in the modules that this process happens to have imported.
        HypothesisProvider._local_constants = Constants()  # type: ignore[method-assign, assignment]
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note that a test has failed, perhaps to be run once more."""
    global _something_failed
    _something_failed = _something_failed or report.outcome not in {"passed", "skipped"}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What a test that failed has left open is not held against the one that comes to collect it.

    A broker is never quite idle: after a minute in which no test asked for it, it ends, and comes again.
    """
    global _something_failed
    if _something_failed:
        _something_failed = False
        sys.last_type = sys.last_value = sys.last_traceback = None
        with warnings.catch_warnings(action="ignore"):
            gc.collect()
    broker = item.config.stash.get(_broker, None)
    if broker is None:
        return
    if _asks_for_broker(item):
        if item.config.stash.get(_idle_at, None) == math.inf:
            broker.start()
    elif time.monotonic() > item.config.stash.get(_idle_at, math.inf):
        broker.stop()
        item.config.stash[_idle_at] = math.inf


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Note when a test had the broker."""
    if _asks_for_broker(item):
        item.config.stash[_idle_at] = time.monotonic() + _IDLE_S


def _asks_for_broker(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and "kafka" in item.fixturenames


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the result of the run."""
    session.config.stash[_status] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End with the result of the run: with Java and TensorFlow in it, this process would crash at its end."""
    sys.stdout.flush()
    sys.stderr.flush()
    if _status in config.stash and "jpype" in sys.modules:
        os._exit(config.stash[_status])
