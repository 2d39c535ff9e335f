"""Python functions for the DSL: ``stream.filter(Predicate(lambda key, value: value.alcohol > 12))``.

Each name is that of the engine's interface. Keys and values arrive as in Python, and what is returned goes back as it
should; an error in a function is a Python error with its traceback.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from operator import index
from typing import Any

import jpype
import numpy as np

from modelserving import jvm
from modelserving.errors import ServerError
from modelserving.kstreams.bridge.failures import cause_of, describe, guarded
from modelserving.kstreams.bridge.proxies import implement
from modelserving.kstreams.bridge.threads import keep_attached
from modelserving.kstreams.bridge.values import from_java, milliseconds, pairs_to_java, to_java
from modelserving.kstreams.record import Record, RecordMetadata, read_headers

_KSTREAM = "org.apache.kafka.streams.kstream."


def pair(key: object, value: object) -> Any:
    """A ``KeyValue``, as the function of ``KStream.map`` returns it."""
    return jvm.java_class("org.apache.kafka.streams.KeyValue").pair(to_java(key), to_java(value))


def Predicate(function: Callable[[Any, Any], bool]) -> Any:
    """``(key, value)`` to whether."""
    return _java("Predicate", "test", function, _to_bool)


def ValueMapper(function: Callable[[Any], object]) -> Any:
    """``(value)`` to another value; for ``flatMapValues`` to a list of them, or a generator."""
    return _java("ValueMapper", "apply", function)


def ValueMapperWithKey(function: Callable[[Any, Any], object]) -> Any:
    """``(key, value)`` to another value."""
    return _java("ValueMapperWithKey", "apply", function)


def KeyValueMapper(function: Callable[[Any, Any], object]) -> Any:
    """``(key, value)`` to a key; for ``map`` to a ``pair`` or a tuple of two, for ``flatMap`` to a list of those."""
    return _java("KeyValueMapper", "apply", function, pairs_to_java)


def ForeachAction(function: Callable[[Any, Any], object]) -> Any:
    """``(key, value)``, for what it does."""
    check_plain("the function of foreach or peek", function)
    return _java("ForeachAction", "apply", function, lambda _: None)


def ForeignKeyExtractor(function: Callable[..., object]) -> Any:
    """``(value)``, or ``(key, value)``, to the key of the other table, for a join by foreign key."""
    return _java_util(function)


def Initializer(function: Callable[[], object]) -> Any:
    """What an aggregation begins with."""
    return _java("Initializer", "apply", function)


def Aggregator(function: Callable[[Any, Any, Any], object]) -> Any:
    """``(key, value, so far)`` to the next."""
    return _java("Aggregator", "apply", function)


def Reducer(function: Callable[[Any, Any], object]) -> Any:
    """``(so far, value)`` to the next."""
    return _java("Reducer", "apply", function)


def Merger(function: Callable[[Any, Any, Any], object]) -> Any:
    """``(key, one, other)`` to both together, for sessions that meet."""
    return _java("Merger", "apply", function)


def ValueJoiner(function: Callable[[Any, Any], object]) -> Any:
    """``(left, right)`` to the value of a join."""
    return _java("ValueJoiner", "apply", function)


def ValueJoinerWithKey(function: Callable[[Any, Any, Any], object]) -> Any:
    """``(key, left, right)`` to the value of a join."""
    return _java("ValueJoinerWithKey", "apply", function)


def TimestampExtractor(function: Any) -> Any:
    """``(key, value)`` to the record's own time, for ``Consumed.withTimestampExtractor``.

    The time is milliseconds since 1970, or a ``datetime`` with its zone.

    Or, as in Java, an object with ``extract(record, partitionTime)``: the ``Record``, and the latest time so far.
    """
    own = getattr(function, "extract", None)

    @guarded
    def extract(record: Any, partition_time: int) -> Any:
        keep_attached()
        if own is not None:
            return _time(own(_read(record), int(partition_time)))
        return _time(function(from_java(record.key()), from_java(record.value())))

    return implement("org.apache.kafka.streams.processor.TimestampExtractor", extract=extract)


def _time(found: Any) -> Any:
    """The time that an extractor found; parts of a millisecond fall away."""
    return jpype.JLong(int(found) if isinstance(found, float) else milliseconds(found))


def StreamPartitioner(function: Callable[[str, Any, Any, int], int | Iterable[int] | None]) -> Any:
    """``(topic, key, value, partitions)`` to the number of a partition, to several, or ``None``: as Kafka does it."""

    @guarded
    def partitions(topic: Any, key: Any, value: Any, count: int) -> Any:
        keep_attached()
        chosen = function(str(topic), from_java(key), from_java(value), int(count))
        optional, many = jvm.java_class("java.util.Optional"), jvm.java_class("java.util.HashSet")()
        if chosen is None:
            return optional.empty()
        for each in chosen if isinstance(chosen, Iterable) else (chosen,):
            many.add(jpype.JClass("java.lang.Integer").valueOf(_partition(each, int(count))))
        return optional.of(many)

    return implement("org.apache.kafka.streams.processor.StreamPartitioner", partitions=partitions)


def _partition(chosen: object, count: int) -> int:
    number = index(chosen)  # type: ignore[arg-type]  # it raises what is right for all that is no whole number
    if not 0 <= number < count:
        raise ValueError(f"a StreamPartitioner chose partition {number}, and the topic has {count}.")
    return number


def TopicNameExtractor(function: Callable[..., str]) -> Any:
    """``(key, value)``, or ``(key, value, context)``, to the name of the topic that a record goes to."""
    with_context = takes(function, 3)

    @guarded
    def extract(key: Any, value: Any, context: Any) -> Any:
        keep_attached()
        given = from_java(key), from_java(value)
        return jpype.JString(str(function(*given, context) if with_context else function(*given)))

    return implement("org.apache.kafka.streams.processor.TopicNameExtractor", extract=extract)


def StateRestoreListener(listener: object) -> Any:
    """For ``setGlobalStateRestoreListener``: told by its methods how the stores are filled from their changelogs.

    They are those of Java's interface: ``onRestoreStart``, ``onBatchRestored``, ``onRestoreEnd`` (this one has to be
    there), ``onRestoreSuspended``. They get ``(topic, partition)``, the name of the store, and whole numbers, and are
    called by threads of the engine.
    """

    def told(name: str) -> Callable[..., None]:
        tell = getattr(listener, name, None)

        @guarded
        def call(tp: Any, store: Any, *numbers: Any) -> None:
            keep_attached()
            if tell is not None:
                tell((str(tp.topic()), int(tp.partition())), str(store), *map(int, numbers))

        return call

    names = ("onRestoreStart", "onBatchRestored", "onRestoreEnd", "onRestoreSuspended")
    return implement("org.apache.kafka.streams.processor.StateRestoreListener", **{name: told(name) for name in names})


def takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a function in C that does not say
        return True
    return True


def ProcessingExceptionHandler(function: Callable[[RecordMetadata, Record, BaseException], bool]) -> Any:
    """``(metadata, record, error)`` to whether to go on without the record; for ``processing_exception_handler``."""
    return _handler("ProcessingExceptionHandler", Record.of, function)


def DeserializationExceptionHandler(function: Callable[[RecordMetadata, Record, BaseException], bool]) -> Any:
    """The same for ``deserialization_exception_handler``: key and value are bytes that no serde could read."""
    return _handler("DeserializationExceptionHandler", _read, function)


def ProductionExceptionHandler(function: Callable[[RecordMetadata, Record, BaseException], bool]) -> Any:
    """The same for ``production_exception_handler``: a record that could not be written, or that the broker refused."""
    return _handler("ProductionExceptionHandler", _read, function)


def _handler(name: str, record_of: Callable[[Any], Record], function: Callable[..., bool]) -> Any:
    """An exception handler of the engine's; metadata of a record that has none have offset -1."""
    full = f"org.apache.kafka.streams.errors.{name}"
    response = jvm.java_class(f"{full}$Response")

    @guarded
    def handle(context: Any, record: Any, thrown: Any, *_: Any) -> Any:
        keep_attached()
        metadata = RecordMetadata(str(context.topic()), int(context.partition()), int(context.offset()))
        error = cause_of(thrown) or ServerError(f"Kafka Streams: {describe(thrown)}.")
        return response.resume() if _to_bool(function(metadata, record_of(record), error), name) else response.fail()

    methods: dict[str, Callable[..., Any]] = {"handleError": handle, "configure": lambda _: None}
    if name.startswith("Production"):
        methods["handleSerializationError"] = handle
    return implement(full, **methods)


def _read(java: Any) -> Record:
    """A record of a topic, as one of a topology."""
    time = java.timestamp()
    key, value = from_java(java.key()), from_java(java.value())
    return Record(key, value, int(time) if time is not None and time > 0 else 0, read_headers(java.headers()))


def _java_util(function: Callable[..., object]) -> Any:
    """A ``java.util.function.Function`` or ``BiFunction``, by how many arguments the function takes."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return _implement("java.util.function.BiFunction", "apply", function, to_java)
    except ValueError:  # a function in C that does not say
        pass
    return _implement("java.util.function.Function", "apply", function, to_java)


def _java(interface: str, method: str, function: Callable[..., object], convert: Callable[[Any], Any] = to_java) -> Any:
    """An object of the interface whose only method calls the function."""
    return _implement(_KSTREAM + interface, method, function, convert)


def check_plain(who: str, function: object, *, may_yield: bool = False) -> None:
    """See that a function does something when it is called: one that yields or awaits does nothing by itself.

    Args:
        who: it is, for the message.
        function: what is called.
        may_yield: whether the values of a generator are what is wanted.

    Raises:
        TypeError: it does nothing.
    """
    called = function if inspect.isroutine(function) or isinstance(function, partial) else type(function).__call__
    waits = inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called)
    if waits or (inspect.isgeneratorfunction(called) and not may_yield):
        what = "async def" if waits else "yield"
        raise TypeError(f"{who} has `{what}` in it: so it does nothing when it is called ({function!r}).")


def _implement(interface: str, method: str, function: Callable[..., object], convert: Callable[[Any], Any]) -> Any:
    check_plain(f"the function of a {interface.rpartition('.')[2]}", function, may_yield=True)

    @guarded
    def call(*args: Any) -> Any:
        keep_attached()
        return convert(function(*map(from_java, args)))

    return implement(interface, **{method: call})


def _to_bool(value: object, name: str = "Predicate") -> bool:
    """Whether; numpy's truth is as good as Python's, anything else is a mistake."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise TypeError(f"a {name} returns True or False; this one returned {value!r}, a {type(value).__name__}.")
