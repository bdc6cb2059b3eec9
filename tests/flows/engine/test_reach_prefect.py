"""A missing Prefect server, or another program in its place, is reported in one paragraph before anything starts."""

import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from overnight.campaign.errors import CannotStart
from overnight.flows.engine.reach import reach_prefect, reach_prefect_to_deploy
from overnight.flows.host.prefect_environment import prepare_prefect


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class NotPrefect(BaseHTTPRequestHandler):
    """Another program at the address, which answers every request with a fixed status."""

    status = 404

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Log nothing."""


@pytest.fixture
def another_server(request: pytest.FixtureRequest) -> Iterator[str]:
    answers = type("Answers", (NotPrefect,), {"status": request.param})
    server = HTTPServer(("127.0.0.1", 0), answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()


async def said_of(
    url: str, monkeypatch: pytest.MonkeyPatch, reach: Callable[..., Awaitable[None]] = reach_prefect
) -> tuple[str, list[str]]:
    """Return the refusal and the messages before it, without any patience for the server."""
    monkeypatch.setenv("PREFECT_API_URL", url)
    monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
    told = list[str]()
    with (
        temporary_settings({PREFECT_API_URL: url}),
        pytest.raises(CannotStart) as stopped,
    ):
        await reach(told.append, patience=0.0)
    return str(stopped.value), told


@pytest.mark.slow
async def test_an_address_at_which_nobody_listens_says_so_and_what_to_do(monkeypatch):
    url = f"http://127.0.0.1:{free_port()}/api"
    said, told = await said_of(url, monkeypatch)
    assert said.startswith(f"PREFECT_API_URL: expected a Prefect server at {url}, found none (")
    assert "or unset PREFECT_API_URL" in said
    assert said.endswith("Nothing was started.")
    assert told == []


@pytest.mark.slow
async def test_a_deployment_is_not_told_to_do_without_the_server_that_it_needs(monkeypatch):
    said, _ = await said_of(f"http://127.0.0.1:{free_port()}/api", monkeypatch, reach_prefect_to_deploy)
    assert "correct the address: a deployment needs a permanent server. Nothing was started." in said
    assert "unset" not in said


@pytest.mark.slow
async def test_a_password_in_the_address_is_not_repeated(monkeypatch):
    port = free_port()
    said, _ = await said_of(f"http://ada:hidden@127.0.0.1:{port}/api", monkeypatch)
    assert f"http://127.0.0.1:{port}/api" in said
    assert "hidden" not in said


@pytest.mark.parametrize("another_server", [404], indirect=True)
async def test_something_that_is_no_prefect_server_is_told_from_one_that_is_away(another_server, monkeypatch):
    said, told = await said_of(another_server, monkeypatch)
    assert "found something that answers 404" in said
    assert "ends with /api" in said
    assert told == []


@pytest.mark.parametrize("another_server", [401], indirect=True)
async def test_a_server_that_lets_nobody_in_names_the_variable_to_set(another_server, monkeypatch):
    said, _ = await said_of(another_server, monkeypatch)
    assert said.startswith("PREFECT_API_AUTH_STRING: ")
    assert "PREFECT_API_AUTH_STRING here is not set" in said
    assert "PREFECT_SERVER_API_AUTH_STRING" in said


def test_what_prefect_logs_goes_to_somebodys_server_and_not_to_this_terminal(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "environ", {"PREFECT_API_URL": "http://127.0.0.1:9/api"})
    prepare_prefect(tmp_path / "unused")
    assert os.environ["PREFECT_LOGGING_LEVEL"] == "INFO"
    assert os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "WARNING"
    assert not (tmp_path / "unused").exists()
