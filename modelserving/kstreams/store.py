"""State stores in Python: a class of one's own, restored from its changelog, and the builder that a topology takes.

::

    class Latest(StateStore):
        def open(self): self.values = {}
        def restore(self, key, value): self.values[key] = value
        def put(self, key, value):
            self.values[key] = value
            self.log(key, value)
        def view(self): return dict(self.values)

    topology.addStateStore(StoreBuilder("latest", Latest), "processor")

Under exactly-once, what ``log`` wrote becomes visible together with the results and the offsets, or not at all. When a
transaction is aborted the engine closes the store, opens it again, and restores what was committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from modelserving.kstreams import java
from modelserving.kstreams.bridge.failures import guarded
from modelserving.kstreams.bridge.proxies import implement_with
from modelserving.kstreams.bridge.threads import attached, detach
from modelserving.kstreams.bridge.values import to_java
from modelserving.kstreams.context import StateStoreContext
from modelserving.kstreams.functions import check_plain

_PROCESSOR = "org.apache.kafka.streams.processor."
_INTERNAL = "org.apache.kafka.streams.state.internals."
_BUILDER = "org.apache.kafka.streams.state.StoreBuilder"
_CALLED = ("open", "restore", "before_commit", "flush", "close")
_QUERYABLE = "org.apache.kafka.streams.state.QueryableStoreType"


class StateStore:
    """A store of one task. Its task's thread changes it; whoever asks from outside gets what ``view`` makes.

    Args:
        name: of the store.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.context: StateStoreContext | None = None
        self.logging = True

    def open(self) -> None:
        """Begin empty. What is in the changelog is restored afterwards."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take over one entry of the changelog; entries come in the order in which they were written."""

    def before_commit(self) -> None:
        """A commit is about to happen, or the task to be closed: the last moment to log what belongs to a commit."""

    def flush(self) -> None:
        """A commit has happened. Under exactly-once only the last one is told, before the task ends in peace."""

    def close(self) -> None:
        """Let go of everything. It may be opened again."""

    def view(self) -> object:
        """What a query gets: a copy, or anything else that cannot change the store.

        It is called on the thread of who asks, while the task's thread works.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no method view(self): it returns what a query may see of the store "
            f"{self.name!r}, for example a copy of its dictionary."
        )

    def log(self, key: bytes, value: bytes | None, timestamp: int = 0) -> None:
        """Write a change to the changelog; without logging, nothing."""
        if self.logging and self.context is not None:
            self.context.logChange(self.name, key, value, timestamp)


def StoreBuilder(
    name: str, make: Callable[[str], StateStore], *, logging: bool = True, log_config: Mapping[str, str] | None = None
) -> Any:
    """What a topology takes: something that builds a store for each task.

    Args:
        name: of the store; its changelog is the topic ``<application>-<name>-changelog``.
        make: takes the name. It must return a new store each time.
        logging: whether it has a changelog. Without one its content is gone when its task goes elsewhere.
        log_config: of the changelog topic, for example ``{"cleanup.policy": "compact"}``.
    """
    return _Builder(name, make, logging, dict(log_config or {})).java


class _Builder:
    """A builder as Java calls it."""

    def __init__(self, name: str, make: Callable[[str], StateStore], logging: bool, config: dict[str, str]) -> None:
        self._name = name
        self._make = make
        self._logging = logging
        self._config = config
        self.java = implement_with(self, _BUILDER)

    def build(self) -> Any:
        store = guarded(self._checked)()
        store.logging = self._logging
        return _OpenStore(store).java

    def _checked(self) -> StateStore:
        store = self._make(self._name)
        if not isinstance(store, StateStore):
            raise TypeError(f"the builder of the store {self._name!r} has to make a StateStore, and made {store!r}.")
        if not hasattr(store, "name"):
            raise TypeError(f"{type(store).__name__}.__init__ has to call super().__init__(name) before all else.")
        for method in _CALLED:
            check_plain(f"{type(store).__name__}.{method}", getattr(store, method))
        return store

    def name(self) -> str:
        return self._name

    def loggingEnabled(self) -> bool:
        return self._logging

    def logConfig(self) -> Any:
        return java.HashMap(self._config)

    def withLoggingEnabled(self, config: Any) -> Any:
        self._logging, self._config = True, {str(key): str(config[key]) for key in config}
        return self.java

    def withLoggingDisabled(self) -> Any:
        self._logging = False
        return self.java

    def withCachingEnabled(self) -> Any:
        return self.java

    def withCachingDisabled(self) -> Any:
        return self.java


class _OpenStore:
    """A store as Java calls it; as which it also comes back to Python from the engine.

    Args:
        store: the store itself.
    """

    def __init__(self, store: StateStore) -> None:
        self.python = store
        self._open = False
        self._restoring = implement_with(self, _PROCESSOR + "BatchingStateRestoreCallback")
        interfaces = (_PROCESSOR + "StateStore", _INTERNAL + "CachedStateStore")
        self.java = implement_with(self, *interfaces, comes_back=True)

    def name(self) -> str:
        return self.python.name

    def init(self, context: Any, _root: Any) -> None:
        self.python.context = StateStoreContext(context)
        with attached(self._let_go), ExitStack() as undo:
            guarded(self.python.open)()
            undo.callback(guarded(self.python.close))
            self._open = True
            context.register(self.java, self._restoring)
            undo.pop_all()

    def restoreAll(self, entries: Any) -> None:
        restore = guarded(self.python.restore)
        for entry in entries:
            restore(bytes(entry.key), None if entry.value is None else bytes(entry.value))

    def restore(self, key: Any, value: Any) -> None:
        guarded(self.python.restore)(bytes(key), None if value is None else bytes(value))

    def flushCache(self) -> None:
        guarded(self.python.before_commit)()

    def clearCache(self) -> None:
        """Nothing is held back."""

    def setFlushListener(self, _listener: Any, _old_values: bool) -> bool:
        return False

    def flush(self) -> None:
        guarded(self.python.flush)()

    def commit(self, _offsets: Any) -> None:
        guarded(self.python.flush)()

    def close(self) -> None:
        if not self._open:
            return
        try:
            guarded(self.python.close)()
        finally:
            self._let_go()
            detach()

    def _let_go(self) -> None:
        self._open = False
        if self.python.context is not None:
            self.python.context.release()

    def persistent(self) -> bool:
        return False

    def isOpen(self) -> bool:
        return self._open


def stores_of(kind: type[StateStore]) -> Any:
    """A ``QueryableStoreType`` of stores in Python: a query gets a list, one ``view`` for each task that is here.

    Args:
        kind: their class.
    """
    return _Query(kind).java


class _Query:
    """A type of stores as Java asks it."""

    def __init__(self, kind: type[StateStore]) -> None:
        self._kind = kind
        self.java = implement_with(self, _QUERYABLE)

    def accepts(self, store: Any) -> bool:
        return isinstance(store, _OpenStore) and isinstance(store.python, self._kind)

    def create(self, provider: Any, name: str) -> Any:
        return to_java([guarded(found.python.view)() for found in provider.stores(name, self.java)])
