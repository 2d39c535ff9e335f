"""Processors in Python: a class with ``init``, ``process`` and ``close``; the supplier makes one for each task.

::

    class Counting(Processor):
        def init(self, context):
            self.context, self.store = context, context.getStateStore("counts")

        def process(self, record):
            self.store.put(record.key(), (self.store.get(record.key()) or 0) + 1)
            self.context.forward(record)

    topology.addProcessor("count", ProcessorSupplier(Counting), "source")
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import _jpype

from modelserving.kstreams import java
from modelserving.kstreams.bridge.failures import guarded
from modelserving.kstreams.bridge.proxies import implement, implement_with
from modelserving.kstreams.bridge.threads import attached, detach
from modelserving.kstreams.bridge.values import from_java, to_java
from modelserving.kstreams.context import FixedKeyProcessorContext, ProcessorContext, ValueTransformerContext
from modelserving.kstreams.functions import check_plain, takes
from modelserving.kstreams.record import FixedKeyRecord, Record

T = TypeVar("T")

_API = "org.apache.kafka.streams.processor.api."
_KSTREAM = "org.apache.kafka.streams.kstream."


class Processor:
    """One node of a topology, for one task. Its methods are called by one thread, the task's."""

    context: ProcessorContext

    def init(self, context: ProcessorContext) -> None:
        """The task begins: get the stores, schedule what is to happen regularly. By default, the context is kept."""
        self.context = context

    def process(self, record: Record) -> None:
        """One record."""
        raise NotImplementedError(f"{type(self).__name__} has no method process(self, record).")

    def close(self) -> None:
        """The task ends, or goes to another thread or instance."""


class FixedKeyProcessor(Processor):
    """A processor for ``processValues``: it changes values, times and headers, and never a key."""


class ValueTransformerWithKey:
    """For ``KTable.transformValues``: a value to another one, with stores at hand. The key stays as it is."""

    context: ValueTransformerContext

    def init(self, context: ValueTransformerContext) -> None:
        """The task begins. By default, the context is kept."""
        self.context = context

    def transform(self, key: Any, value: Any) -> object:
        """The new value of a key; ``value`` is ``None`` where the key was deleted."""
        raise NotImplementedError(f"{type(self).__name__} has no method transform(self, key, value).")

    def close(self) -> None:
        """The task ends, or goes to another thread or instance."""


def ProcessorSupplier(make: Callable[[], Processor], *stores: Any) -> Any:
    """What a topology takes: something that makes a processor for each task.

    Args:
        make: a class, or a function without arguments. It must return a new processor each time.
        stores: builders of the stores that this processor uses, added to the topology and connected with it.
    """
    return _supplier("Processor", lambda processor: _Node(processor, Record, ProcessorContext), make, stores)


def FixedKeyProcessorSupplier(make: Callable[[], Processor], *stores: Any) -> Any:
    """What ``processValues`` takes; its arguments are those of ``ProcessorSupplier``."""
    name = "FixedKeyProcessor"
    return _supplier(name, lambda processor: _Node(processor, FixedKeyRecord, FixedKeyProcessorContext), make, stores)


def ValueTransformerWithKeySupplier(make: Callable[[], ValueTransformerWithKey], *stores: Any) -> Any:
    """What ``KTable.transformValues`` takes; its arguments are those of ``ProcessorSupplier``."""
    check_supplier("ValueTransformerWithKeySupplier", make)
    made = FreshObjects("ValueTransformerWithKeySupplier")

    def get() -> Any:
        transformer = made.check(make())
        if not callable(getattr(transformer, "transform", None)):
            raise TypeError(f"transformValues needs objects with transform(self, key, value), and got {transformer!r}.")
        _check_methods(transformer, "init", "transform", "close")
        return implement_with(_Transformer(transformer), _KSTREAM + "ValueTransformerWithKey")

    supplier = _KSTREAM + "ValueTransformerWithKeySupplier"
    return implement(supplier, get=guarded(get), stores=lambda: _set_of(stores))


def _supplier(
    kind: str, node_of: Callable[[Processor], _Node], make: Callable[[], Processor], stores: Iterable[Any]
) -> Any:
    check_supplier(f"{kind}Supplier", make)
    made = FreshObjects(f"{kind}Supplier")

    def get() -> Any:
        return implement_with(node_of(made.check(_checked(make()))), _API + kind)

    return implement(f"{_API}{kind}Supplier", get=guarded(get), stores=lambda: _set_of(stores))


def check_supplier(who: str, make: object) -> None:
    """See that something can make processors.

    Args:
        who: takes it, for the message.
        make: a class, a function, or something of Java's.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(make, _jpype._JObject | _jpype._JProxy) or (callable(make) and takes(make, 0)):
        return
    advice = "it cannot be called without arguments" if callable(make) else "this makes none"
    if isinstance(make, Processor):
        advice = f"hand over the class: {type(make).__name__}"
    raise TypeError(
        f"{who} takes a class of processors, or a function without arguments that makes one for each task, and got "
        f"{make!r}; {advice}."
    )


def _checked(made: Any) -> Any:
    if callable(getattr(made, "process", None)):
        _check_methods(made, "init", "process", "close")
        return made
    raise TypeError(f"a ProcessorSupplier has to make a Processor, and this one made {made!r}.")


def _check_methods(made: Any, *names: str) -> None:
    for name in names:
        if (method := getattr(made, name, None)) is not None:
            check_plain(f"{type(made).__name__}.{name}", method)


class FreshObjects:
    """Sees that a supplier makes something new each time: tasks that share one would share its state, unlocked.

    Args:
        who: the supplier, for the message.
    """

    def __init__(self, who: str) -> None:
        self._who = who
        self._known: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()

    def check(self, made: T) -> T:
        """The same object, if it has not been seen before.

        Raises:
            TypeError: it has, or is a class instead of an object of it, or a plain value.
        """
        if isinstance(made, type):
            raise TypeError(f"a {self._who} makes objects, and this one made the class {made.__name__}: call it.")
        if made is None or isinstance(made, int | float | str | bytes | tuple):
            raise TypeError(f"a {self._who} has to make an object of a class for it, and this one made {made!r}.")
        if self._known.get(id(made)) is made:
            raise TypeError(
                f"a {self._who} has to make a new object each time, and this one gave the same {type(made).__name__} "
                "twice: tasks would share its state. Hand over the class, or a function that calls it."
            )
        self._known[id(made)] = made
        return made


class _Node:
    """A processor as Java calls it."""

    def __init__(self, processor: Processor, kind: type[Record], context: type[ProcessorContext]) -> None:
        self._processor, self._context_of = processor, context
        self.process = guarded(lambda record: processor.process(kind.of(record)))

    def init(self, context: Any) -> None:
        self._processor.context = self._context = self._context_of(context)  # for an init that forgets super().init
        with attached(self._context.release):
            guarded(self._processor.init)(self._context)

    def close(self) -> None:
        """Objects of Python and Java that hold each other are never freed: so the engine is let go of."""
        try:
            guarded(self._processor.close)()
        finally:
            self._context.release()
            detach()


class _Transformer:
    """A transformer of values as Java calls it."""

    def __init__(self, transformer: ValueTransformerWithKey) -> None:
        self._transformer = transformer
        self.transform = guarded(lambda key, value: to_java(transformer.transform(from_java(key), from_java(value))))

    def init(self, context: Any) -> None:
        self._transformer.context = self._context = ValueTransformerContext(context)
        with attached(self._context.release):
            if init := getattr(self._transformer, "init", None):
                guarded(init)(self._context)

    def close(self) -> None:
        """As for a processor."""
        try:
            if close := getattr(self._transformer, "close", None):
                guarded(close)()
        finally:
            self._context.release()
            detach()


def _set_of(builders: Iterable[Any]) -> Any:
    made = java.HashSet()
    for builder in builders:
        made.add(builder)
    return made if builders else None
