"""A member of a consumer group that is a process of its own, so that it can be killed as a crash would.

The child (this module, run with ``-m``) prints a line of JSON whenever its partitions change and for every record; it
ends when its standard input closes, so that it never outlives the kernel.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from collections.abc import Mapping

from modelserving.config import load_settings
from modelserving.errors import ServerError
from modelserving.kafka import Connection, connect, make_consumer
from modelserving.system.closing import Closing
from modelserving.workshop.lesson.lesson_topics import wait_until
from modelserving.workshop.processes.apart import APART

_SESSION_MS = 6_000
_ENDS_WITHIN_S = 10.0


class GroupMember(Closing):
    """A consumer in a group, in a process of its own. It commits after each record.

    Args:
        connection: the broker.
        topic: what to read.
        group: whom to share it with.
    """

    def __init__(self, connection: Connection, topic: str, group: str) -> None:
        self._paused = False
        self.partitions: tuple[int, ...] = ()
        self.records: tuple[tuple[int, int], ...] = ()
        """Partition and offset of each record that it has dealt with, in order."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, connection.bootstrap_servers, topic, group],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **APART,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __repr__(self) -> str:
        state = "alive" if self._process.poll() is None else "gone"
        return f"<member in process {self.pid}: {state}, partitions {self.partitions}, {len(self.records)} records>"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_for_partitions(self, *counts: int, seconds: float = 60) -> tuple[int, ...]:
        """Wait until the group has given it so many partitions.

        Args:
            counts: how many, or how many may be.
            seconds: how long at most.

        Raises:
            ServerError: it ended instead.
            WaitTimeout: it did not get them in time.
        """
        wanted = " or ".join(map(str, counts))
        wait_until(
            lambda: len(self.partitions) in counts or self._process.poll() is not None, f"{wanted} partitions", seconds
        )
        if self._process.poll() is not None:
            raise ServerError(
                f"The group's member ended by itself: {self._process.stderr and self._process.stderr.read()}"
            )
        return self.partitions

    def pause(self) -> None:
        """Let it deal with nothing more. It stays in the group, so nobody takes its partitions."""
        self._tell("pause")
        wait_until(lambda: self._paused or self._process.poll() is not None, "the member to pause")

    def resume(self) -> None:
        """Let it go on where it paused."""
        self._paused = False
        self._tell("resume")

    def kill(self) -> None:
        """End it at once, as ``kill -9`` or a power cut does: it cannot say goodbye to the group."""
        self._process.kill()
        self._process.wait()
        self.partitions = ()

    def close(self) -> None:
        """Let it leave the group and end. A second call does nothing."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._listener.join(_ENDS_WITHIN_S)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def _tell(self, word: str) -> None:
        if self._process.stdin is None or self._process.poll() is not None:
            raise ServerError(f"The group's member in process {self.pid} has ended; it cannot {word}.")
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            said: Mapping[str, list[int]] = json.loads(line)
            if "paused" in said:
                self._paused = True
            elif "partitions" in said:
                self.partitions = tuple(said["partitions"])
            else:
                partition, offset = said["record"]
                self.records += ((partition, offset),)


def main(arguments: list[str] | None = None) -> None:
    """Be the child."""
    parser = argparse.ArgumentParser()
    for name in ("servers", "topic", "group"):
        parser.add_argument(name)
    asked = parser.parse_args(arguments)
    settings = load_settings()
    connection = connect(settings) if settings.bootstrap_servers else Connection(asked.servers)
    over, paused = threading.Event(), threading.Event()
    threading.Thread(target=_obey, args=(over, paused), daemon=True).start()
    with make_consumer(connection, asked.topic, group=asked.group, session_timeout_ms=_SESSION_MS) as consumer:
        # Without the topic's partitions at hand, a group's first member joins for nothing, and joins again.
        consumer.partitions_for_topic(asked.topic)
        mine: list[int] = []
        while not over.is_set():
            if paused.is_set():
                if not consumer.paused():
                    _say({"paused": []})
                consumer.pause(*consumer.assignment())
            else:
                consumer.resume(*consumer.paused())
            batches = consumer.poll(timeout_ms=200, max_records=1)
            if mine != (now := sorted(tp.partition for tp in consumer.assignment())):
                mine = now
                _say({"partitions": mine})
            for batch in batches.values():
                for record in batch:
                    consumer.commit()
                    _say({"record": [record.partition, record.offset]})


def _obey(over: threading.Event, paused: threading.Event) -> None:
    """Do what the parent says, until it says no more."""
    for line in sys.stdin:
        (paused.set if line.strip() == "pause" else paused.clear)()
    over.set()


def _say(line: Mapping[str, list[int]]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
