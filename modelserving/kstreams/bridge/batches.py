"""Processors that are given many records at a time, and are right under exactly-once nevertheless.

Models are fast in batches, and so is the way from Java to Python. The engine works record by record; so records are put
aside until there are ``max_records``, until ``linger`` seconds have passed, or **until the engine is about to commit**:
then all that is aside is worked on, and its results are part of what is committed. The last is what makes it right, and
it is how the engine's own record caches work: a store that holds something back is asked to let go of it before each
commit (``CachedStateStore.flushCache``). That store is the *batch store*, which a topology's description shows. When a
task ends uncleanly, what is aside is forgotten, as the offsets of it are: the next instance reads it again.

Under exactly-once the engine does not say that a commit has succeeded. But it goes on with a task then, and only then:
after a commit that failed it closes the task. Before it does so it asks the stores once more to let go of what they
hold, just as before a commit; so being asked again says nothing. Where a task ends in peace, the stores are told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from modelserving import jvm
from modelserving.kafka import Headers
from modelserving.kstreams.bridge.collector import Collector, Columns, LateProcessor
from modelserving.kstreams.bridge.failures import guarded
from modelserving.kstreams.bridge.proxies import implement
from modelserving.kstreams.bridge.threads import attached, detach
from modelserving.kstreams.context import ProcessorContext
from modelserving.kstreams.store import StateStore, StoreBuilder

_API = "org.apache.kafka.streams.processor.api."


class BatchContext(ProcessorContext):
    """The engine, as a processor of batches sees it."""

    collector: Collector

    def release(self) -> None:
        """Let go of the engine; what is aside stays, so that no commit leaves it out."""
        super().release()
        collector: Collector | None = getattr(self, "collector", None)  # None: it could not be made
        if collector is not None and not len(collector):
            collector.release()

    def headers(self, row: int) -> Headers:
        """The headers of one record of the batch in hand; they do not cross with the others' columns.

        Args:
            row: of the batch.
        """
        return self.collector.headers(row)

    def set_headers(self, row: int, headers: Headers) -> None:
        """Give other headers to what ``forward_values`` hands on for one record of the batch in hand.

        Args:
            row: of the batch.
            headers: all of them.
        """
        self.collector.set_headers(row, headers)

    def forward_values(self, rows: Sequence[int], values: Sequence[bytes], child: str) -> None:
        """Hand on a record for each of these rows, with its key, time and headers, and a new value.

        Args:
            rows: of the batch in hand.
            values: one for each row.
            child: the node that gets them.
        """
        if rows:
            self.collector.forward(rows, values, child)


class BatchProcessor:
    """One node of a topology, for one task, that works on batches.

    Args:
        max_records: the most records in a batch.
        linger: seconds that a record waits for others at most.
    """

    context: BatchContext

    def __init__(self, max_records: int = 1000, linger: float = 0.02) -> None:
        self.max_records = max_records
        self.linger = linger

    def init(self, context: BatchContext) -> None:
        """The task begins. By default, the context is kept."""
        self.context = context

    def process_batch(self, batch: Columns) -> None:
        """One batch, of one partition; keys and values are bytes."""
        raise NotImplementedError(f"{type(self).__name__} has no method process_batch(self, batch).")

    def before_commit(self) -> None:
        """A commit is about to happen, and all batches that belong to it are done.

        It may be called again without ``after_commit`` in between: then what belonged to the last one belongs to this
        one, too.
        """

    def after_commit(self) -> None:
        """The last commit has succeeded; called a moment later, before anything else is worked on."""

    def close(self) -> None:
        """The task ends, or goes to another thread or instance.

        What was worked on since the last ``after_commit`` is not committed, as far as one can know; ``init`` may come
        again, and the same records.
        """


def BatchProcessorSupplier(name: str, make: Callable[[], BatchProcessor], *stores: Any) -> Any:
    """What a topology takes: something that makes a processor of batches for each task.

    Args:
        name: of the batch store.
        make: a class, or a function without arguments. It must return a new processor each time.
        stores: builders of the stores that it uses.
    """
    builders = jvm.java_class("java.util.LinkedHashSet")()
    for builder in (StoreBuilder(name, _Aside, logging=False), *stores):
        builders.add(builder)

    def get() -> Any:
        return _BatchNode(name, make()).late.make()

    return implement(_API + "ProcessorSupplier", get=guarded(get), stores=lambda: builders)


class _Aside(StateStore):
    """The batch store: what it holds is in the collector; here the engine says that it is about to commit."""

    node: _BatchNode | None = None

    def before_commit(self) -> None:
        if self.node is not None:
            self.node.before_commit()

    def flush(self) -> None:
        if self.node is not None:
            self.node.settle()

    def close(self) -> None:
        self.node = None


class _BatchNode:
    """A processor of batches as Java calls it."""

    _context: BatchContext
    _self: Any

    def __init__(self, name: str, processor: BatchProcessor) -> None:
        self._name = name
        self._processor = processor
        self.late = LateProcessor(self._init, self._close)
        self._committing = False

    def _init(self, java: Any) -> None:
        self._context = context = BatchContext(java)
        with attached(self._let_go):
            context.collector = Collector(java, self._processor.max_records, guarded(self._tick))
            self.late.set_process(context.collector.process)
            self._self = java.currentNode()
            context.getStateStore(self._name).node = self
            context.schedule(self._processor.linger, lambda _: self._tick())
            guarded(self._processor.init)(context)

    def _close(self) -> None:
        """What is aside stays: if the engine tried to commit now, that must fail, and nothing be lost.

        If the last commit has succeeded we know it by now, or never will.
        """
        self._committing = False
        try:
            guarded(self._processor.close)()
        finally:
            self._let_go()
            detach()

    def _let_go(self) -> None:
        self._context.release()
        self.late.release()
        self._self = None

    def before_commit(self) -> None:
        if len(self._context.collector):
            self.settle()
        self._work()
        self._at_this_node(self._processor.before_commit)
        self._committing = True

    def _tick(self) -> None:
        self.settle()
        self._work()

    def settle(self) -> None:
        """Work goes on, or the engine says so: the commit that was begun has succeeded."""
        if self._committing:
            self._committing = False
            guarded(self._processor.after_commit)()

    def _work(self) -> None:
        """Work on what is aside. When that fails it stays aside, so that no commit can leave it out."""
        collector = self._context.collector
        if len(collector):
            self._at_this_node(lambda: self._processor.process_batch(collector.columns()))
            collector.clear()

    def _at_this_node(self, work: Callable[[], object]) -> None:
        """Before a commit the engine is at no node, and has no record in hand; to hand on, one must be somewhere."""
        java = self._context.java
        node, context = java.currentNode(), java.recordContext()
        java.setCurrentNode(self._self)
        try:
            work()
        finally:
            java.setCurrentNode(node)
            java.setRecordContext(context)
