"""A Java processor that collects records, put together from Java's method handles, with no Java source of ours.

A record that crosses from Java to Python by itself costs some ten microseconds: its value, its time, its context and
the answer on the way back are calls of their own. Here Java puts records aside and Python gets their columns: a batch
costs about as much as a record did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from typing import Any

import jpype
import numpy as np

from modelserving.jvm import java_class
from modelserving.kafka import Headers
from modelserving.kstreams.bridge.proxies import implement
from modelserving.kstreams.bridge.values import to_java
from modelserving.kstreams.java import INTERNAL_CONTEXT
from modelserving.kstreams.record import java_headers, read_headers

_API = "org.apache.kafka.streams.processor.api."
_CONTEXT = "org.apache.kafka.streams.processor.internals.ProcessorRecordContext"
_ANSWERS = 1024 * 1024
_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Columns:
    """Records of one partition, column by column.

    Args:
        offsets: in ascending order.
        timestamps: milliseconds since 1970.
        keys: bytes, or ``None``.
        values: bytes, or ``None``.
    """

    offsets: list[int]
    timestamps: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]


class LateProcessor:
    """A ``Processor`` whose ``init`` and ``close`` are Python's, and whose ``process`` is chosen later.

    Args:
        init: called with the engine's context.
        close: called at the end.
    """

    def __init__(self, init: Callable[[Any], object], close: Callable[[], object]) -> None:
        parts = _parts()
        self._calls = {"init": init, "close": lambda *_: close()}
        self._site = java_class("java.lang.invoke.MutableCallSite")(parts.process_type)
        self._nothing = self._site.getTarget()

    def make(self) -> Any:
        """The processor for Java, which holds this object; the other way round, too, neither would ever be freed."""
        parts = _parts()
        handler = parts.handler(self._site.dynamicInvoker(), self._other)
        proxies = java_class("java.lang.reflect.Proxy")
        return proxies.newProxyInstance(parts.processor.getClassLoader(), [parts.processor], handler)

    def set_process(self, handle: Any) -> None:
        """From now on ``process`` is this handle, ``(Record) -> void``."""
        self._site.setTarget(handle)

    def release(self) -> None:
        """Let go of the handle, and of all that it is bound to."""
        self._site.setTarget(self._nothing)

    def _other(self, _proxy: Any, method: Any, args: Any) -> Any:
        call = self._calls.get(str(method.getName()))
        if call is not None:
            return call(*(args or ()))
        return f"LateProcessor@{id(self):x}" if method.getName() == "toString" else id(self) & 0x7FFFFFFF


class Collector:
    """Puts records aside, gives them out as columns, and hands on what was made of them.

    Args:
        context: of the engine.
        limit: after so many records ``full`` is called.
        full: has to empty the collector.
    """

    def __init__(self, context: Any, limit: int, full: Callable[[], object]) -> None:
        self._context = context
        self._parts = _parts()
        self._records = java_class("java.util.ArrayList")()
        self._contexts = java_class("java.util.ArrayList")()
        self._out = java_class("java.io.ByteArrayOutputStream")()
        self._write = self._parts.writer(self._out)
        self._answers = _SharedAnswers(_ANSWERS)
        self._loops: dict[str, Any] = {}
        runnable = implement("java.lang.Runnable", run=full)
        self.process = self._parts.collect(context, self._records, self._contexts, limit, runnable)

    def release(self) -> None:
        """Let go of the engine, and stay empty."""
        self._context = self.process = None
        self._loops.clear()

    def __len__(self) -> int:
        return int(self._records.size())

    def columns(self) -> Columns:
        """All that was put aside; it stays, for ``forward``."""
        parts = self._parts
        return Columns(
            np.array(self._contexts.stream().mapToLong(parts.offset).toArray()).tolist(),
            np.array(self._records.stream().mapToLong(parts.timestamp).toArray()).tolist(),
            self._bytes(parts.key),
            self._bytes(parts.value),
        )

    def headers(self, row: int) -> Headers:
        """The headers of one record."""
        return read_headers(self._records.get(row).headers())

    def set_headers(self, row: int, headers: Headers) -> None:
        """Give one record other headers."""
        self._records.set(row, self._records.get(row).withHeaders(java_headers(headers)))

    def forward(self, rows: Sequence[int], values: Sequence[bytes], child: str) -> None:
        """Hand on a record for each of these rows, as ``BatchContext.forward_values``."""
        content = b"".join(values)
        if len(content) > self._answers.size:
            self._answers, self._loops = _SharedAnswers(2 * len(content)), {}
        if child not in self._loops:
            where = self._context, self._records, self._contexts, self._answers.buffer, child
            self._loops[child] = self._parts.forward_all(*where)
        lengths = np.fromiter(map(len, values), dtype=np.int32, count=len(values))
        plan = np.column_stack((np.asarray(rows, dtype=np.int32), lengths.cumsum(dtype=np.int32) - lengths, lengths))
        self._answers.view[: len(content)] = np.frombuffer(content, dtype=np.int8)
        self._loops[child].accept(jpype.JArray.of(plan.reshape(-1)))

    def clear(self) -> None:
        """Forget what was put aside."""
        self._records.clear()
        self._contexts.clear()

    def _bytes(self, column: Any) -> list[bytes | None]:
        """A column of byte arrays: all of them at once, then cut."""
        lengths = np.array(self._records.stream().map(column).mapToInt(self._parts.length).toArray())
        if not (lengths >= 0).any():
            return [None] * len(lengths)
        self._out.reset()
        self._records.stream().map(column).forEach(self._write)
        content = bytes(self._out.toByteArray())
        cuts = pairwise(accumulate(lengths.clip(0).tolist(), initial=0))
        cut = [content[start:end] for start, end in cuts]
        if (lengths >= 0).all():
            return list(cut)
        return [one if length >= 0 else None for one, length in zip(cut, lengths.tolist(), strict=True)]


class _SharedAnswers:
    """Memory that both sides see: JPype converts arrays of bytes one by one, which costs more than scoring them.

    Args:
        size: bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.buffer: Any = java_class("java.nio.ByteBuffer").allocateDirect(size)
        self.view = np.asarray(self.buffer)


@cache
def _parts() -> _CollectorHandles:
    return _CollectorHandles()


class _CollectorHandles:
    """What processors are made of; each method says the type of the handle that it returns."""

    def __init__(self) -> None:
        self._handles = java_class("java.lang.invoke.MethodHandles")
        self._lookup = self._handles.publicLookup()
        self._void = java_class("java.lang.Void").TYPE
        self._int = java_class("java.lang.Integer").TYPE
        self._long = java_class("java.lang.Long").TYPE
        self._boolean = java_class("java.lang.Boolean").TYPE
        self._object = java_class("java.lang.Object").class_
        self._objects = java_class("java.lang.Object[]").class_
        self._bytes = java_class("byte[]").class_
        self._ints = java_class("int[]").class_
        self._record = java_class(_API + "Record").class_
        self._record_context = java_class(_CONTEXT).class_
        self.processor = java_class(_API + "Processor").class_
        self.process_type = self._type(self._void, self._record)
        record = _API + "Record"
        self.timestamp = self._function("ToLongFunction", self._virtual(record, "timestamp", self._long))
        self.offset = self._function("ToLongFunction", self._virtual(_CONTEXT, "offset", self._long))
        self.key = self._function("Function", self._virtual(record, "key", self._object))
        self.value = self._function("Function", self._virtual(record, "value", self._object))
        length = self._handles.arrayLength(self._bytes).asType(self._type(self._int, self._object))
        nothing = self._handles.constant(self._int, java_class("java.lang.Integer")(-1))
        self.length = self._function("ToIntFunction", self._unless_null(length, nothing))

    def writer(self, out: Any) -> Any:
        """A ``Consumer`` that appends a byte array, and passes over ``null``."""
        write = self._virtual("java.io.ByteArrayOutputStream", "writeBytes", self._void, self._bytes).bindTo(out)
        write = write.asType(self._type(self._void, self._object))
        return self._function("Consumer", self._unless_null(write, self._handles.zero(self._void)))

    def collect(self, context: Any, records: Any, contexts: Any, limit: int, full: Any) -> Any:
        """``(Record) -> void``: put it aside with its context; at the limit, say so."""
        record_context = self._virtual(INTERNAL_CONTEXT, "recordContext", self._record_context).bindTo(context)
        add_context = self._handles.collectArguments(self._add(contexts, self._record_context), 0, record_context)
        size = self._virtual("java.util.ArrayList", "size", self._int).bindTo(records)
        equals = self._virtual("java.lang.Object", "equals", self._boolean, self._object)
        at_limit = equals.bindTo(java_class("java.lang.Integer")(limit)).asType(self._type(self._boolean, self._int))
        say = self._virtual("java.lang.Runnable", "run", self._void).bindTo(full)
        test = self._handles.filterReturnValue(size, at_limit)
        steps = (add_context, self._handles.guardWithTest(test, say, self._handles.zero(self._void)))
        handle = self._add(records, self._record)
        for step in steps:
            handle = self._handles.foldArguments(self._handles.dropArguments(step, 0, self._record), handle)
        return handle

    def forward_all(self, context: Any, records: Any, contexts: Any, answers: Any, child: str) -> Any:
        """A ``Consumer`` of an ``int[]`` that has for each answer its row, where it starts, and how long it is."""
        handles = self._handles
        step = self._type(self._void, self._int, self._ints)
        record = handles.filterReturnValue(self._at(0), self._get(records, self._record))
        record_context = handles.filterReturnValue(self._at(0), self._get(contexts, self._record_context))
        # (int[], int, int[], int, int[], int) -> Record
        answer = self._virtual(_API + "Record", "withValue", self._record, self._object)
        answer = handles.collectArguments(answer, 1, self._cut(answers))
        answer = handles.collectArguments(answer, 0, record)
        string = java_class("java.lang.String").class_
        forward = self._virtual(INTERNAL_CONTEXT, "forward", self._void, self._record, string).bindTo(context)
        forward = handles.collectArguments(handles.insertArguments(forward, 1, child), 0, answer)
        forward = handles.permuteArguments(forward, step, 1, 0, 1, 0, 1, 0)
        go_to = self._virtual(INTERNAL_CONTEXT, "setRecordContext", self._void, self._record_context).bindTo(context)
        go_to = handles.permuteArguments(handles.collectArguments(go_to, 0, record_context), step, 1, 0)
        count = handles.filterReturnValue(handles.arrayLength(self._ints), self._arithmetic("floorDiv", _COLUMNS))
        loop = handles.countedLoop(count, None, handles.foldArguments(forward, go_to))
        return self._function("Consumer", loop.asType(self._type(self._void, self._object)))

    def _at(self, column: int) -> Any:
        """``(int[], int row) -> int``: a cell of a table."""
        index = self._handles.filterReturnValue(
            self._arithmetic("multiplyExact", _COLUMNS), self._arithmetic("addExact", column)
        )
        return self._handles.filterArguments(self._handles.arrayElementGetter(self._ints), 1, index)

    def _cut(self, answers: Any) -> Any:
        """``(int[], int row, int[], int row) -> Object``: an array with the bytes of an answer."""
        handles = self._handles
        buffer = java_class("java.nio.ByteBuffer")
        get = self._virtual("java.nio.ByteBuffer", "get", buffer.class_, self._int, self._bytes).bindTo(answers)
        get = handles.dropReturn(handles.collectArguments(get, 0, self._at(1)))
        fill = handles.permuteArguments(get, self._type(self._void, self._bytes, self._ints, self._int), 1, 2, 0)
        filled = handles.foldArguments(
            handles.dropArguments(handles.identity(self._bytes), 1, self._ints, self._int), fill
        )
        new = handles.filterReturnValue(self._at(2), handles.arrayConstructor(self._bytes))
        cut = handles.collectArguments(filled, 0, new)
        return cut.asType(cut.type().changeReturnType(self._object))

    def _arithmetic(self, operation: str, operand: int) -> Any:
        """``(int) -> int``: the operation of ``java.lang.Math`` with a second operand."""
        math = java_class("java.lang.Math").class_
        function = self._lookup.findStatic(math, operation, self._type(self._int, self._int, self._int))
        return self._handles.insertArguments(function, 1, java_class("java.lang.Integer")(operand))

    def handler(self, process: Any, other: Callable[[Any, Any, Any], Any]) -> Any:
        """An ``InvocationHandler``: ``process`` is the handle, everything else is Python's."""
        interface = "java.lang.reflect.InvocationHandler"
        method = java_class("java.lang.reflect.Method").class_
        whole = self._type(self._object, self._object, method, self._objects)
        zero = java_class("java.lang.Integer")(0)
        first = self._handles.insertArguments(self._handles.arrayElementGetter(self._objects), 1, zero)
        take = self._handles.filterArguments(process.asType(self._type(self._void, self._object)), 0, first)
        take = self._handles.filterReturnValue(take, self._handles.zero(self._object))
        take = self._handles.dropArguments(take, 0, self._object, method)
        is_process = self._virtual("java.lang.Object", "equals", self._boolean, self._object).bindTo(
            self.processor.getMethod("process", self._record)
        )
        test = self._handles.dropArguments(is_process.asType(self._type(self._boolean, method)), 0, self._object)
        python = self._lookup.findVirtual(java_class(interface).class_, "invoke", whole)
        python = python.bindTo(implement(interface, invoke=lambda *args: to_java(other(*args))))
        return self._instance(java_class(interface), self._handles.guardWithTest(test, take, python))

    def _add(self, target: Any, kind: Any) -> Any:
        add = self._virtual("java.util.ArrayList", "add", self._boolean, self._object).bindTo(target)
        return add.asType(self._type(self._void, kind))

    def _get(self, source: Any, kind: Any) -> Any:
        get = self._virtual("java.util.ArrayList", "get", self._object, self._int).bindTo(source)
        return get.asType(self._type(kind, self._int))

    def _unless_null(self, handle: Any, otherwise: Any) -> Any:
        objects = java_class("java.util.Objects").class_
        test = self._lookup.findStatic(objects, "isNull", self._type(self._boolean, self._object))
        return self._handles.guardWithTest(test, self._handles.dropArguments(otherwise, 0, self._object), handle)

    def _function(self, name: str, handle: Any) -> Any:
        return self._instance(java_class(f"java.util.function.{name}"), handle)

    def _instance(self, interface: Any, handle: Any) -> Any:
        return java_class("java.lang.invoke.MethodHandleProxies").asInterfaceInstance(interface.class_, handle)

    def _virtual(self, owner: str, method: str, result: Any, *arguments: Any) -> Any:
        return self._lookup.findVirtual(java_class(owner).class_, method, self._type(result, *arguments))

    def _type(self, result: Any, *arguments: Any) -> Any:
        return java_class("java.lang.invoke.MethodType").methodType(result, list(arguments))
