"""Objects where the engine wants the name of a class: exception handlers, timestamp extractors, default serdes.

The engine makes those itself, by a constructor without arguments; JPype implements interfaces, and makes no classes. So
a small class is written here, by Java's own ``java.lang.classfile``: each of its methods calls the same method of an
object, which waits in a static field of it.

::

    class Delegate1 implements ProcessingExceptionHandler {
        public static ProcessingExceptionHandler target;
        public Response handleError(ErrorHandlerContext a, Record b, Exception c) {
            return target.handleError(a, b, c);
        }
        ...
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import jpype

from modelserving import jvm
from modelserving.errors import ConfigError

_PACKAGE = "org.modelserving.delegates"
_TARGET = "target"
_PUBLIC, _STATIC = 1, 8
_numbers = itertools.count(1)


def class_for(interface: str, target: Any) -> Any:
    """A Java class whose objects do what one object does.

    Args:
        interface: full name of the interface that the engine wants.
        target: an object of it. The class keeps it; both go with the last configuration that names the class.

    Returns:
        The ``java.lang.Class``.
    """
    name = f"{_PACKAGE}.Delegate{next(_numbers)}"
    wanted = jvm.java_class(interface).class_
    made = _load(name, _write(name, wanted))
    try:
        made.getField(_TARGET).set(None, target)
    except (TypeError, jpype.JException):
        raise ConfigError(f"this is no {wanted.getSimpleName()}: {target!r}") from None
    return made


def _write(name: str, interface: Any) -> Any:
    """The bytes of the class."""
    kinds = jvm.java_class("java.lang.classfile.TypeKind")
    void = jvm.java_class("java.lang.constant.ConstantDescs").MTD_void
    object_ = jvm.java_class("java.lang.Object").class_.describeConstable().get()
    described = interface.describeConstable().get()
    own = jvm.java_class("java.lang.constant.ClassDesc").of(name)

    def begin(code: Any) -> None:
        code.aload(0)
        code.invokespecial(object_, "<init>", void)
        code.return_()

    def hand_on(method: Any) -> Any:
        def write(code: Any) -> None:
            code.getstatic(own, _TARGET, described)
            for index, parameter in enumerate(method.getParameterTypes()):
                code.loadLocal(kinds.from_(parameter.describeConstable().get()), code.parameterSlot(index))
            code.invokeinterface(described, method.getName(), _type_of(method))
            code.return_(kinds.from_(method.getReturnType().describeConstable().get()))

        return write

    def write_class(builder: Any) -> None:
        builder.withInterfaceSymbols([described])
        builder.withField(_TARGET, described, _PUBLIC | _STATIC)
        builder.withMethodBody("<init>", void, _PUBLIC, begin)
        for method in interface.getMethods():
            if not method.getModifiers() & _STATIC:
                builder.withMethodBody(method.getName(), _type_of(method), _PUBLIC, hand_on(method))

    return jvm.java_class("java.lang.classfile.ClassFile").of().build(own, write_class)


def _type_of(method: Any) -> Any:
    """What a method takes and returns."""
    types = jvm.java_class("java.lang.invoke.MethodType")
    return types.methodType(method.getReturnType(), method.getParameterTypes()).describeConstable().get()


def _load(name: str, data: Any) -> Any:
    """The class of these bytes. A loader of its own for each, so that it can go."""
    parent = jvm.java_class("org.apache.kafka.streams.KafkaStreams").class_.getClassLoader()
    with tempfile.TemporaryDirectory(prefix="delegate-") as folder:
        path = Path(folder, *name.split(".")).with_suffix(".class")
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(data))
        urls = jpype.JArray(jvm.java_class("java.net.URL"))([jvm.java_class("java.io.File")(folder).toURI().toURL()])
        loader = jvm.java_class("java.net.URLClassLoader")(urls, parent)
        try:
            return loader.loadClass(name)
        finally:
            loader.close()
