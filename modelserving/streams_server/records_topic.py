"""Whether the records' topic is the one that the state of an application belongs to.

Kafka Streams makes the changelogs of an application with as many partitions as its input has, once. When the input gets
more, or is made anew, the engine goes on for minutes, and then ends; it does not start again before it was reset.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from modelserving.errors import ServerError
from modelserving.serving.options import ServerOptions
from modelserving.streams_server.stores import StoreKind
from modelserving.system.files import write_atomically

_FILE = "records-topic.json"


class RecordsTopic:
    """Remembers the topic, over restarts.

    Args:
        options: of the server.
        folder: of its local state.
        store: where its statistics are; those that are in memory only belong to no partition.
    """

    def __init__(self, options: ServerOptions, folder: Path, store: StoreKind) -> None:
        self._options = options
        self._file = folder / _FILE
        self._logged = store is not StoreKind.MEMORY
        self._known: tuple[str, int] | None = None

    def check(self, identity: tuple[object, int] | None) -> None:
        """See that it is still the same one.

        Args:
            identity: of the topic now: its id and its number of partitions; ``None`` while that is not known.

        Raises:
            ServerError: it is another one; or there is no room to note which it is.
        """
        if identity is None:
            return
        now = str(identity[0]), identity[1]
        known = self._known = self._known or self._read() or now
        if known[0] != now[0]:
            raise ServerError(self._explain("was deleted and made anew", " --from-beginning"))
        if known[1] != now[1] and self._logged:
            raise ServerError(self._explain(f"had {known[1]} partitions, and now has {now[1]}", ""))
        if known != now or not self._file.exists():
            self._known = now
            self._write(json.dumps(now))

    def _write(self, text: str) -> None:
        try:
            write_atomically(self._file, text)
        except OSError as error:
            raise ServerError(
                f"the state of {self._options.group!r} cannot be written to {self._file.parent}: {error}. "
                "Make room there, or let MODELSERVING_HOME name another folder."
            ) from error

    def _read(self) -> tuple[str, int] | None:
        with suppress(OSError, ValueError):
            topic, partitions = json.loads(self._file.read_text(encoding="utf-8"))
            return str(topic), int(partitions)
        return None

    def _explain(self, what: str, option: str) -> str:
        topic = self._options.topics.records
        return (
            f"{topic} {what}: the state of the application {self._options.group!r} does not belong to it any more. "
            f"Stop its servers, run `modelserving streams reset {self._options.group}{option}`, and start them again."
        )
