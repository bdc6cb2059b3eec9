"""A campaign's own Prefect server admits its campaign and its user, keeps nothing, and is replaced when it hangs."""

import asyncio
import json
import os
import signal
import sqlite3
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from prefect_on_sqlite import ask_prefect
from until import until

from overnight.flows.engine.home import PrefectHome
from overnight.flows.engine.server import CLIENT, PrefectServer
from overnight.flows.host.prefect_environment import prepare_prefect

pytestmark = pytest.mark.server
AWKWARD = "what? 50% of #1 'and' \"ü\" $HOME ~"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """Yield a server in a folder that is open to other users and holds the files of an earlier server."""
    home = tmp_path_factory.mktemp("work") / AWKWARD
    home.mkdir(mode=0o755)
    (home / "prefect.db").write_bytes(b"poisoned")
    (home / "storage").mkdir()
    (home / "storage" / "a-pickle").write_bytes(b"result")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PREFECT_")]:
            patch.delenv(name)
        # A proxy for all requests, and a database of the user's own.
        patch.setenv("http_proxy", "http://127.0.0.1:9")
        patch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", f"sqlite+aiosqlite:///{home.parent}/elsewhere.db")
        patch.chdir(home.parent)
        prepare_prefect(home)
        started = PrefectServer(home, patience=1.0)
        try:
            asyncio.run(started.ready())
            yield started
        finally:
            started.close()


def answer_to(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str]]:
    """Return the status and the headers of an answer, without any proxy."""
    request = urllib.request.Request(url, b"{}" if method == "POST" else None, headers, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as problem:
        return problem.code, dict(problem.headers)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", ["/flow_runs/filter", "/concurrency_limits/", "/v2/concurrency_limits/", "/variables/"]
)
def test_nobody_is_let_in_without_the_auth_string(server, path):
    for stranger in ({}, {"Authorization": "Basic b3Zlcm5pZ2h0Og=="}):
        status, _ = answer_to(server.url + path, "POST", **{"Content-Type": "application/json"}, **stranger)
        assert status == HTTPStatus.UNAUTHORIZED


@pytest.mark.slow
def test_the_page_of_another_origin_may_read_and_ask_nothing(server):
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,authorization"}
    for origin in ("https://example.org", "http://127.0.0.1:4200", "null"):
        for method, more in (("OPTIONS", asks), ("GET", {})):
            _, headers = answer_to(f"{server.url}/health", method, Origin=origin, **more)
            assert [name for name in headers if name.lower() == "access-control-allow-origin"] == []


@pytest.mark.slow
def test_a_new_server_knows_nothing_that_an_earlier_one_was_told(server):
    assert ask_prefect(f"{server.url}/v2/concurrency_limits/filter", {}, auth=server.auth) == []
    assert ask_prefect(f"{server.url}/concurrency_limits/filter", {}, auth=server.auth) == []
    shared = server.log.parent
    assert sorted(path.name for path in shared.iterdir()) == sorted(["lock", server.home.name, "server.log"])


@pytest.mark.slow
def test_everything_of_the_server_lies_in_its_folder_and_only_its_owner_may_read_it(server):
    [database] = server.home.parent.rglob("*.db")
    assert database.parent == server.home
    assert sqlite3.connect(database).execute("select count(*) from flow_run").fetchone() == (0,)
    assert [path.name for path in server.log.parents[1].iterdir()] == [AWKWARD]
    kept = [server.log.parent, *server.log.parent.rglob("*")]
    assert [path for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


@pytest.mark.slow
def test_the_auth_string_is_in_one_private_file_and_on_no_command_line(server):
    command = Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    assert server.auth.encode() not in command
    holds = [
        path for path in server.log.parent.rglob("*") if path.is_file() and server.auth.encode() in path.read_bytes()
    ]
    assert holds == [server.home / CLIENT]
    assert server.auth not in json.dumps(dict(os.environ))
    named = dict(line.split("=", 1) for line in holds[0].read_text().splitlines())
    assert named == {"PREFECT_API_URL": server.url, "PREFECT_API_AUTH_STRING": server.auth}


@pytest.mark.slow
def test_a_server_that_is_stopped_is_replaced_at_the_same_address_with_what_it_knew(server):
    limit = {"tag": "evaluation", "concurrency_limit": 7}
    ask_prefect(f"{server.url}/concurrency_limits/", limit, auth=server.auth)
    stopped = server.process
    stopped.send_signal(signal.SIGSTOP)

    async def replaced() -> None:
        keeping = asyncio.create_task(server.keep_alive(give_up_after=0.0))
        await asyncio.to_thread(until, lambda: server.process is not stopped, "it is replaced", 60)
        await server.ready()
        keeping.cancel()

    asyncio.run(replaced())
    assert stopped.returncode == -signal.SIGKILL
    [kept] = ask_prefect(f"{server.url}/concurrency_limits/filter", {}, auth=server.auth)
    assert kept["concurrency_limit"] == 7


def test_the_folder_of_a_killed_controller_is_removed_and_that_of_a_living_one_is_kept(tmp_path):
    living = PrefectHome(tmp_path)
    (tmp_path / "run-of-a-dead-one").mkdir()
    (tmp_path / "run-of-a-dead-one" / "prefect.db").write_bytes(b"poisoned")
    another = PrefectHome(tmp_path)
    assert {path for path in tmp_path.iterdir() if path.is_dir()} == {living.folder, another.folder}
    living.remove()
    another.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_link_in_the_place_of_what_is_removed_leads_nowhere(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "lock").touch()
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "run-link").symlink_to(precious)
    PrefectHome(tmp_path / "shared").remove()
    assert [path.name for path in precious.iterdir()] == ["lock"]
    assert not (tmp_path / "shared" / "run-link").exists()


def test_nothing_of_the_users_is_removed_from_a_folder_that_is_theirs(tmp_path):
    theirs = tmp_path / "theirs"
    (theirs / "run-2024").mkdir(parents=True)
    (theirs / "run-2024" / "model.bin").touch()
    for name in ("notes.txt", "prefect.db", "profiles.toml"):
        (theirs / name).touch()
    (tmp_path / "mine-prefect").symlink_to(theirs)
    PrefectHome(tmp_path / "mine-prefect").remove()
    assert sorted(path.name for path in theirs.iterdir()) == [
        "lock",
        "notes.txt",
        "prefect.db",
        "profiles.toml",
        "run-2024",
    ]
    assert (theirs / "run-2024" / "model.bin").exists()
    # In a real folder, only an older version can have left some of these files.
    (tmp_path / "mine-prefect").unlink()
    theirs.rename(tmp_path / "mine-prefect")
    PrefectHome(tmp_path / "mine-prefect").remove()
    assert sorted(path.name for path in (tmp_path / "mine-prefect").iterdir()) == ["lock", "notes.txt", "run-2024"]
