"""Try, as another user of the machine, to read and change the files and processes of a campaign."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

_NOBODY = 65534
_CALLS = [
    ("POST", "/api/flow_runs/filter", {}),
    ("POST", "/api/concurrency_limits/", {"tag": "evaluate", "concurrency_limit": 0}),
    ("POST", "/api/v2/concurrency_limits/", {"name": "evaluate", "limit": 0}),
    ("POST", "/api/logs/filter", {}),
    ("GET", "/api/admin/settings", None),
]


def become_nobody() -> None:
    """Give up all rights of root, irreversibly."""
    # Python loads this codec when a socket is first opened, and its own files may be unreadable by then.
    "127.0.0.1".encode("idna")
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)


def successes(folder: Path, ports: list[int]) -> list[str]:
    """Return everything that could be read or changed in the work folder and at the ports of a campaign's processes."""
    return [*_files(folder), *(done for port in ports for done in _server(port)), *_command_lines(folder)]


def _files(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        for name in folders + files:
            path = Path(place, name)
            if os.access(path, os.W_OK):
                yield f"may write {path}"
            if path.is_file() and os.access(path, os.R_OK):
                yield f"may read {path}"


def _server(port: int) -> Iterator[str]:
    for method, path, body in _CALLS:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Origin": "http://attacker.example"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                yield f"{method} {path} at port {port}: {answer.status}"
                allowed = answer.headers.get("Access-Control-Allow-Origin")
        except urllib.error.HTTPError as problem:
            if problem.code not in (401, 403, 404):
                yield f"{method} {path} at port {port}: {problem.code}"
            allowed = problem.headers.get("Access-Control-Allow-Origin")
        except OSError:
            continue
        if allowed is not None:
            yield f"a web page of {allowed} may call port {port}"


def _command_lines(folder: Path) -> Iterator[str]:
    """Name the campaign's processes whose command line shows a password to every user of the machine."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and any(word in line.lower() for word in ("auth_string", "password", "secret")):
            yield f"may read a secret in {line}"
