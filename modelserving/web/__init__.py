"""HTTP faces of the servers.

::

    serving.py ─▶ ports.py · console.py    a server and its face in one process, its port, and what its terminal says
    app.py ─▶ schemas.py · page/           /state, /healthz, /metrics of every server; its page
    queries.py ─▶ peer_client.py           a state that is spread over instances: ask any of them
    speculative.py · monitor.py            what some servers have beside that
    overview.py                            one page for all servers and the broker
    inference.py ─▶ tensors.py             models behind HTTP, without Kafka
"""

from modelserving.serving import ServerView
from modelserving.web.app import make_app
from modelserving.web.console import report_to_console
from modelserving.web.ports import bind, url_of
from modelserving.web.schemas import HealthState, ModelNames, ModelState
from modelserving.web.serving import Runnable, announce, serve, serve_app, stdin_closed, until_signal

__all__ = [
    "HealthState",
    "ModelNames",
    "ModelState",
    "Runnable",
    "ServerView",
    "announce",
    "bind",
    "make_app",
    "report_to_console",
    "serve",
    "serve_app",
    "stdin_closed",
    "until_signal",
    "url_of",
]
