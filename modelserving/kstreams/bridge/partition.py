"""A partitioner that puts an answer where its record came from: so the order of the answers is that of the records."""

from __future__ import annotations

from typing import Any

from modelserving.jvm import java_class


class SamePartition:
    """A ``StreamPartitioner`` that is told beforehand, by the thread that hands on, which partition it is.

    Asking Python for each record would cost more than scoring it; this is put together from Java's method handles.

    Args:
        partitions: how many the topic of the answers has; a record from beyond them goes where its key says.
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._nowhere = java_class("java.util.Optional").empty()
        self._here = java_class("java.lang.ThreadLocal")()
        handles = java_class("java.lang.invoke.MethodHandles")
        types = java_class("java.lang.invoke.MethodType")
        optional, thing = java_class("java.util.Optional").class_, java_class("java.lang.Object").class_
        partitioner = java_class("org.apache.kafka.streams.processor.StreamPartitioner").class_
        get = handles.publicLookup().findVirtual(
            java_class("java.lang.ThreadLocal").class_, "get", types.methodType(thing)
        )
        get = get.bindTo(self._here).asType(types.methodType(optional))
        arguments = [java_class("java.lang.String").class_, thing, thing, java_class("java.lang.Integer").TYPE]
        self.java: Any = java_class("java.lang.invoke.MethodHandleProxies").asInterfaceInstance(
            partitioner, handles.dropArguments(get, 0, arguments)
        )

    def go_to(self, partition: int) -> None:
        """What this thread hands on from now goes to this partition."""
        chosen = self._nowhere
        if partition < self._partitions:
            numbers = java_class("java.util.Set").of(java_class("java.lang.Integer")(partition))
            chosen = java_class("java.util.Optional").of(numbers)
        self._here.set(chosen)
