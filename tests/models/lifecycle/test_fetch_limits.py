"""Models by reference: what may be read, and what becomes of the rest."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest

from modelserving.errors import ConfigError, ModelRefused, ModelUnreachable
from modelserving.models.lifecycle.fetch import NOTHING_ALLOWED, FetchPolicy
from modelserving.records import ModelDescriptor, ModelType

DRIPS = 20
"""Seconds until a host that drips comes to its end: much longer than any limit here."""

MODEL = ModelDescriptor("far", "", "wine", ModelType.PMML, b"<model/>")


def far(location: str, sha256: str = MODEL.digest) -> ModelDescriptor:
    return ModelDescriptor("far", "", "wine", ModelType.PMML, location=location, sha256=sha256)


class Host:
    """An HTTP host on loopback with a few odd paths."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked.append(self.path)
                name, _, target = self.path.partition("?")
                if name == "/redirect":
                    self.send_response(302)
                    self.send_header("Location", target or "/redirect")
                    self.end_headers()
                elif name == "/model":
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(MODEL.data)
                elif name == "/endless":
                    self.send_response(200)
                    self.end_headers()
                    try:
                        while True:
                            self.wfile.write(b"x" * 4096)
                            time.sleep(0.001)
                    except OSError:
                        return
                elif name == "/drip":
                    host.drip(self.wfile, target)
                elif name == "/packed":
                    self.send_response(200)
                    self.send_header("Content-Encoding", "gzip")
                    self.end_headers()
                else:
                    self.send_error(503 if name == "/busy" else 404)

            def log_message(self, *_: object) -> None:
                """Quietly."""

        self._stop = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.address}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def drip(self, file: BufferedIOBase, beginning: str) -> None:
        """Send the beginning of an answer, and then a byte now and then, as long as anybody wants it."""
        with suppress(OSError):
            file.write(unquote(beginning).encode())
            until = time.monotonic() + DRIPS
            while time.monotonic() < until and not self._stop.wait(0.01):
                file.write(b"x")

    def close(self) -> None:
        """Stop answering."""
        self._stop.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


class TestFiles:
    def test_a_file_below_the_root_is_read(self, tmp_path: Path) -> None:
        """Blanks and percent signs and all; then the model is as if it had come by value."""
        (tmp_path / "a b%20").mkdir()
        path = tmp_path / "a b%20" / "model"
        path.write_bytes(MODEL.data)
        assert FetchPolicy(tmp_path).fetch(far(path.as_uri())) == replace(MODEL, sha256=MODEL.digest)
        assert FetchPolicy(tmp_path).fetch(MODEL) is MODEL

    @pytest.mark.parametrize("way", ["outside", "dots", "escaped dots", "link", "folder link"])
    def test_no_way_leads_out_of_the_root(self, tmp_path: Path, way: str) -> None:
        """By name, by dots, by links: what is outside stays unread, and the reason says nothing about it."""
        root, secret = tmp_path / "root", tmp_path / "secret"
        root.mkdir()
        secret.write_bytes(MODEL.data)
        (root / "link").symlink_to(secret)
        (root / "up").symlink_to(tmp_path)
        uri = {
            "outside": secret.as_uri(),
            "dots": f"{root.as_uri()}/../secret",
            "escaped dots": f"{root.as_uri()}/%2e%2e/secret",
            "link": (root / "link").as_uri(),
            "folder link": f"{(root / 'up').as_uri()}/secret",
        }[way]
        with pytest.raises(ModelRefused, match="outside of the folder that is allowed"):
            FetchPolicy(root).fetch(far(uri))

    def test_by_default_nothing_is_read(self, tmp_path: Path) -> None:
        """Neither files nor hosts, until an operator says otherwise."""
        for location in ((tmp_path / "x").as_uri(), "http://127.0.0.1:9/x", "https://example.org/x"):
            with pytest.raises(ModelRefused, match=r"not allowed.*MODELSERVING_MODEL_"):
                NOTHING_ALLOWED.fetch(far(location))

    @pytest.mark.parametrize(
        ("location", "reason"),
        [
            ("ftp://127.0.0.1/x", "begins with 'ftp'"),
            ("/etc/passwd", "begins with ''"),
            ("file://elsewhere/x", "on this machine"),
            ("http://[::1", "Invalid"),
            ("http://127.0.0.1:99999/x", "Port out of range"),
        ],
    )
    def test_other_sources_are_not_read(self, tmp_path: Path, location: str, reason: str) -> None:
        """Other schemes, other machines' files, and what is no URI at all."""
        with pytest.raises(ModelRefused, match=reason):
            FetchPolicy(tmp_path).fetch(far(location))

    def test_what_is_there_must_be_the_model(self, tmp_path: Path) -> None:
        """A digest is required, and has to be right; a folder, a pipe or nothing is no model; nor is too much."""
        path = tmp_path / "model"
        path.write_bytes(MODEL.data)
        for model, root, reason in (
            (far(path.as_uri(), ""), FetchPolicy(tmp_path), "states no SHA-256"),
            (far(path.as_uri(), "ab" * 32), FetchPolicy(tmp_path), "does not have the stated SHA-256"),
            (far(path.as_uri()), FetchPolicy(tmp_path, max_bytes=7), "more than 7 bytes"),
            (far(tmp_path.as_uri()), FetchPolicy(tmp_path), "not a file"),
            (far((tmp_path / "none").as_uri()), FetchPolicy(tmp_path), "No such file"),
        ):
            with pytest.raises(ModelRefused, match=reason):
                root.fetch(model)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders here")
    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        """It would never end."""
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ModelRefused, match="not a file"):
            FetchPolicy(tmp_path).fetch(far((tmp_path / "pipe").as_uri()))


class TestHosts:
    def test_an_allowed_host_is_asked(self, host: Host) -> None:
        """Also when it redirects to itself."""
        references = FetchPolicy(hosts=(host.address,))
        for path in ("/model", f"/redirect?{host.url}/model", "/redirect?/model"):
            assert references.fetch(far(host.url + path)).data == MODEL.data

    @pytest.mark.parametrize(
        "spelling", ["localhost:{port}", "127.1:{port}", "[::ffff:127.0.0.1]:{port}", "2130706433:{port}"]
    )
    def test_another_spelling_of_a_host_is_another_host(self, host: Host, spelling: str) -> None:
        """Only what is listed is asked: what resolves to the same machine is not the same."""
        other = spelling.format(port=host.server.server_port)
        with pytest.raises(ModelRefused, match="is not allowed"):
            FetchPolicy(hosts=(host.address,)).fetch(far(f"http://{other}/model"))
        assert host.asked == []

    def test_a_redirect_to_a_foreign_host_is_not_followed(self, host: Host) -> None:
        """Nor to another port, another scheme, or in circles."""
        references = FetchPolicy(hosts=(host.address,))
        for target, reason in (
            ("http://localhost:1/model", "not allowed"),
            ("file:///etc/passwd", "redirected to 'file'"),
            ("http://user:word@127.0.0.1/", "user name"),
            ("/redirect", "redirected more than"),
        ):
            with pytest.raises(ModelRefused, match=reason):
                references.fetch(far(f"{host.url}/redirect?{target}"))

    def test_a_host_cannot_send_for_ever(self, host: Host) -> None:
        """There is a limit in bytes and one in seconds; what is packed or missing is refused."""
        for path, references, reason in (
            ("/endless", FetchPolicy(hosts=(host.address,), max_bytes=100_000), "more than 100000 bytes"),
            ("/endless", FetchPolicy(hosts=(host.address,), seconds=0), "takes too long"),
            ("/packed", FetchPolicy(hosts=(host.address,)), "packed form"),
            ("/missing", FetchPolicy(hosts=(host.address,)), "answers 404"),
        ):
            with pytest.raises(ModelRefused, match=reason):
                references.fetch(far(host.url + path))

    @pytest.mark.parametrize(
        "beginning",
        [
            pytest.param("HTTP/1.1 200 OK\r\n\r\n", id="body"),
            pytest.param("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", id="body of a known length"),
            pytest.param("HTTP/1.1 200 OK\r\nX-Long: ", id="headers"),
            pytest.param("", id="first line"),
        ],
    )
    def test_a_host_that_drips_is_left_when_the_time_is_over(self, host: Host, beginning: str) -> None:
        """A byte now and then, of the body or of what comes before it: the limit is that of the whole."""
        references = FetchPolicy(hosts=(host.address,), seconds=0.3)
        with pytest.raises(ModelRefused, match=r"takes too long: more than 0\.3 seconds"):
            references.fetch(far(f"{host.url}/drip?{quote(beginning)}"))

    def test_a_host_that_says_nothing_is_left_when_the_time_is_over(self) -> None:
        """Also when that is sooner than silence is noticed."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(ModelRefused, match="takes too long"):
                FetchPolicy(hosts=(address,), seconds=0.1).fetch(far(f"http://{address}/x"))

    def test_a_host_that_is_not_there_is_told(self) -> None:
        """The reason names the model and its source."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(ModelRefused, match=rf"'far', by reference 'http://{address}/x': it cannot be read"):
                FetchPolicy(hosts=(address,)).fetch(far(f"http://{address}/x"))

    def test_what_may_pass_is_told_from_what_stays(self, host: Host, tmp_path: Path) -> None:
        """A host that is down or busy may answer the next time; what is missing, wrong or forbidden stays so."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
            down = f"127.0.0.1:{taken.getsockname()[1]}"
            references = FetchPolicy(tmp_path, (host.address, down), max_bytes=len(MODEL.data))
            for url in (f"http://{down}/x", f"{host.url}/busy"):
                with pytest.raises(ModelUnreachable):
                    references.fetch(far(url))
        for model in (
            far(f"{host.url}/missing"),
            far(f"{host.url}/endless"),
            far(f"{host.url}/model", "ab" * 32),
            far("http://127.0.0.1:9/x"),
            far((tmp_path / "none").as_uri()),
        ):
            with pytest.raises(ModelRefused) as refused:
                references.fetch(model)
            assert type(refused.value) is ModelRefused

    def test_addresses_are_compared_in_their_one_form(self) -> None:
        """IPv6 with or without its zeros; and a host without a port means that of the scheme."""
        references = FetchPolicy(hosts=("[0:0:0:0:0:0:0:1]:8000", "Example.ORG"))
        for uri, allowed in (
            ("http://[::1]:8000/", True),
            ("http://[::1]/", False),
            ("https://example.org/", True),
            ("https://example.org:8443/", False),
            ("https://example.org.evil.net/", False),
        ):
            if allowed:
                references._check_host(urlsplit(uri))
            else:
                with pytest.raises(Exception, match="is not allowed"):
                    references._check_host(urlsplit(uri))

    @pytest.mark.parametrize("entry", ["", "http://x", "x/y", "*.example.org", "user@x", "x:port"])
    def test_what_is_no_host_is_told_at_once(self, entry: str) -> None:
        """A list that means something else than it says is a mistake of its author."""
        with pytest.raises(ConfigError, match="is no host that models could come from"):
            FetchPolicy(hosts=(entry,))
