"""Bare functions where the DSL wants an interface: ``stream.mapValues(lambda value: value.upper())``.

Left alone, JPype hands a function to Java as it is: its arguments arrive as Java's own strings, and what it returns has
to be Java's. Here the DSL's methods give each function the interface that is meant, by the method's name, the index of
the function and how many arguments it takes; so it is as if that name had been written (``functions.py``).

A class of processors, too, is taken for its supplier.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import wraps
from typing import Any

import _jpype
import jpype

from modelserving.kstreams import functions
from modelserving.kstreams.bridge.failures import python_errors_only
from modelserving.kstreams.bridge.values import WALKABLE, duration, from_java, to_java
from modelserving.kstreams.processor import (
    FixedKeyProcessorSupplier,
    ProcessorSupplier,
    ValueTransformerWithKeySupplier,
    check_supplier,
)

_STREAMS = "org.apache.kafka.streams."
_OF_JAVA = (_jpype._JObject, _jpype._JProxy)
Kinds = Mapping[int, Callable[[Callable[..., Any]], Any]]

_PREDICATE: Kinds = {2: functions.Predicate}
_ACTION: Kinds = {2: functions.ForeachAction}
_BY_KEY: Kinds = {2: functions.KeyValueMapper}
_OF_VALUES: Kinds = {1: functions.ValueMapper, 2: functions.ValueMapperWithKey}
_JOINED: Kinds = {2: functions.ValueJoiner, 3: functions.ValueJoinerWithKey}
_FOREIGN: Kinds = {1: functions.ForeignKeyExtractor, 2: functions.ForeignKeyExtractor}
_AGGREGATED: Kinds = {0: functions.Initializer, 3: functions.Aggregator}
_MERGED: Kinds = {3: functions.Merger}
_REDUCED: Kinds = {2: functions.Reducer}
_SUPPLIED: Kinds = {0: ProcessorSupplier}
_VALUES_SUPPLIED: Kinds = {0: FixedKeyProcessorSupplier}
_TRANSFORMED: Kinds = {0: ValueTransformerWithKeySupplier}
_PARTITIONED: Kinds = {4: functions.StreamPartitioner}
_NAMED: Kinds = {2: functions.TopicNameExtractor, 3: functions.TopicNameExtractor}
_METHODS: Mapping[str, Kinds] = {
    "addProcessor": _SUPPLIED,
    "addSink": {**_NAMED, **_PARTITIONED},
    "aggregate": _AGGREGATED,
    "branch": _PREDICATE,
    "build": {},
    "cogroup": {3: functions.Aggregator},
    "filter": _PREDICATE,
    "filterNot": _PREDICATE,
    "flatMap": _BY_KEY,
    "flatMapValues": _OF_VALUES,
    "foreach": _ACTION,
    "groupBy": _BY_KEY,
    "join": _JOINED,
    "leftJoin": _JOINED,
    "map": _BY_KEY,
    "mapValues": _OF_VALUES,
    "outerJoin": _JOINED,
    "peek": _ACTION,
    "process": _SUPPLIED,
    "processValues": _VALUES_SUPPLIED,
    "reduce": _REDUCED,
    "selectKey": _BY_KEY,
    "to": _NAMED,
    "toStream": _BY_KEY,
    "transformValues": _TRANSFORMED,
    "withKeyValueMapper": _BY_KEY,
    "withStreamPartitioner": _PARTITIONED,
    "withTimestampExtractor": {2: functions.TimestampExtractor},
}
"""For each method: what a function is, by how many arguments it takes."""
_CLASSES: Mapping[str, tuple[str, ...]] = {
    "BranchedKStream": ("branch",),
    "Consumed": ("withTimestampExtractor",),
    "CogroupedKStream": ("aggregate", "cogroup"),
    "KGroupedStream": ("aggregate", "cogroup", "reduce"),
    "KGroupedTable": ("aggregate", "reduce"),
    "KStream": (
        "filter",
        "filterNot",
        "flatMap",
        "flatMapValues",
        "foreach",
        "groupBy",
        "join",
        "leftJoin",
        "map",
        "mapValues",
        "outerJoin",
        "peek",
        "process",
        "processValues",
        "selectKey",
        "to",
    ),
    "KTable": (
        "filter",
        "filterNot",
        "groupBy",
        "join",
        "leftJoin",
        "mapValues",
        "outerJoin",
        "toStream",
        "transformValues",
    ),
    "Printed": ("withKeyValueMapper",),
    "Produced": ("withStreamPartitioner",),
    "Repartitioned": ("withStreamPartitioner",),
    "SessionWindowedCogroupedKStream": ("aggregate",),
    "SessionWindowedKStream": ("aggregate", "reduce"),
    "TimeWindowedCogroupedKStream": ("aggregate",),
    "TimeWindowedKStream": ("aggregate", "reduce"),
    "StreamsBuilder": ("build",),
    "Topology": ("addProcessor", "addSink"),
}
"""Which class of the DSL has which of them."""
_SUPPLIER_AT = {"addProcessor": 1, "process": 0, "processValues": 0, "transformValues": 0}
"""Where these take what makes processors."""
_RETURNS = {
    "flatMap": "a list of pairs, perhaps an empty one",
    "flatMapValues": "a list of values, perhaps an empty one",
    "map": "a pair of key and value",
}
"""What these have to return."""
_ANYWHERE: Mapping[str, Callable[[Any], Any]] = {
    "processor.StreamPartitioner": functions.StreamPartitioner,
    "processor.TimestampExtractor": functions.TimestampExtractor,
    "processor.api.ProcessorSupplier": ProcessorSupplier,
}
"""What a bare function becomes wherever Java wants one of these: many methods do, some of them static."""


def adapt_functions() -> None:
    """Let the DSL take bare functions. To be said before the first of its classes is used; Java need not run yet."""
    for interface, kind in _ANYWHERE.items():
        jpype.JConversion(_STREAMS + interface, attribute="__call__")(_converted(kind))
    jpype.JConversion(_STREAMS + "processor.TimestampExtractor", attribute="extract")(
        _converted(functions.TimestampExtractor)
    )
    jpype.JConversion(_STREAMS + "processor.StateRestoreListener", attribute="onRestoreEnd")(
        _converted(functions.StateRestoreListener)
    )
    jpype.JConversion("java.util.regex.Pattern", instanceof=re.Pattern)(_pattern)
    jpype.JConversion("java.time.Duration", instanceof=timedelta)(lambda _, length: duration(length))
    jpype.JImplementationFor(_STREAMS + "kstream.Windowed")(_Windowed)
    jpype.JImplementationFor(_STREAMS + "kstream.Window")(_Window)
    jpype.JImplementationFor(_STREAMS + "query.internals.SucceededQueryResult")(_Answer)
    jpype.JImplementationFor(_STREAMS + "processor.internals.ProcessorRecordContext")(_RecordContext)
    for name, methods in _CLASSES.items():
        made = {method: _taking(name, method) for method in methods}
        package = _STREAMS if name in {"StreamsBuilder", "Topology"} else _STREAMS + "kstream."
        jpype.JImplementationFor(package + name)(type(name, (), made))


def _converted(kind: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda _, function: kind(function)


def _pattern(kind: Any, pattern: re.Pattern[str]) -> Any:
    """Names of topics, as ``stream(re.compile("sensor-.*"))`` has them; the engine keeps a pattern's text alone."""
    return kind.compile(("(?i)" if pattern.flags & re.IGNORECASE else "") + pattern.pattern)


class _Windowed:
    """What a key in a window says, as Python knows it; it stays the engine's own object."""

    def __new__(cls, key: object, window: Any) -> Any:
        """A key of any type: left alone, JPype would make a string of bytes."""
        return _jpype._JObject.__new__(cls, to_java(key), window)

    @jpype.JOverride(rename="_key")  # type: ignore[untyped-decorator]
    def key(self) -> Any:
        """The key alone."""
        return from_java(self._key())  # type: ignore[attr-defined]


class _Window:
    """When a window is, as Python knows it."""

    @jpype.JOverride(rename="_start")  # type: ignore[untyped-decorator]
    def start(self) -> int:
        """When it begins, milliseconds since 1970."""
        return int(self._start())  # type: ignore[attr-defined]

    @jpype.JOverride(rename="_end")  # type: ignore[untyped-decorator]
    def end(self) -> int:
        """When it ends, milliseconds since 1970."""
        return int(self._end())  # type: ignore[attr-defined]


class _Answer:
    """What one partition answers to a query, as Python knows it."""

    @jpype.JOverride(rename="_getResult")  # type: ignore[untyped-decorator]
    def getResult(self) -> Any:
        """The answer."""
        return from_java(self._getResult())  # type: ignore[attr-defined]


class _RecordContext:
    """Where a record was read, as a function that chooses topics gets it."""

    @jpype.JOverride(rename="_topic")  # type: ignore[untyped-decorator]
    def topic(self) -> Any:
        """The topic; ``None`` where there is none."""
        return from_java(self._topic())  # type: ignore[attr-defined]


def _taking(owner: str, name: str) -> Any:
    """The method of that name, which gives each bare function its interface first."""

    def call(self: Any, *arguments: Any) -> Any:
        with python_errors_only():
            return getattr(self, f"_{name}")(*_adapt(owner, name, arguments))

    call.__name__ = name
    return jpype.JOverride(sticky=True, rename=f"_{name}")(call)


def _adapt(owner: str, method: str, arguments: tuple[Any, ...]) -> list[Any]:
    if (index := _SUPPLIER_AT.get(method)) is not None and len(arguments) > index:
        check_supplier(method, arguments[index])
    indices = [index for index, found in enumerate(arguments) if _is_bare(found)]
    made = list(arguments)
    for number, index in enumerate(indices):
        made[index] = _wrap(method, _kinds(owner, method, number, len(indices)), made[index])
    return made


def _kinds(owner: str, method: str, number: int, of: int) -> Kinds:
    """What the function may be that is this one of so many."""
    if method in {"join", "leftJoin", "outerJoin"} and of > 1 and number == 0:
        return _FOREIGN if owner == "KTable" else _BY_KEY
    if method == "aggregate" and owner.startswith("Session") and number == of - 1:
        return _MERGED
    return _METHODS[method]


def _is_bare(found: Any) -> bool:
    """Whether it is a function of Python's, and nothing that Java knows already."""
    return callable(found) and not isinstance(found, (*_OF_JAVA, _jpype.JClass))


def _checked(method: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function; one that has forgotten its ``return``, or returns something else, says so."""

    @wraps(function)
    def call(*arguments: Any) -> Any:
        made = function(*arguments)
        fits = len(made) == 2 if method == "map" and isinstance(made, tuple) else method != "map"
        if not (isinstance(made, _OF_JAVA) or (fits and isinstance(made, WALKABLE))):
            name = getattr(function, "__name__", repr(function))
            told = reprlib.repr(made)
            raise TypeError(f"the function of {method} returns {_RETURNS[method]}, and {name} returned {told}.")
        return made if method != "flatMap" or isinstance(made, _OF_JAVA) else [*map(_checked_pair, made)]

    return call


def _checked_pair(made: Any) -> Any:
    if isinstance(made, _OF_JAVA) or (isinstance(made, tuple) and len(made) == 2):
        return made
    told = reprlib.repr(made)
    raise TypeError(f"the function of flatMap returns {_RETURNS['flatMap']}, and in one of them was {told}.")


def _wrap(method: str, kinds: Kinds, function: Callable[..., Any]) -> Any:
    for count, kind in kinds.items():
        if functions.takes(function, count):
            return kind(_checked(method, function) if method in _RETURNS else function)
    wanted = " or ".join(map(str, kinds))
    raise TypeError(f"{method} takes a function of {wanted} arguments; {function!r} cannot be called with so many.")
