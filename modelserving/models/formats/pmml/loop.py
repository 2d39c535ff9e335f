"""A loop over records that runs inside the JVM, with no Java source of ours.

A call from Python into Java costs more than most models do, so a batch must cross once. Java's method handles are
functions that can be combined: here a whole loop is put together from them, and the JVM compiles it like any code.
"""

from __future__ import annotations

from functools import cache, reduce
from typing import Any

from modelserving.jvm import java_class


def make_batch_function(model: Any, width: int, outputs: int, labels: Any | None, cells: bool = False) -> Any:
    """A Java ``Function`` from the inputs of a batch to the model's outputs.

    Args:
        model: an ``org.pmml4s.model.Model``.
        width: how many inputs a record has, at least 1.
        outputs: how many of the model's outputs are wanted, from the first on.
        labels: a ``java.util.Map`` from what a classifier answers to ``Double``; ``None`` for outputs that are numbers.
        cells: whether a batch is an ``Object[]``: numbers, texts, booleans, and ``null`` for what is missing.

    Returns:
        Its ``apply`` takes a ``double[]``, or an ``Object[]`` (``width`` values for each record), and returns a
        ``double[]`` (``outputs`` for each record), NaN for what is no number, and where the engine failed.
    """
    parts = _parts(cells)
    answer = parts.answer(model, width)
    return parts.as_function(parts.loop(answer, parts.number(labels), width, outputs))


@cache
def _parts(cells: bool) -> _LoopHandles:
    return _LoopHandles("java.lang.Object[]" if cells else "double[]")


class _LoopHandles:
    """What loops are made of. ``(inputs, int) -> double`` is the type of the handle that a method returns.

    Args:
        inputs: the class of a batch, ``double[]`` or ``Object[]``.
    """

    def __init__(self, inputs: str) -> None:
        self._handles = java_class("java.lang.invoke.MethodHandles")
        self._lookup = self._handles.publicLookup()
        self._integer = java_class("java.lang.Integer")
        self._int = self._integer.TYPE
        self._double = java_class("java.lang.Double").TYPE
        self._nan = java_class("java.lang.Double")(float("nan"))
        self._void = java_class("java.lang.Void").TYPE
        self._doubles = java_class("double[]").class_
        self._inputs = java_class(inputs).class_
        self._object = java_class("java.lang.Object").class_
        self._objects = java_class("java.lang.Object[]").class_
        self._throwable = java_class("java.lang.Throwable").class_

    def answer(self, model: Any, width: int) -> Any:
        """``(inputs, int record) -> Object[]``: what the model answers, ``null`` where it fails."""
        predict = self._virtual("org.pmml4s.model.Model", "predict", self._objects, self._object).bindTo(model)
        predict = predict.asType(self._type(self._objects, self._inputs))
        nothing = self._handles.dropArguments(self._handles.zero(self._objects), 0, self._throwable)
        predict = self._handles.catchException(predict, self._throwable, nothing)
        return self._handles.filterReturnValue(self._row(width), predict)

    def number(self, labels: Any | None) -> Any:
        """``(Object) -> double``: the number that an output is, or that ``labels`` has for it."""
        if labels is None:
            value = self._virtual("java.lang.Number", "doubleValue", self._double)
        else:
            look_up = self._virtual("java.util.Map", "getOrDefault", self._object, self._object, self._object)
            value = self._handles.insertArguments(look_up.bindTo(labels), 1, self._nan)
        return value.asType(self._type(self._double, self._object))

    def loop(self, answer: Any, number: Any, width: int, outputs: int) -> Any:
        """``(inputs) -> double[] numbers``: ``answer`` for each ``width`` inputs, each output a ``number``."""
        handles = self._handles
        records = handles.filterReturnValue(handles.arrayLength(self._inputs), self._arithmetic("floorDiv", width))
        size = handles.filterReturnValue(records, self._arithmetic("multiplyExact", outputs))
        numbers = handles.filterReturnValue(size, handles.arrayConstructor(self._doubles))
        # (double[] numbers, int record, inputs, int record) -> void, then with one record instead of two
        store = handles.collectArguments(self._store(number, outputs), 2, answer)
        step = self._type(self._void, self._doubles, self._int, self._inputs)
        store = handles.permuteArguments(store, step, 0, 1, 2, 1)
        same_numbers = handles.dropArguments(handles.identity(self._doubles), 1, self._int, self._inputs)
        return handles.countedLoop(records, numbers, handles.foldArguments(same_numbers, store))

    def _store(self, number: Any, outputs: int) -> Any:
        """``(double[] numbers, int record, Object[] answer) -> void``: put a record's outputs where they belong."""
        handles = self._handles
        steps = []
        for output in range(outputs):
            get = handles.insertArguments(handles.arrayElementGetter(self._objects), 1, self._integer(output))
            value = self._nan_on_failure(handles.filterReturnValue(get, number))
            index = handles.filterReturnValue(
                self._arithmetic("multiplyExact", outputs), self._arithmetic("addExact", output)
            )
            store = handles.collectArguments(handles.arrayElementSetter(self._doubles), 2, value)
            steps.append(handles.collectArguments(store, 1, index))
        return reduce(lambda before, after: handles.foldArguments(after, before), steps)

    def as_function(self, handle: Any) -> Any:
        """The handle as a ``java.util.function.Function``, through which Python calls it."""
        proxies = java_class("java.lang.invoke.MethodHandleProxies")
        return proxies.asInterfaceInstance(java_class("java.util.function.Function").class_, handle)

    def _row(self, width: int) -> Any:
        """``(inputs, int) -> inputs``: those of one record."""
        arrays = java_class("java.util.Arrays").class_
        copy = self._lookup.findStatic(
            arrays, "copyOfRange", self._type(self._inputs, self._inputs, self._int, self._int)
        )
        copy = self._handles.filterArguments(copy, 2, self._arithmetic("addExact", width))
        copy = self._handles.permuteArguments(copy, self._type(self._inputs, self._inputs, self._int), 0, 1, 1)
        return self._handles.filterArguments(copy, 1, self._arithmetic("multiplyExact", width))

    def _arithmetic(self, operation: str, operand: int) -> Any:
        """``(int) -> int``: the operation of ``java.lang.Math`` with a second operand."""
        math = java_class("java.lang.Math").class_
        function = self._lookup.findStatic(math, operation, self._type(self._int, self._int, self._int))
        return self._handles.insertArguments(function, 1, self._integer(operand))

    def _nan_on_failure(self, value: Any) -> Any:
        """The same, with NaN where it throws: a record that cannot be scored costs the others nothing."""
        nan = self._handles.constant(self._double, self._nan)
        return self._handles.catchException(
            value, self._throwable, self._handles.dropArguments(nan, 0, self._throwable)
        )

    def _virtual(self, owner: str, method: str, result: Any, *arguments: Any) -> Any:
        return self._lookup.findVirtual(java_class(owner).class_, method, self._type(result, *arguments))

    def _type(self, result: Any, *arguments: Any) -> Any:
        return java_class("java.lang.invoke.MethodType").methodType(result, list(arguments))
