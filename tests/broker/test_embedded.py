"""The embedded broker: shared, durable, and gone when nobody uses it; with real processes that are really killed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from modelserving import jars
from modelserving.broker import EmbeddedKafka, prepare, read_log, start_detached, status, stop, use_broker
from modelserving.broker.layout import Layout
from modelserving.broker.leases import take_lease
from modelserving.broker.process import end_left_over
from modelserving.broker.protocol import SupervisorOrder
from modelserving.errors import BrokerStartError, SetupError
from modelserving.kafka import create_topics, end_offsets, list_topics, make_producer, read_topic
from modelserving.records import Topics
from modelserving.startup_cache import RECORDS, StartupCache
from tests.broker.owners import Owner, is_gone, wait_until

pytestmark = pytest.mark.broker


_LATE = """
import sys
from modelserving.broker import supervisor
look_again, seen_free = supervisor.choose_port, [int(sys.argv[1])]
supervisor.choose_port = lambda wanted, last: seen_free.pop() if seen_free else look_again(wanted, last)
sys.exit(supervisor.main(sys.argv[2:]))
"""


def _write_one(kafka: EmbeddedKafka, topic: str, value: bytes) -> None:
    with make_producer(kafka.connection) as producer:
        producer.send(topic, value).get(timeout=60)


class TestLife:
    @pytest.mark.slow
    def test_data_and_port_survive_a_stop_and_a_start(self, home: Path) -> None:
        """What was written before a stop is read after the next start, at the same address; in a home with a space."""
        home = home / "the wine's own"
        with EmbeddedKafka(home=home, port=0) as kafka:
            before = kafka.bootstrap_servers
            create_topics(kafka.connection, Topics())
            _write_one(kafka, Topics().records, b"kept")
        assert status(home) is None
        with EmbeddedKafka(home=home, port=0) as kafka:
            assert kafka.bootstrap_servers == before
            assert [record.value for record in read_topic(kafka.connection, Topics().records)] == [b"kept"]

    def test_second_user_shares_the_broker_and_the_last_one_ends_it(self, home: Path) -> None:
        """A second start of the same home finds the first broker, which lives until both have closed."""
        with EmbeddedKafka(home=home, port=0) as first:
            with EmbeddedKafka(home=home) as second:
                assert second.bootstrap_servers == first.bootstrap_servers
                found = status(home)
                assert found is not None
                assert found.leases == 2
            assert list_topics(first.connection) == []
        assert is_gone(found.pid)
        wait_until(lambda: is_gone(found.supervisor_pid), "the supervisor to end after its broker")

    @pytest.mark.slow
    def test_processes_that_start_at_once_get_one_broker(self, home: Path) -> None:
        """Of several that start at the same moment, one starts the broker and the others find it."""
        owners = [Owner(home) for _ in range(3)]
        try:
            assert len({owner.owned().java for owner in owners}) == 1
        finally:
            for owner in owners:
                owner.close()

    @pytest.mark.slow
    def test_stop_ends_it_for_all_and_start_brings_it_back(self, home: Path) -> None:
        """An explicit stop does not ask who uses the broker; its users can start it again at the same address."""
        with EmbeddedKafka(home=home, port=0) as kafka, EmbeddedKafka(home=home) as other:
            before = kafka.bootstrap_servers
            kafka.stop()
            assert status(home) is None
            assert other.start().bootstrap_servers == before
            assert kafka.start().bootstrap_servers == before

    @pytest.mark.slow
    def test_detached_broker_stays_until_it_is_stopped(self, home: Path) -> None:
        """``start_detached`` leaves a broker that no lease holds, and ``stop`` says whether it ended one."""
        found = start_detached(home, port=0)
        assert (found.detached, found.version) == (True, "4.3.1")
        with EmbeddedKafka(home=home) as kafka:
            assert kafka.bootstrap_servers == found.bootstrap_servers
        again = status(home)
        assert again is not None
        assert (again.pid, again.leases) == (found.pid, 0)
        assert stop(home)
        assert is_gone(found.pid)
        assert not stop(home)

    def test_close_twice_and_use_before_start(self, home: Path) -> None:
        """``close`` may be called twice and without a start; an address before a start is a clear error."""
        kafka = EmbeddedKafka(home=home)
        kafka.close()
        kafka.close()
        with pytest.raises(BrokerStartError, match="is not started"):
            _ = kafka.bootstrap_servers

    @pytest.mark.slow
    def test_forgetting_to_close_warns(self, home: Path) -> None:
        """A lease that is garbage-collected while held warns, and is given back."""
        kafka = EmbeddedKafka(home=home, port=0).start()
        found = status(home)
        assert found is not None
        with pytest.warns(ResourceWarning, match="was not closed"):
            del kafka
        wait_until(lambda: is_gone(found.supervisor_pid), "the supervisor ends")

    def test_log_tells_that_it_started(self, kafka: EmbeddedKafka) -> None:
        """What Kafka logs is in a file, whose last lines can be asked for."""
        found = status(kafka.home)
        assert found is not None
        assert any("Kafka Server started" in line for line in read_log(100_000, kafka.home))
        assert len(read_log(3, kafka.home)) == 3

    @pytest.mark.slow
    def test_use_broker_without_a_named_cluster_is_the_embedded_one(self, home: Path) -> None:
        """Where the environment names no cluster, ``use_broker`` holds a lease on the embedded broker."""
        from modelserving.config import Settings

        with EmbeddedKafka(home=home, port=0) as kafka, use_broker(Settings(home=home)) as connection:
            assert connection.bootstrap_servers == kafka.bootstrap_servers


class TestViolence:
    def test_owner_killed_leaves_no_process(self, home: Path) -> None:
        """``kill -9`` of the only user ends supervisor and Java, without any help."""
        with Owner(home) as owner:
            owned = owner.owned()
            owner.kill()
            wait_until(owned.all_gone, "supervisor and Java end")

    @pytest.mark.slow
    def test_other_user_keeps_the_broker_when_one_is_killed(self, home: Path) -> None:
        """``kill -9`` of one user is nothing to another."""
        with Owner(home) as staying:
            owned = staying.owned()
            with Owner(home) as owner:
                assert owner.owned() == owned
                owner.kill()

            def one_lease_left() -> bool:
                found = status(home)
                return found is not None and found.leases == 1

            wait_until(one_lease_left, "one lease is left")
            assert not is_gone(owned.java)
        assert owned.all_gone()

    @pytest.mark.slow
    def test_supervisor_killed_leaves_no_java_and_the_next_start_works(self, home: Path) -> None:
        """``kill -9`` of the supervisor ends Java (on Linux at once), and the next start has the data and the port."""
        with EmbeddedKafka(home=home, port=0) as kafka:
            found = status(home)
            assert found is not None
            create_topics(kafka.connection, Topics())
            psutil.Process(found.supervisor_pid).kill()
            if sys.platform == "linux":
                wait_until(lambda: is_gone(found.pid), "Java ends")
            kafka.start()
            assert is_gone(found.pid)
            assert kafka.bootstrap_servers == found.bootstrap_servers
            assert end_offsets(kafka.connection, Topics().records) == {0: 0}

    @pytest.mark.slow
    def test_java_that_outlived_its_supervisor_is_found_and_ended(self, home: Path) -> None:
        """A Java of ours that is left over, as on other systems than Linux, is known by the state file, and ended."""
        with Owner(home) as owner:
            owned = owner.owned()
            # Its supervisor lives, but cannot help: as good as dead, and on Linux Java would not outlive it.
            supervisor = psutil.Process(owned.supervisor)
            supervisor.suspend()
            assert end_left_over(Layout.of(home))
            assert is_gone(owned.java)
            supervisor.resume()

    def test_stranger_with_a_reused_pid_is_left_alone(self, home: Path) -> None:
        """A process that merely has the number of a left-over Java is not ended."""
        layout = Layout.of(home)
        layout.folder.mkdir(parents=True)
        us = {"pid": psutil.Process().pid, "created": psutil.Process().create_time()}
        fields = {"supervisor": us, "broker": us, "lease_port": 1, "token": "", "port": 1, "since": 0}
        layout.state.write_text(json.dumps(fields))
        assert not end_left_over(layout)

    @pytest.mark.slow
    def test_java_killed_and_the_next_start_works_without_a_long_wait(self, home: Path) -> None:
        """``kill -9`` of Java loses no record, and the next start does not wait for the old broker's session to end."""
        with EmbeddedKafka(home=home, port=0) as kafka:
            create_topics(kafka.connection, Topics())
            _write_one(kafka, Topics().records, b"kept")
            found = status(home)
            assert found is not None
            psutil.Process(found.pid).kill()
            kafka.start()
            assert [record.value for record in read_topic(kafka.connection, Topics().records)] == [b"kept"]
            assert "broker.session.timeout.ms=1000" in Layout.of(home).properties.read_text()

    @pytest.mark.slow
    def test_stop_works_on_a_supervisor_that_hangs(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """``stop`` ends a broker by force when its supervisor does not answer."""
        from modelserving.broker import embedded

        monkeypatch.setattr(embedded, "_ANSWER_WITHIN_S", 0.5)
        with Owner(home) as owner:
            owned = owner.owned()
            psutil.Process(owned.supervisor).suspend()
            assert stop(home)
            wait_until(owned.all_gone, "supervisor and Java end")
            owner.kill()


class TestRefusal:
    def test_explicit_port_that_is_taken_is_named(self, home: Path) -> None:
        """A port that was asked for and is taken is an error that names it and its holder; none is taken instead."""
        with socket.create_server(("127.0.0.1", 0)) as holder:
            port = holder.getsockname()[1]
            with pytest.raises(BrokerStartError, match=rf"port {port} on 127\.0\.0\.1 is taken by process \d+"):
                EmbeddedKafka(home=home, port=port).start()
        assert status(home) is None

    @pytest.mark.slow
    def test_running_broker_on_another_port_is_named(self, home: Path) -> None:
        """Asking for another port than the running broker's is an error that names both."""
        with EmbeddedKafka(home=home, port=0) as kafka:
            running = kafka.bootstrap_servers.rpartition(":")[2]
            with pytest.raises(BrokerStartError, match=rf"already runs on port {running}, not 1\b"):
                EmbeddedKafka(home=home, port=1).start()
            assert list_topics(kafka.connection) == []

    @pytest.mark.slow
    def test_of_a_last_port_that_is_taken_the_next_free_one_is_taken(self, home: Path) -> None:
        """A port that merely was used last time, and is taken now, is no error: another one is used."""
        with EmbeddedKafka(home=home, port=0) as kafka:
            last = int(kafka.bootstrap_servers.rpartition(":")[2])
        with socket.create_server(("127.0.0.1", last)), EmbeddedKafka(home=home, port=0) as kafka:
            assert kafka.bootstrap_servers != f"127.0.0.1:{last}"
            assert list_topics(kafka.connection) == []

    @pytest.mark.slow
    def test_port_that_another_broker_took_first(self, home: Path, kafka: EmbeddedKafka) -> None:
        """Two brokers that start at once may both find a port free; the later one does not pass for the earlier."""
        theirs = int(kafka.start().bootstrap_servers.rpartition(":")[2])
        order = SupervisorOrder(Layout.of(home), None, detached=False, cache=jars.jars_folder())
        order.layout.folder.mkdir(parents=True)
        arguments = [sys.executable, "-c", _LATE, str(theirs), *order.arguments()]
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL):
            wait_until(order.layout.state.exists, "its supervisor is there")
            with EmbeddedKafka(home=home, port=0) as ours:
                assert ours.bootstrap_servers != kafka.bootstrap_servers
                create_topics(ours.connection, Topics().prefixed("ours"))
                assert not [topic for topic in list_topics(kafka.connection) if topic.startswith("ours")]
                assert status(home) is not None

    def test_home_that_cannot_be_written(self, tmp_path: Path) -> None:
        """A home that cannot be made is an error that names it."""
        (tmp_path / "file").write_text("not a folder")
        with pytest.raises(BrokerStartError, match="file"):
            EmbeddedKafka(home=tmp_path / "file").start()

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
    def test_full_disk(self, home: Path) -> None:
        """A full disk is called a full disk."""
        layout = Layout.of(home)
        layout.folder.mkdir(parents=True)
        layout.arguments.symlink_to("/dev/full")
        with pytest.raises(BrokerStartError, match=r"the disk that holds .* is full\. Free some space"):
            EmbeddedKafka(home=home, port=0).start()

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory strictly")
    def test_too_little_memory(self, home: Path) -> None:
        """A system without the memory for Java is told as that."""
        limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (700_000_000, 700_000_000))"
        with Owner(home, before=limit) as owner:
            said = owner.hear()
        assert isinstance(said, str)
        assert "too little memory" in said

    def test_missing_jar_names_the_command(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A missing jar is said before anything is started, with the command that brings it."""
        monkeypatch.setattr(jars, "jars_folder", lambda: home / "none")
        with pytest.raises(SetupError, match="make setup"):
            EmbeddedKafka(home=home).start()
        assert not home.exists()

    def test_data_of_another_broker(self, home: Path) -> None:
        """A data folder that another Kafka made is refused, and left as it was."""
        layout = Layout.of(home)
        layout.data.mkdir(parents=True)
        meta = "version=1\ncluster.id=MkU3OEVBNTcwNTJENDM2Qg\nnode.id=1\n"
        (layout.data / "meta.properties").write_text(meta)
        with pytest.raises(BrokerStartError, match=r"another Kafka broker \(cluster id MkU3OEVBNTcwNTJENDM2Qg\)"):
            EmbeddedKafka(home=home, port=0).start()
        assert (layout.data / "meta.properties").read_text() == meta

    def test_folder_that_is_no_data(self, home: Path) -> None:
        """Files in the data folder that no Kafka made are not overwritten."""
        layout = Layout.of(home)
        layout.data.mkdir(parents=True)
        (layout.data / "thesis.txt").write_text("ten years")
        with pytest.raises(BrokerStartError, match="files that are not ours"):
            EmbeddedKafka(home=home, port=0).start()
        assert (layout.data / "thesis.txt").exists()

    @pytest.mark.skipif(sys.platform == "win32", reason="links folders")
    def test_data_in_use_by_another_broker(self, home: Path, kafka: EmbeddedKafka) -> None:
        """A data folder that another broker has open is not touched, and the message says so."""
        theirs, ours = Layout.of(kafka.home), Layout.of(home)
        ours.folder.mkdir(parents=True)
        ours.data.symlink_to(theirs.data)
        ours.identity.write_text(theirs.identity.read_text())
        with pytest.raises(BrokerStartError, match="another Kafka broker is using"):
            EmbeddedKafka(home=home, port=0).start()
        assert list_topics(kafka.connection) is not None

    @pytest.mark.slow
    def test_unknown_failure_shows_the_end_of_the_log(self, home: Path) -> None:
        """A failure without a known cause shows where the log is and its last lines."""
        with EmbeddedKafka(home=home, port=0):
            pass
        layout = Layout.of(home)
        checkpoint = layout.data / "meta.properties"
        checkpoint.write_text(checkpoint.read_text().replace("node.id=1", "node.id=x"))
        with pytest.raises(BrokerStartError, match=r"(?s)ended with status 1 .*broker\.log.*node\.id"):
            EmbeddedKafka(home=home, port=0).start()


@pytest.mark.skipif(not RECORDS, reason="Java cannot write a cache on Windows")
class TestStartupCache:
    @pytest.mark.slow
    def test_first_broker_writes_it_and_the_second_uses_it(self, home: Path, tmp_path: Path) -> None:
        """The cache appears when the first broker ends, and later brokers are given it."""
        order = SupervisorOrder(Layout.of(home), 0, cache=tmp_path / "cache")
        for flag in ("-XX:AOTCacheOutput=", "-XX:AOTCache="):
            take_lease(order).close()
            wait_until(lambda: not Layout.of(home).state.exists(), "the broker ends", within_s=90)
            assert flag in Layout.of(home).arguments.read_text()
        assert len(list((tmp_path / "cache").iterdir())) == 1
        assert list(Layout.of(home).folder.glob("recording*")) == []

    def test_prepared_once(self) -> None:
        """Set-up records the shared cache; where there is one, it starts nothing."""
        prepare(lambda _: None)
        said: list[str] = []
        prepare(said.append)
        assert said == ["Kafka broker: nothing to prepare."]

    @pytest.mark.parametrize("content", [b"", b"garbage" * 100_000], ids=["empty", "garbage"])
    @pytest.mark.slow
    def test_broken_cache_does_not_hinder_the_start(self, home: Path, tmp_path: Path, content: bytes) -> None:
        """A cache that is torn or foreign costs time, not the broker."""
        cache = StartupCache.of(tmp_path, jars.java(), jars.class_path("broker"))
        cache.path.write_bytes(content)
        take_lease(SupervisorOrder(Layout.of(home), 0, cache=tmp_path)).close()
        wait_until(lambda: not Layout.of(home).state.exists(), "the broker ends", within_s=90)
