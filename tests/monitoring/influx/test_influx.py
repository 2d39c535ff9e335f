"""Lines and their writer: with a real InfluxDB where there is one, and with one that is away, slow or refuses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from modelserving.errors import SetupError
from modelserving.monitoring.influx.database import wait_for_database
from modelserving.monitoring.influx.lines import to_line
from modelserving.monitoring.influx.writer import InfluxTarget, InfluxWriter
from modelserving.system.ports import free_port
from tests.monitoring.tools import select
from tests.waiting import wait_until

HOSTILE = 'a,b=c d\\\n"evil",x=1 1\nscored value=666'


def line(number: int) -> str:
    """A line."""
    found = to_line("scored", {"model": "tree"}, {"prediction": float(number)}, number)
    assert found is not None
    return found


def test_a_line_is_as_the_protocol_says() -> None:
    """Tags in order, whole numbers with an i, texts in quotation marks; what has no value is left out."""
    found = to_line(
        "scored", {"b": "x y", "a": "1,2", "none": ""}, {"n": 3, "f": 0.5, "t": 'say "so"', "x": float("nan")}, 7
    )
    assert found == r'scored,a=1\,2,b=x\ y n=3i,f=0.5,t="say \"so\"" 7'
    assert to_line("scored", {}, {"x": float("inf")}, 7) is None


def test_a_hostile_name_ends_neither_a_tag_nor_a_line() -> None:
    """One line stays one line, and a backslash at the end of a tag does not swallow what stands behind it."""
    found = to_line("scored", {"model": HOSTILE, "z": "end\\"}, {"t": HOSTILE}, 7)
    assert found is not None
    assert "\n" not in found
    assert found.endswith(" 7")
    assert ",z=end/ t=" in found


class Host:
    """A stand-in for InfluxDB that answers as it is told.

    Args:
        status: of its answers.
    """

    def __init__(self, status: int) -> None:
        self.status, self.lines, self.paths = status, 0, set[str]()
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                host.paths.add(f"{self.path} {self.headers.get('Authorization', '')}".strip())
                if host.status < 300:
                    host.lines += body.count(b"\n") + 1
                self.send_response(host.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quietly."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def host() -> Iterator[Host]:
    """One that is full, at first."""
    made = Host(503)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_while_it_is_full_lines_wait_and_the_oldest_give_way(host: Host) -> None:
    """Nobody waits for it; what was lost is counted; when there is room again, the rest is written."""
    with InfluxWriter(InfluxTarget(host.url, "wine"), room=100, every_s=0.01) as writer:
        writer.add(map(line, range(60)))
        wait_until(lambda: writer.problem, "the complaint")
        writer.add(map(line, range(150)))
        wait_until(lambda: writer.lost == 110, "the oldest to give way")
        host.status = 204
        wait_until(lambda: writer.written == 100, "the rest")
    assert (writer.written, writer.lost, host.lines) == (100, 110, 100)
    assert writer.problem == ""


def test_what_it_refuses_is_counted_and_not_sent_again(host: Host) -> None:
    """With its reason; the next lines are tried."""
    host.status = 400
    with InfluxWriter(InfluxTarget(host.url, "wine"), every_s=0.01) as writer:
        writer.add([line(1)])
        wait_until(lambda: writer.lost == 1, "the refusal")
        assert "does not take 1 lines: 400" in writer.problem
        host.status = 204
        writer.add([line(2), None])
        wait_until(lambda: writer.written == 1, "the next")


def test_a_database_that_cannot_be_made_is_no_reason_to_try_for_ever(host: Host) -> None:
    """It is missing, and stays missing: the lines are lost, and counted."""
    host.status = 404
    with InfluxWriter(InfluxTarget(host.url, "wine"), every_s=0.01) as writer:
        writer.add([line(1)])
        wait_until(lambda: writer.lost == 1, "the refusal")
    assert "/query?q=CREATE+DATABASE+%22wine%22" in host.paths


def test_where_it_is_away_nothing_waits() -> None:
    """Adding and ending take no time, and what is lost is told."""
    with InfluxWriter(InfluxTarget(f"http://127.0.0.1:{free_port()}", "wine"), every_s=0.01) as writer:
        writer.add([line(1)])
        wait_until(lambda: "does not answer" in writer.problem, "the complaint")


def test_the_second_interface_wants_a_bucket_an_organisation_and_a_token(host: Host) -> None:
    """InfluxDB 2.x."""
    host.status = 204
    with InfluxWriter(InfluxTarget(host.url, "wine", "secret", "us"), every_s=0.01) as writer:
        writer.add([line(1)])
        wait_until(lambda: writer.written == 1, "the line")
    assert host.paths == {"/api/v2/write?bucket=wine&org=us&precision=ns Token secret"}


def test_a_real_one_takes_the_lines_and_no_name_breaks_out(influx: str) -> None:
    """It makes the database; one point for each line, whatever a model is called, and no measurement beside the two."""
    with InfluxWriter(InfluxTarget(influx, "wine"), every_s=0.01) as writer:
        writer.add(map(line, range(1, 1_001)))
        writer.add([to_line("hostile", {"model": HOSTILE}, {"t": HOSTILE, "n": 2**63 - 1}, 1)])
        wait_until(lambda: writer.written == 1_001, "the lines")
    assert writer.lost == 0
    for _ in range(2):
        wait_for_database(InfluxTarget(influx, 'my "wines"'))
    with pytest.raises(SetupError, match=r"does not make the database 'a/b'.*invalid name"):
        wait_for_database(InfluxTarget(influx, "a/b"))
    assert 'my "wines"' in [row[0] for row in select(influx, "SHOW DATABASES")]
    assert select(influx, "SELECT count(prediction), mean(prediction) FROM scored")[0][1:] == [1_000, 500.5]
    assert sorted(row[0] for row in select(influx, "SHOW MEASUREMENTS")) == ["hostile", "scored"]
    ((_, text, number),) = select(influx, "SELECT t, n FROM hostile")
    assert text == HOSTILE.replace("\n", " ")
    assert number == 2**63 - 1
