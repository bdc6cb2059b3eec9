"""Optuna's dashboard at the loopback address of this machine."""

import json
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from optuna.storages import BaseStorage
from optuna_dashboard import wsgi

from overnight.flows.dashboard.server import listen
from overnight.flows.host.terminal import terminal
from overnight.flows.optuna_studies.refusing import READ_ONLY, RefusingStorage

_HOST = "127.0.0.1"
_OWN_NAMES = (_HOST, "localhost")
_READS = ("GET", "HEAD", "OPTIONS")
_FOREIGN = "expected a request of this machine's own dashboard, found one that names another site; nothing was done."
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Server(ThreadingMixIn, WSGIServer):
    """A server that answers each request in a thread, at a socket that listens already."""

    daemon_threads = True

    def __init__(self, listening: socket.socket) -> None:
        super().__init__((_HOST, 0), _QuietHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_name, self.server_port = _HOST, listening.getsockname()[1]
        self.setup_environ()


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print no line for each request."""


def serve(storage: BaseStorage, port: int) -> None:
    """Show the studies of a storage until Ctrl-C; raises CannotStart if the port cannot be used."""
    with listen(_HOST, port) as listening, _Server(listening) as server:
        server.set_app(guarded(wsgi(storage), read_only=isinstance(storage, RefusingStorage)))
        console = terminal()
        console.print(f"Optuna's dashboard: http://{_HOST}:{server.server_port}/dashboard/", soft_wrap=True)
        console.print("Ctrl-C ends it; campaigns are not affected.", soft_wrap=True)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def guarded(application: Application, *, read_only: bool) -> Application:
    """Return the application, restricted to requests from its own pages and, if `read_only`, to requests that read.

    Optuna's dashboard itself answers everybody: any web page that the browser shows could change studies.
    """

    def guard(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "")
        if not _is_own(host) or urlsplit(environ.get("HTTP_ORIGIN", f"//{host}")).netloc != host:
            return _refused(start, "403 Forbidden", _FOREIGN)
        if read_only and environ["REQUEST_METHOD"] not in _READS:
            return _refused(start, "405 Method Not Allowed", READ_ONLY)
        return application(environ, start)

    return guard


def _is_own(host: str) -> bool:
    return urlsplit(f"//{host}").hostname in _OWN_NAMES


def _refused(start: Callable[..., Any], status: str, reason: str) -> Iterable[bytes]:
    # The dashboard's page shows the `reason` of a refusal.
    start(status, [("Content-Type", "application/json")])
    return [json.dumps({"reason": reason}).encode()]
