"""HTTP faces of the servers."""

from modelserving.web.app import make_app
from modelserving.web.console import report_to_console
from modelserving.web.ports import bind, url_of
from modelserving.web.schemas import HealthState, ModelNames, ModelState, ServerView
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
