"""All that is counted in one process, as Prometheus reads it."""

from __future__ import annotations

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry


class Exposition:
    """A page of metrics: of these, and of the process itself (memory, processor, open files, garbage).

    Args:
        collectors: what is asked, each time.
    """

    def __init__(self, *collectors: Collector) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        for made in (ProcessCollector, PlatformCollector, GCCollector):
            made(registry=self._registry)
        for one in collectors:
            self._registry.register(one)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """The page, and its media type.

        Args:
            accept: which media types the reader takes, as HTTP says it; empty for the plain text.
        """
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type
