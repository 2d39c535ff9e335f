"""Python objects that Java takes for implementations of its interfaces, and what stands for objects of its own."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import _jpype
import jpype
import numpy as np

from modelserving import jvm
from modelserving.errors import ServerError
from modelserving.kstreams.bridge.failures import python_errors
from modelserving.kstreams.bridge.values import from_java, to_java

_PLAIN = (str, bytes, int, float, np.generic)


class Ended:
    """In the place of an object of the engine, once its task has ended.

    Objects of Python and Java that hold each other are never freed: so what a processor may keep lets go of the engine.
    """

    def __getattr__(self, name: str) -> Any:
        raise ServerError(f"the task that this belongs to has ended: {name} can be asked of it no more.")


def engine_method(java: Any, name: str) -> Callable[..., Any]:
    """A method of an object of the engine; it takes and gives values as Python knows them, and raises Python's errors.

    Raises:
        AttributeError: it has none of that name.
    """
    method = getattr(java, name)

    def call(*arguments: Any) -> Any:
        with python_errors():
            return from_java(method(*(to_java(one) if isinstance(one, _PLAIN) else one for one in arguments)))

    return call


def implement(interface: str, **methods: Callable[..., Any]) -> Any:
    """An object of a Java interface, made of functions.

    Args:
        interface: its full name.
        methods: by name; what is not there does what the interface does by itself.
    """
    jvm.start()
    # Not JProxy(dict=...): that looks a method up in Python, and a stop button pressed meanwhile hits just there. JPype
    # drops what is raised in a look-up, and Java is told that there is no such method. Here no Python runs for it.
    return _jpype._JProxy(None, SimpleNamespace(**methods), (jpype.JClass(interface),), False)


def implement_with(target: object, *interfaces: str, comes_back: bool = False) -> Any:
    """An object of Java interfaces whose methods are those of a Python object.

    Args:
        target: has a method for each that the interfaces do not have themselves.
        interfaces: their full names.
        comes_back: whether Python gets ``target`` itself when the engine hands this object out.
    """
    jvm.start()
    return jpype.JProxy(list(interfaces), inst=target, convert=comes_back)
