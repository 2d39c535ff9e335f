"""Servers whose records name their schema by number, in a registry that is away for a while."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from modelserving.datasets import default_schemas
from modelserving.records import encode_wine
from modelserving.registry import define
from tests.contract.servers import GOOD, Foreign, Pipeline, published, whatever_the_store, wine
from tests.waiting import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

NUMBER = 7


@contextmanager
def registry(up: threading.Event) -> Iterator[str]:
    """A registry that knows one schema, and says that it cannot answer until it is up."""
    definition = define(default_schemas()[0])
    known = json.dumps({"schema": definition.text, "schemaType": definition.encoding.upper()}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there = up.is_set() and self.path == f"/schemas/ids/{NUMBER}"
            body = known if there else b"{}"
            self.send_response(200 if there else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@whatever_the_store
def test_while_the_registry_is_away_records_wait(pipeline: Pipeline) -> None:
    """Its outage is no fault of theirs: no dead letter, ``/healthz`` says why, and then all are answered, once."""
    up = threading.Event()
    pipeline.send_model(*published(GOOD))
    record = Foreign(encode_wine(wine()), headers=(("schema-id", b"%d" % NUMBER),))
    with registry(up) as url, pipeline.serve("--schema-registry", url) as server:
        # Not before it serves: a server that meets them at once is well for a moment only, and nobody may see that.
        pipeline.send_foreign(pipeline.topics.records, record, record, record)

        def health() -> httpx.Response:
            return httpx.get(f"{server.url}/healthz", timeout=60)

        wait_until(lambda: "answers 503" in health().text, "the server says that the registry is away")
        assert health().status_code == 503
        assert not pipeline.scored()
        up.set()
        wait_until(pipeline.settled(server, 3), "three answers")
        wait_until(lambda: health().status_code == 200, "healthy again")
    assert [answer.offset for answer in pipeline.scored()] == [0, 1, 2]
    assert pipeline.dead() == []
