"""A campaign as it appears on a user's own Prefect server, which has PostgreSQL and an auth string."""

import base64
import datetime
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from command_line import command, overnight_here
from postgres_server import PostgresServer
from prefect_on_postgres import PrefectOnPostgres, prefect_on_postgres, without_prefect

from overnight.flows.definition.campaign_file import CampaignFile
from overnight.flows.engine.written_order import in_written_order

SECRET = "measured-by-nobody-else"
AUTOMATION = Path(__file__).parents[2] / "infra" / "automation.yaml"

CAMPAIGN = """
name: Seen.from_Prefect
parameters:
  x: {kind: float, low: 0, high: 1}
  mode: {kind: categorical, choices: ["a|b", broken]}
minimize: loss
evaluator: {function: "objective:evaluate", environment: [MEASURING_TOKEN]}
proposer: {kind: sobol}
workers: 2
budget: {trials: 6}
start_with: [{x: 0.9, mode: "a|b"}, {x: 0.3, mode: "a|b"}, {x: 0.1, mode: broken}]
"""

OBJECTIVE = """
import os

def evaluate(params):
    print("measuring at", params["x"], "with", os.environ["MEASURING_TOKEN"])
    print("auth string:", os.environ.get("PREFECT_API_AUTH_STRING"))
    if params["mode"] == "broken":
        raise ValueError("never works, not even with " + os.environ["MEASURING_TOKEN"])
    return (params["x"] - 0.3) ** 2
"""

# Put before an objective: evaluations wait at its import as long as the file `hold` exists.
HELD = """
import os, time

while os.path.exists("hold") and "EVAL_REQUEST" in os.environ:
    time.sleep(0.01)
"""

_ADDRESS = "/overnight"

MAKE_BLOCK = """
from prefect.blocks.notifications import CustomWebhookNotificationBlock
content = {"text": "{{body}}", "title": "{{subject}}"}
block = CustomWebhookNotificationBlock(name="overnight", url="{{address}}", secrets={"address": URL}, json_data=content)
print(block.save("overnight"))
"""


class Listener:
    """The receiver of a webhook: keeps the messages sent to its address.

    Another test's program may look for a server on the port, which was free before. A message that contains "hold" is
    answered once `held` is set.
    """

    def __init__(self) -> None:
        heard = self.heard = list[dict[str, str]]()
        self.changed = changed = threading.Condition()
        self.held = held = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.path == _ADDRESS:
                    message = json.loads(body)
                    with changed:
                        heard.append(message)
                        changed.notify_all()
                    if "hold" in message["text"]:
                        held.wait(60)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}{_ADDRESS}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait_for(self, title: str, text: str = "") -> dict[str, str]:
        """Return the first message with this end of a title and part of a text, once it has come."""
        with self.changed:
            assert self.changed.wait_for(lambda: self._found(title, text), timeout=120), self.heard
            return self._found(title, text)[0]

    def _found(self, title: str, text: str) -> list[dict[str, str]]:
        return [heard for heard in self.heard if heard["title"].endswith(title) and text in heard["text"]]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def server(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectOnPostgres]:
    database = postgres.create_database("seen", "postgresql+asyncpg")
    with prefect_on_postgres(tmp_path_factory.mktemp("prefect"), database) as running:
        yield running


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


def at_server(server: PrefectOnPostgres, **more: str) -> dict[str, str]:
    return without_prefect(os.environ) | server.environment() | {"COLUMNS": "100", "MEASURING_TOKEN": SECRET} | more


def run(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def succeed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def campaign(server: PrefectOnPostgres, listener: Listener, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a campaign on the server, with the example of an automation in place; return its folder."""
    folder = tmp_path_factory.mktemp("seen")
    (folder / "campaign.yaml").write_text(CAMPAIGN)
    (folder / "objective.py").write_text(OBJECTIVE)
    make_block = MAKE_BLOCK.replace("URL", repr(listener.url))
    block = succeed(run(folder, at_server(server), sys.executable, "-c", make_block)).split()[-1]
    (folder / "automation.yaml").write_text(AUTOMATION.read_text().replace("OVERNIGHT_NOTIFICATION", block))
    create = [sys.executable, "-m", "prefect", "automation", "create", "--from-file", "automation.yaml"]
    succeed(run(folder, at_server(server), *create))
    (folder / "said").write_text(succeed(run(folder, at_server(server), *command("run", "campaign.yaml"))))
    return folder


def the_flow_run(server: PrefectOnPostgres) -> dict[str, Any]:
    [found] = server.post("/flow_runs/filter", {"flow_runs": {"name": {"any_": ["Seen.from_Prefect"]}}})
    return found


def eventually(look: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    """Return the value of `look` once it is enough, since the server stores events and task runs a little later."""
    until = time.monotonic() + 120
    while not enough(found := look()):
        assert time.monotonic() < until, found
        time.sleep(0.5)
    return found


def events_of(server: PrefectOnPostgres) -> list[dict[str, Any]]:
    wanted = {"filter": {"event": {"prefix": ["overnight."]}, "order": "ASC"}, "limit": 50}
    return server.post("/events/filter", wanted)["events"]


def ask_for_approval(server: PrefectOnPostgres, text: str) -> str:
    """Send the server an event that the automation passes on to people; return its id."""
    event = {
        "id": str(uuid.uuid4()),
        "event": "overnight.approval.needed",
        "occurred": datetime.datetime.now(datetime.UTC).isoformat(),
        "resource": {"prefect.resource.id": "overnight.campaign.Other"},
        "payload": {"campaign": "Other", "text": text},
    }
    server.post("/events", [event])
    return event["id"]


def endings(server: PrefectOnPostgres, event: str) -> list[str]:
    """Return how the actions that the event caused have ended."""
    ends = ["prefect.automation.action.executed", "prefect.automation.action.failed"]
    found = server.post("/events/filter", {"filter": {"event": {"name": ends}}, "limit": 50})["events"]
    caused = {"prefect.resource.id": f"prefect.event.{event}", "prefect.resource.role": "triggering-event"}
    return [ended["event"] for ended in found if caused in ended["related"]]


def task_runs(server: PrefectOnPostgres) -> dict[str, dict[str, Any]]:
    return {found["name"]: found for found in server.post("/task_runs/filter", {})}


@pytest.mark.slow
def test_runs_are_named_by_campaign_and_trial_and_tagged_by_campaign(server, campaign):
    assert set(the_flow_run(server)["tags"]) == {"overnight", "campaign:Seen.from_Prefect"}
    runs = eventually(lambda: task_runs(server), lambda found: len(found) >= 9)
    first = runs["Seen.from_Prefect-trial-1-attempt-1"]
    assert set(first["tags"]) == {"evaluation", "overnight", "campaign:Seen.from_Prefect"}
    assert set(runs["Seen.from_Prefect-propose-1"]["tags"]) == {"gpu", "overnight", "campaign:Seen.from_Prefect"}


@pytest.mark.slow
def test_what_an_evaluation_printed_is_its_task_runs_log_and_does_not_disturb_the_terminal(server, campaign):
    runs = eventually(lambda: task_runs(server), lambda found: len(found) >= 9)
    for trial, said in ((1, "measuring at 0.9 with [MEASURING_TOKEN]"), (3, "never works, not even with")):
        run_id = runs[f"Seen.from_Prefect-trial-{trial}-attempt-1"]["id"]
        wanted = {"logs": {"task_run_id": {"any_": [run_id]}}}
        logs = eventually(lambda wanted=wanted: server.post("/logs/filter", wanted), bool)
        assert said in "\n".join(log["message"] for log in logs)
    assert "measuring at" not in (campaign / "said").read_text()


@pytest.mark.slow
def test_artifacts_show_how_far_it_is_its_trials_its_course_and_where_its_report_lies(server, campaign):
    wanted = {"artifacts": {"flow_run_id": {"any_": [the_flow_run(server)["id"]]}}}
    found = server.post("/artifacts/filter", wanted)
    shown = {artifact["key"]: artifact for artifact in found}
    # One row for each artifact, however often it was written.
    assert sorted(shown) == sorted(artifact["key"] for artifact in found)
    assert {key.removeprefix("overnight-seen-from-prefect-") for key in shown} == {
        "progress",
        "trials",
        "trace",
        "report",
    }
    progress, trials, trace, report = (
        shown[f"overnight-seen-from-prefect-{name}"] for name in ("progress", "trials", "trace", "report")
    )
    assert (progress["type"], progress["data"]) == ("progress", 100.0)
    assert "finished: all 6 trials of the budget have been tried" in progress["description"]
    assert "| 3 | failed: evaluator error |" in trials["data"]
    assert r"a\|b" in trials["data"]
    picture = trace["data"].partition("data:image/svg+xml;base64,")[2].rstrip(")")
    assert base64.b64decode(picture).decode().startswith("<svg ")
    [written] = campaign.rglob("*-report.html")
    assert written == campaign / "Seen.from_Prefect-report.html"
    assert written.as_uri() in report["data"]
    assert f"report: {written}" in (campaign / "said").read_text()
    assert "loss" in written.read_text()
    latest = server.get("/artifacts/overnight-seen-from-prefect-progress/latest")
    assert latest["data"] == 100.0


@pytest.mark.slow
def test_events_say_what_happened_and_about_which_campaign_and_trial(server, campaign):
    events = eventually(lambda: events_of(server), lambda found: any("finished" in e["event"] for e in found))
    kinds = [event["event"] for event in events]
    assert kinds[0] == "overnight.campaign.started"
    assert kinds[-1] == "overnight.campaign.finished"
    assert {event["resource"]["prefect.resource.id"] for event in events} == {"overnight.campaign.Seen.from_Prefect"}
    [failed] = [e for e in events if e["event"] == "overnight.trial.failed" and e["payload"]["trial"] == 3]
    assert failed["payload"]["cause"] == "configuration"
    assert "never works" in failed["payload"]["text"]
    about = [related["prefect.resource.id"] for related in failed["related"]]
    assert "overnight.trial.Seen.from_Prefect.3" in about
    assert f"prefect.flow-run.{the_flow_run(server)['id']}" in about
    best = [e["payload"]["mean"] for e in events if e["event"] == "overnight.campaign.new-best"]
    assert best == sorted(best, reverse=True)
    assert best[-1] == 0.0
    assert events[-1]["payload"]["best_trial"] == 2


@pytest.mark.slow
def test_the_automation_of_the_example_notifies_a_person_of_what_matters(server, campaign, listener):
    listener.wait_for("overnight.campaign.finished")
    failed = listener.wait_for("overnight.trial.failed", "trial 3 failed (evaluator error)")
    assert failed["title"] == "Seen.from_Prefect: overnight.trial.failed"


@pytest.mark.slow
def test_the_automation_of_the_example_reports_a_crashed_run_of_a_campaign_and_of_nothing_else(
    server, campaign, listener
):
    state = {"type": "CRASHED", "name": "Crashed", "message": "the process exited with status code -9"}
    for flow, run_name in (("evaluate", "one-trial"), ("campaign", "dead-of-night")):
        flow_id = server.post("/flows/", {"name": flow})["id"]
        run_id = server.post("/flow_runs/", {"flow_id": flow_id, "name": run_name})["id"]
        server.post(f"/flow_runs/{run_id}/set_state", {"state": state})
    crashed = listener.wait_for("prefect.flow-run.Crashed")
    assert crashed["title"] == "dead-of-night: prefect.flow-run.Crashed"
    assert crashed["text"] == "dead-of-night: a run has crashed: the process exited with status code -9"


@pytest.mark.slow
def test_a_message_that_is_sent_during_another_one_does_not_cut_it_off(server, campaign, listener):
    held = ask_for_approval(server, 'hold the answer to "this"')
    assert listener.wait_for("overnight.approval.needed")["text"] == 'hold the answer to "this"'
    quick = ask_for_approval(server, "answer at once")
    eventually(lambda: endings(server, quick), bool)
    listener.held.set()
    eventually(lambda: endings(server, held), bool)
    assert endings(server, quick) == endings(server, held) == ["prefect.automation.action.executed"]


@pytest.mark.slow
def test_no_secret_comes_into_the_servers_database_the_ledger_or_the_report(server, campaign, postgres):
    eventually(lambda: events_of(server), lambda found: any("finished" in e["event"] for e in found))
    kept = postgres.dump("seen")
    assert "[MEASURING_TOKEN]" in kept  # the logs and the failure's message are stored, without the value
    password = server.auth.partition(":")[2]
    files = [path for path in campaign.rglob("*") if path.is_file()]
    written = {path.name: path.read_bytes() for path in files if path.name not in ("stdout", "stderr")}
    for secret in (SECRET, server.auth, password, base64.b64encode(server.auth.encode()).decode()):
        assert secret not in kept
        assert [name for name, content in written.items() if secret.encode() in content] == []
    # The output of an evaluation stays in its folder unchanged; our auth string is not in its environment.
    assert all(password.encode() not in path.read_bytes() for path in files)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("subcommand", "auth", "found"),
    [
        pytest.param("run", {"PREFECT_API_AUTH_STRING": ""}, "is not set", id="run-none"),
        pytest.param("deploy", {"PREFECT_API_AUTH_STRING": "overnight:guessed"}, "is another one", id="deploy-another"),
    ],
)
def test_without_the_auth_string_a_campaign_is_told_what_to_set_in_one_paragraph(
    server, tmp_path, subcommand, auth, found
):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    done = run(tmp_path, at_server(server, **auth), *command(subcommand, "campaign.yaml"))
    assert done.returncode == 1
    [said] = done.stderr.splitlines()
    assert said.startswith(f"PREFECT_API_AUTH_STRING: the Prefect server at {server.url} answers 401")
    assert found in said
    assert said.endswith("Set it to the same `user:password`. Nothing was started.")
    assert "guessed" not in said
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "ledger").exists()


@pytest.mark.slow
def test_the_deployment_of_the_example_is_made_as_it_says(server, tmp_path):
    root = AUTOMATION.parents[1]
    environment = at_server(server, OVERNIGHT_HOME=str(root), PYTHONPATH=str(root))
    prefect = [sys.executable, "-m", "prefect"]
    server.post("/work_pools/", {"name": "overnight", "type": "process"})
    example = str(AUTOMATION.with_name("prefect.yaml"))
    succeed(run(root, environment, *prefect, "--no-prompt", "deploy", "--prefect-file", example, "--all"))
    deployed = server.get("/deployments/name/campaign/campaign")
    assert deployed["work_pool_name"] == "overnight"
    assert "file" in deployed["parameter_openapi_schema"]["properties"]


@pytest.mark.slow
def test_postgresql_sorts_the_parameters_of_a_deployed_campaign_and_a_run_has_them_in_the_order_of_the_file(
    server, tmp_path
):
    x, mode = CAMPAIGN.splitlines()[3:5]
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN.replace(f"{x}\n{mode}", f"{mode}\n{x}"))
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    succeed(run(tmp_path, at_server(server), *command("deploy", "campaign.yaml", "--pool", "sorted")))
    stored = server.get("/deployments/name/campaign/Seen.from_Prefect")["parameters"]
    assert list(stored["file"]["campaign"]["parameters"]) == ["x", "mode"]
    begun = in_written_order(CampaignFile.model_validate(stored["file"]), stored["order"])
    assert list(begun.campaign.parameters.root) == ["mode", "x"]


# The last test here, since the others count what the server has recorded.
@pytest.mark.slow
def test_a_server_that_dies_and_comes_back_fails_no_evaluation(server, tmp_path):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN.replace("Seen.from_Prefect", "Bereft"))
    (tmp_path / "objective.py").write_text(HELD + OBJECTIVE)
    (tmp_path / "hold").touch()
    controller = subprocess.Popen(
        command("run", "campaign.yaml"), cwd=tmp_path, env=at_server(server), stdout=subprocess.DEVNULL
    )
    # Wait for their claims, since the ledger records their start before the server has let them begin.
    eventually(lambda: len(list(tmp_path.rglob("claim.json"))), lambda claimed: claimed == 2)
    server.kill()
    try:
        (tmp_path / "hold").unlink()
        # Running evaluations are recorded without the server; Prefect decides whether more are started without it.
        eventually(lambda: said_of(tmp_path), lambda said: "2 running" not in said and " 0 observed" not in said)
    finally:
        server.start()
    assert controller.wait(240) == 0
    assert "finished: all 6 trials of the budget have been tried" in said_of(tmp_path)
    assert "infrastructure" not in said_of(tmp_path)


def said_of(folder: Path) -> str:
    """Return the output of `status`, which is empty before the campaign's first event."""
    return overnight_here(folder, "status", code=None).stdout
