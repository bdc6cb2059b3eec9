"""`overnight dashboard` prints its address, serves until Ctrl-C, and refuses what it cannot show."""

import os
import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest
from command_line import command, environment, overnight_here
from dashboards import TOKEN, append
from told_stories import Story

from overnight.flows.dashboard.entry.access import access_for
from overnight.flows.dashboard.server import greeting, listen


@pytest.mark.slow
def test_it_prints_an_address_with_a_new_token_and_ends_at_once_on_ctrl_c(tmp_path: Path):
    append(tmp_path, "rates", Story().tried(1, 1, 0.5).events)
    with subprocess.Popen(
        command("dashboard", str(tmp_path), "--port", "0"),
        env=environment() | {"PYTHONPATH": os.getcwd()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        printed = process.stdout.readline()
        found = re.fullmatch(r"dashboard: (http://127\.0\.0\.1:\d+)/(?:#token=(\S+))?\n", printed)
        assert found is not None, printed + process.stdout.read()
        token, origin = found[2], {"Origin": found[1]}
        while "Ctrl-C" not in process.stdout.readline():
            pass
        with httpx.Client(base_url=found[1], transport=httpx.HTTPTransport(retries=9), timeout=30) as client:
            assert client.post("/login", json={"token": token}, headers=origin).status_code == 200
            assert client.get(f"/?token={token}").status_code == 200
            with client.stream("GET", "/campaigns/rates/feed") as answer:
                assert next(answer.iter_lines()).startswith("retry")
                # A page that is still open does not keep the server alive.
                process.send_signal(signal.SIGINT)
                left = process.stdout.read()
    assert token not in left
    assert "Traceback" not in left
    assert process.returncode == 0


def test_a_token_that_a_person_has_chosen_is_not_printed_and_a_reachable_address_is_warned_of():
    lines = "\n".join(greeting(access_for("0.0.0.0", 80, TOKEN), "0.0.0.0", chosen=True))
    assert TOKEN not in lines
    assert "Other machines can reach this address" in lines
    assert "http://[::1]:80/#token=" in greeting(access_for("::1", 80, None), "::1", chosen=False)[0]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [(["ftp://example.org/ledger"], "expected a directory"), (["file.yaml"], "file.yaml")],
)
def test_what_is_no_ledger_is_refused_before_anything_is_served(tmp_path: Path, arguments: list[str], problem: str):
    (tmp_path / "file.yaml").write_text("- 1")
    done = overnight_here(tmp_path, "dashboard", *arguments, code=None)
    assert done.returncode in (1, 2)
    assert problem in done.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path):
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        port = str(taken.getsockname()[1])
        done = overnight_here(tmp_path, "dashboard", ".", "--port", port, code=1)
    assert f"--port {port}: expected an address to listen at" in done.stderr


def test_a_short_token_is_refused(tmp_path: Path):
    known = {"OVERNIGHT_DASHBOARD_TOKEN": "short"}
    done = overnight_here(tmp_path, "dashboard", ".", "--port", "0", code=1, environment=known)
    assert "at least 16 characters, found 5" in done.stderr
