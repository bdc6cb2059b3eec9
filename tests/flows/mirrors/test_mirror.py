"""A mirror at a tracking server has all that the history has, once, after any interruption."""

import json
import os
import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from standing import story_about
from told_kinds import KINDS, MARKUP, hostile, learnt
from told_stories import POINT, Story, at
from tracking_server import TrackingServer, tracking_server

from overnight.campaign import History, Measurement
from overnight.campaign.history.events import CampaignRevised, MeasurementReported
from overnight.flows.mirrors.mirror import Mirror
from overnight.flows.mirrors.mlflow_server import MirrorProblem, MlflowServer
from overnight.report.finding import finding_sentence

# The address of a real server, such as `mlflow server` starts, to which the same tests then speak.
REAL = os.environ.get("OVERNIGHT_TEST_MLFLOW", "")


@pytest.fixture
def server() -> Iterator[TrackingServer]:
    with tracking_server() as running:
        yield running


@pytest.fixture(params=["stand-in", "real"])
def place(request: pytest.FixtureRequest, server: TrackingServer) -> Iterator["Place"]:
    if request.param == "real" and not REAL:
        pytest.skip("OVERNIGHT_TEST_MLFLOW names no server")
    found = Place(REAL if request.param == "real" else server.address)
    yield found
    found.close()


@pytest.fixture
def near(server: TrackingServer) -> Iterator["Place"]:
    found = Place(server.address)
    yield found
    found.close()


class Place:
    """An experiment at a server, and its runs as they are read there."""

    def __init__(self, address: str) -> None:
        self.address, self.experiment = address, f"test-{uuid.uuid4().hex}"

        self._mirrors: list[Mirror] = []

    def mirror(self, experiment: str | None = None, address: str | None = None, timeout: float = 30.0) -> Mirror:
        server = MlflowServer(address or self.address, experiment or self.experiment, timeout)
        self._mirrors.append(Mirror(server))
        return self._mirrors[-1]

    def close(self) -> None:
        for mirror in self._mirrors:
            mirror.close()

    def bring(self, history: History, mirror: Mirror | None = None) -> int:
        return (mirror or self.mirror()).bring_up_to(history, story_about(history))

    def ask(self, verb: str, method: str, **more: Any) -> dict[str, Any]:
        answer = httpx.request(verb, f"{self.address}/api/2.0/mlflow/{method}", timeout=30, **more)
        assert answer.is_success, answer.text
        return answer.json()

    def runs(self) -> dict[str, dict[str, Any]]:
        """Return the runs by their keys; fail if two of them have the same."""
        found = self.ask("GET", "experiments/get-by-name", params={"experiment_name": self.experiment})
        asked: dict[str, Any] = {"experiment_ids": [found["experiment"]["experiment_id"]], "max_results": 1000}
        every: list[dict[str, Any]] = []
        while True:
            answer = self.ask("POST", "runs/search", json=asked)
            every += answer.get("runs", [])
            if not (token := answer.get("next_page_token")):
                break
            asked["page_token"] = token
        runs = {tags_of(run)["overnight.run"]: run for run in every}
        assert len(runs) == len(every)
        return runs

    def steps(self, run: dict[str, Any], metric: str) -> list[tuple[int, float]]:
        asked = {"run_id": run["info"]["run_id"], "metric_key": metric}
        found = self.ask("GET", "metrics/get-history", params=asked).get("metrics", [])
        return sorted((int(each.get("step", 0)), each["value"]) for each in found)


def tags_of(run: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in run["data"].get("tags", [])}


def params_of(run: dict[str, Any]) -> dict[str, str]:
    return {param["key"]: param["value"] for param in run["data"].get("params", [])}


def metrics_of(run: dict[str, Any]) -> dict[str, float]:
    return {metric["key"]: metric["value"] for metric in run["data"].get("metrics", [])}


def reporting() -> Story:
    """Return a campaign with an evaluation that reported three steps, and another one under way."""
    story = Story().proposed(1, 0).started(1, 0)
    for step, loss in ((1, 9.0), (2, 5.0), (3, 4.0)):
        metrics = {"loss": Measurement(mean=loss, sem=0.5)}
        about = {"trial": 1, "attempt": 1, "step": step, "metrics": metrics}
        story.events.append(MeasurementReported(time=at(step), actor="controller", **about))
    return story.observed(1, 4, 3.5, 0.25).proposed(2, 5).started(2, 5)


@pytest.mark.parametrize("kind", KINDS)
def test_each_trial_has_a_run_below_that_of_the_campaign_with_its_measurements(place: Place, kind: str):
    history, _ = KINDS[kind]()
    assert place.bring(history) == len(history.trials)
    runs = place.runs()
    parent = runs.pop("campaign")
    assert {int(key) for key in runs} == set(history.trials)
    for key, run in runs.items():
        trial, tags = history.trials[int(key)], tags_of(run)
        assert tags["mlflow.parentRunId"] == parent["info"]["run_id"]
        assert (tags["overnight.status"], run["info"]["run_name"]) == (trial.status, f"trial {key}")
        assert len(params_of(run)) == len(trial.proposal.point)
        measured = sorted(found.mean for found in trial.measured.values())
        ours = ("overnight.", "_sem", "_n")
        written = metrics_of(run).items()
        assert sorted(v for k, v in written if not k.startswith(ours[0]) and not k.endswith(ours[1:])) == measured


def test_a_trial_shows_its_point_its_result_with_the_error_and_its_reports_as_steps(place: Place):
    place.bring(reporting().history)
    run = place.runs()["1"]
    assert params_of(run) == {"rate": "0.01", "depth": "2", "mode": "fast", "cache": "true"}
    assert metrics_of(run) == {"loss": 3.5, "loss_sem": 0.25, "overnight.seconds": 60.0}
    assert place.steps(run, "loss") == [(1, 9.0), (2, 5.0), (3, 3.5), (3, 4.0)]
    assert place.steps(run, "loss_sem") == [(1, 0.5), (2, 0.5), (3, 0.25), (3, 0.5)]


def test_the_status_of_a_run_is_that_of_its_trial_and_the_reason_is_a_tag(place: Place):
    place.bring(learnt()[0])
    runs = place.runs()
    statuses = {key: run["info"]["status"] for key, run in runs.items()}
    assert statuses == {"campaign": "FINISHED", "1": "FINISHED", "2": "FINISHED", "3": "FAILED", "4": "SCHEDULED"}
    assert tags_of(runs["3"])["overnight.reason"] == "failed (evaluator error): out of memory"
    assert tags_of(runs["4"])["overnight.reason"] == "far"
    assert tags_of(runs["1"])["overnight.generator"] == "baseline"
    assert int(runs["1"]["info"]["end_time"]) - int(runs["1"]["info"]["start_time"]) == 60_000


def test_the_parent_has_the_finding_and_the_course_of_the_best_result(place: Place):
    history = Story().tried(1, 0, 3.0).tried(2, 2, 4.0).tried(3, 4, 2.5).finished(9).history
    place.bring(history)
    parent = place.runs()["campaign"]
    assert place.steps(parent, "best_loss") == [(1, 3.0), (3, 2.5)]
    tags = tags_of(parent)
    assert tags["overnight.finding"] == finding_sentence(story_about(history))
    assert tags["mlflow.note.content"].startswith("# rates\n\n**")


def test_a_mirror_that_is_up_to_date_writes_nothing(server: TrackingServer, near: Place):
    history = reporting().history
    near.bring(history)
    server.requests.clear()
    assert near.bring(history) == 0
    assert {*server.requests} == {"experiments/get-by-name", "runs/search"}


def test_only_what_is_new_is_written(server: TrackingServer, near: Place):
    story, mirror = reporting(), near.mirror()
    near.bring(story.history, mirror)
    server.requests.clear()
    assert near.bring(story.observed(2, 8, 2.0).history, mirror) == 1
    assert server.requests.count("runs/create") == 0
    assert len(server.requests) <= 8


def test_a_mirror_grows_with_the_campaign_into_what_a_late_one_writes(place: Place):
    events, growing, late = (
        reporting().observed(2, 8, 2.0, 0.5).finished(9).events,
        place.mirror(),
        Place(place.address),
    )
    for count in range(1, len(events) + 1):
        place.bring(History.from_events(events[:count]), growing)
    late.bring(History.from_events(events))
    late.close()
    ours, others = place.runs(), late.runs()
    assert ours.keys() == others.keys()
    for key in ours:
        assert params_of(ours[key]) == params_of(others[key])
        assert metrics_of(ours[key]) == metrics_of(others[key])
        assert place.steps(ours[key], "loss") == late.steps(others[key], "loss")
        assert ours[key]["info"]["status"] == others[key]["info"]["status"]
        assert tags_of(ours[key])["overnight.written"] == tags_of(others[key])["overnight.written"]


@pytest.mark.parametrize("lost", ["runs/create", "runs/log-batch", "runs/update", "experiments/create"])
def test_an_answer_that_is_lost_makes_no_duplicate(server: TrackingServer, near: Place, lost: str):
    history, mirror = reporting().history, near.mirror()
    server.lose = lost
    with pytest.raises(MirrorProblem):
        near.bring(history, mirror)
    near.bring(history, mirror)
    assert set(near.runs()) == {"campaign", "1", "2"}
    assert near.steps(near.runs()["1"], "loss") == [(1, 9.0), (2, 5.0), (3, 3.5), (3, 4.0)]


def test_a_new_process_continues_where_another_one_was_interrupted(place: Place):
    history, calls = learnt()[0], iter([True, True, False])
    mirror = place.mirror()
    assert mirror.bring_up_to(history, story_about(history), lambda: next(calls)) == 2
    assert place.bring(history) == len(history.trials) - 2
    assert set(place.runs()) == {"campaign", "1", "2", "3", "4"}


def test_hostile_names_become_names_that_the_server_accepts(place: Place):
    history, _ = hostile()
    place.bring(history)
    run = place.runs()["1"]
    [(name, value)] = params_of(run).items()
    assert MARKUP not in name
    assert name.startswith("a_b")
    assert "\x1b" not in value
    assert name in metrics_of(run)


def test_a_revision_that_adds_a_parameter_changes_no_parameter_of_a_run(place: Place):
    story, mirror = Story().tried(1, 0, 1.0), place.mirror()
    place.bring(story.history, mirror)
    definition = json.loads(story.campaign.model_dump_json())
    definition["parameters"]["size"] = {"kind": "int", "low": 1, "high": 9, "was": 5}
    definition["baseline"]["size"] = 5
    revised = type(story.campaign).model_validate(definition)
    about: dict[str, Any] = {"time": at(3), "actor": "ada", "revision": 1, "why": "more"}
    story.events.append(CampaignRevised(definition=revised, **about))
    history = story.tried(2, 4, 0.5, point=POINT | {"size": 7}).history
    place.bring(history, mirror)
    assert params_of(place.runs()["2"])["size"] == "7"
    assert "size" not in params_of(place.runs()["1"])


def test_the_report_is_an_artifact_of_the_parent(server: TrackingServer, near: Place):
    mirror = near.mirror()
    assert not mirror.write_report("<p>")
    near.bring(reporting().history, mirror)
    assert mirror.write_report("<p>tuned</p>")
    [(path, content)] = server.artifacts.items()
    assert path == f"{near.runs()['campaign']['info']['artifact_uri'].removeprefix('mlflow-artifacts:/')}/report.html"
    assert content == "<p>tuned</p>"


def test_a_server_takes_the_report(place: Place):
    mirror = place.mirror()
    place.bring(reporting().history, mirror)
    assert mirror.write_report("<p>tuned</p>")


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [("broken", "it answered 500"), ("locked", "MLFLOW_TRACKING_USERNAME"), ("another", "got another one")],
)
def test_a_server_that_cannot_serve_is_named_with_the_reason(
    server: TrackingServer, near: Place, behaviour: str, said: str
):
    server.behaviour = behaviour
    with pytest.raises(MirrorProblem, match=said) as problem:
        near.bring(reporting().history)
    assert server.address in str(problem.value)


def test_a_server_that_hangs_or_does_not_exist_is_given_up(server: TrackingServer, near: Place):
    server.behaviour = "hang"
    history = reporting().history
    with pytest.raises(MirrorProblem, match="no answer within"):
        near.bring(history, near.mirror(timeout=0.05))
    with pytest.raises(MirrorProblem, match=re.escape("http://127.0.0.1:1: ConnectError")):
        near.bring(history, near.mirror(address="http://127.0.0.1:1"))


def test_the_credentials_of_the_environment_are_sent_and_never_repeated(
    server: TrackingServer, near: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "sesame-17")
    near.bring(reporting().history)
    assert {headers["Authorization"] for headers in server.headers} == {"Bearer sesame-17"}
    assert "sesame-17" not in json.dumps(server.runs)
    server.behaviour = "locked"
    with pytest.raises(MirrorProblem) as problem:
        near.bring(reporting().history)
    assert "sesame-17" not in str(problem.value)


def test_trials_below_a_parent_that_was_deleted_move_to_the_new_one(near: Place, server: TrackingServer):
    history = Story().tried(1, 0, 2.0).tried(2, 2, 1.0).history
    near.bring(history)
    [parent] = [key for key, run in server.runs.items() if run["tags"]["overnight.run"] == "campaign"]
    del server.runs[parent]
    near.bring(history)
    runs = {run["tags"]["overnight.run"]: (key, run["tags"]) for key, run in server.runs.items()}
    new, _ = runs.pop("campaign")
    assert new != parent
    assert {tags["mlflow.parentRunId"] for _, tags in runs.values()} == {new}
    assert near.bring(history) == 0
