"""What all records of a poll say, asked by Java's streams: no record crosses to Python for it."""

from __future__ import annotations

from functools import cache
from typing import Any

from modelserving import jvm

RECORD = "org.apache.kafka.clients.consumer.ConsumerRecord"


@cache
def whole_number(method: str) -> Any:
    """A method of ``ConsumerRecord`` without arguments that answers a ``long``, as a ``ToLongFunction``."""
    handles = jvm.java_class("java.lang.invoke.MethodHandles").publicLookup()
    kind = jvm.java_class("java.lang.invoke.MethodType").methodType(jvm.java_class("java.lang.Long").TYPE)
    function = jvm.java_class("java.util.function.ToLongFunction").class_
    proxies = jvm.java_class("java.lang.invoke.MethodHandleProxies")
    return proxies.asInterfaceInstance(function, handles.findVirtual(jvm.java_class(RECORD).class_, method, kind))
