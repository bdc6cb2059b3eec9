"""Requests on the page become the events of the command line, with the person and the reason, or are refused."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from dashboards import TOKEN, Served, append, dashboard, shown
from read_ledgers import events_of
from told_stories import HOSTILE, Story, campaign_of

from overnight.campaign import Campaign, History
from overnight.campaign.errors import Refused
from overnight.campaign.history.events import (
    CampaignAskedToStop,
    CampaignPaused,
    CampaignResumed,
    CampaignRevised,
    Event,
    TrialAbandoned,
    TrialApproved,
    TrialObserved,
    TrialProposed,
    TrialRejected,
)
from overnight.campaign.values.read_only import ReadOnlyDict
from overnight.flows.dashboard.changes import changeable_text, with_changes
from overnight.storage import open_ledger

SETTINGS = {
    "evaluator": {"kind": "command", "command": ["true"]},
    "proposer": {"kind": "bayesian", "outliers": "believe"},
}
WHO = {"who": "Ada", "why": "it is cheap"}
POINT = {"rate": "0.5", "depth": "3", "mode": "slow", "cache": "false"}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    story = Story().tried(1, 1, 0.5).parked(2, 3, "it is far").proposed(3, 4).started(3, 4)
    story.events[0] = story.events[0].model_copy(update={"settings": ReadOnlyDict(SETTINGS)})
    append(tmp_path, "rates", story.events)
    return tmp_path


@pytest.fixture
def served(ledger: Path) -> Iterator[Served]:
    with dashboard(ledger) as running:
        yield running


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.logged_in() as logged_in:
        yield logged_in


def written(ledger: Path) -> list[Event]:
    """Return the events of the ledger after those of the fixture."""
    return asyncio.run(events_of(open_ledger(str(ledger), "rates", Path())))[8:]


def ask(client: httpx.Client, what: str, **asked: Any) -> httpx.Response:
    return client.post(f"/campaigns/rates/requests/{what}", json=WHO | asked)


@pytest.mark.parametrize(
    ("what", "asked", "kind", "said"),
    [
        ("approve", {"trial": 2}, TrialApproved, "Trial 2 is approved"),
        ("reject", {"trial": 2}, TrialRejected, "Trial 2 is rejected"),
        ("abandon", {"trial": 3}, TrialAbandoned, "Trial 3 is abandoned"),
        ("pause", {}, CampaignPaused, "The campaign is paused"),
        ("drain", {}, CampaignAskedToStop, "The controller is asked to drain"),
        ("suggest", {"point": POINT}, TrialProposed, "Trial 4 is added"),
        ("stop", {}, CampaignAskedToStop, "The controller is asked to stop at once"),
        ("revise", {"parameter": "depth", "bounds": {"low": "2", "high": ""}}, CampaignRevised, "The bounds of depth"),
        ("report", {"trial": 2, "measured": {"loss": "0.5"}}, TrialObserved, "The result of trial 2 is recorded"),
        ("change", {"changes": "budget: {trials: 40}"}, CampaignRevised, "The definition is revised: it"),
    ],
)
def test_a_request_is_recorded_with_the_person_and_the_reason(
    client: httpx.Client, ledger: Path, what: str, asked: dict[str, Any], kind: type[Event], said: str
):
    answer = ask(client, what, **asked)
    assert answer.status_code == 200, answer.text
    assert said in answer.json()["said"]
    [event, *_] = written(ledger)
    assert isinstance(event, kind)
    assert event.actor.startswith("Ada (dashboard of ")
    assert "@" in event.actor
    assert (event.metadata["why"] if isinstance(event, TrialObserved) else getattr(event, "why", "")) == "it is cheap"
    html = client.get("/campaigns/rates/parts/audit").json()["html"]
    assert "Ada (dashboard of " in html
    assert "it is cheap" in html


def test_a_paused_campaign_is_resumed(client: httpx.Client, ledger: Path):
    ask(client, "pause")
    assert "act-resume" in client.get("/campaigns/rates/parts/summary").json()["html"]
    assert "The campaign is resumed" in ask(client, "resume", why="").json()["said"]
    assert isinstance(written(ledger)[-1], CampaignResumed)


def test_a_suggestion_that_was_measured_comes_with_its_result(client: httpx.Client, ledger: Path):
    assert ask(client, "suggest", point=POINT, measured={"loss": "0.125"}).status_code == 200
    proposed, observed = written(ledger)
    assert isinstance(proposed, TrialProposed)
    assert dict(proposed.point) == {"rate": 0.5, "depth": 3, "mode": "slow", "cache": False}
    assert isinstance(observed, TrialObserved)
    assert observed.metrics["loss"].mean == 0.125


@pytest.mark.parametrize(
    ("what", "asked", "reason"),
    [
        ("approve", {"trial": 1}, "trial 1 does not await approval: its status is `observed`"),
        ("approve", {"trial": 99}, "it does not exist"),
        ("approve", {"trial": 2, "why": " "}, "Expected a reason"),
        ("pause", {"who": " "}, "Expected your name"),
        ("pause", {"who": "Ada\nBob"}, "Expected your name in one line"),
        ("abandon", {"trial": 1}, "it has already ended"),
        ("suggest", {"point": {"rate": "5"}}, "point: expected a point of campaign `rates`"),
        ("suggest", {"point": POINT, "measured": {"loss": "good"}}, "loss"),
        ("revise", {"parameter": "mode", "bounds": {"low": "1"}}, "one of rate, depth, got `mode`"),
        ("revise", {"parameter": "rate", "bounds": {"low": "9", "high": "1"}}, "expected low &lt; high, got 9 and 1"),
        ("revise", {"parameter": "rate", "bounds": {"low": "0"}}, "low > 0 on a log scale"),
        ("revise", {"parameter": "rate", "bounds": {"low": "some"}}, "some"),
        ("revise", {"parameter": "rate", "bounds": {}}, "nothing to revise"),
        ("resume", {}, "is not paused"),
        ("report", {"trial": 1, "measured": {"loss": "1"}}, "it has already ended"),
        ("report", {"trial": 3, "measured": {"loss": "1"}}, "is evaluating it, attempt 1"),
        ("report", {"trial": 2, "measured": {"loss": "good"}}, "loss"),
        ("report", {"trial": 2}, "metrics: expected the metric `loss`"),
        ("suggest", {"point": POINT, "errors": {"loss": "0.1"}}, "loss: expected a value with its standard error"),
        ("report", {"trial": 2, "errors": {"loss": "0.1"}}, "loss: expected a value with its standard error"),
        ("change", {"changes": ""}, "expected YAML"),
        ("change", {"changes": "budget: {trials"}, "changes:1: expected valid YAML"),
        ("change", {"changes": " \n "}, "expected YAML"),
        ("change", {"changes": "workers: 3\nworkers: 4"}, "workers: expected this key once, got it on lines 1 and 2"),
        ("change", {"changes": "budget:\n  trials: 40\n  trials: 50"}, "budget.trials: expected this key once"),
        ("change", {"changes": "- a list"}, "expected YAML"),
        ("change", {"changes": "budget: {trials: none}"}, "budget.trials: expected a whole number"),
        ("change", {"changes": "budjet: {trials: 3}"}, "budjet"),
        ("change", {"changes": "name: another"}, "name"),
        ("change", {"changes": "minimize: cost"}, "another campaign"),
        ("change", {"changes": "workers: 2"}, "the definition has not changed"),
        ("change", {"changes": "parameters: {rate: null}"}, "rate"),
        ("change", {"changes": "parameters: &a {rate: *a}"}, "changes:1: expected an alias"),
    ],
)
def test_a_request_that_cannot_be_carried_out_writes_nothing_and_gives_the_reason(
    client: httpx.Client, ledger: Path, what: str, asked: dict[str, Any], reason: str
):
    answer = ask(client, what, **asked)
    assert answer.status_code == 409, answer.text
    problem = answer.json()["problem"]
    assert reason.replace("&lt;", "<") in problem
    assert "othing was written" in problem
    # The form has no options of the command line.
    assert not problem.startswith("--")
    assert written(ledger) == []


@pytest.mark.parametrize(
    "body",
    [{}, {"who": "x" * 101}, {"who": "Ada", "trial": -1}, {"who": "Ada", "other": 1}, {"who": "Ada", "point": 3}, []],
)
def test_a_body_of_another_form_is_refused(client: httpx.Client, ledger: Path, body: Any):
    answer = client.post("/campaigns/rates/requests/approve", json=body)
    assert answer.status_code == 422
    assert answer.json()["problem"].endswith("Nothing was written.")
    assert client.post("/campaigns/rates/requests/verify", json=WHO).status_code == 422
    assert client.post("/campaigns/others/requests/pause", json=WHO).status_code == 404
    assert written(ledger) == []


def test_without_the_token_or_from_another_page_nothing_is_written(served: Served, ledger: Path):
    address = "/campaigns/rates/requests/approve"
    body, own = WHO | {"trial": 2}, {"Origin": served.address}
    assert served.client.post(address, json=body).status_code == 403
    assert served.client.post(address, json=body, headers=own).status_code == 401
    wrong = own | {"Authorization": "Bearer wrong"}
    assert served.client.post(address, json=body, headers=wrong).status_code == 401
    with served.logged_in() as client:
        for origin in ("https://evil.example", "null", "http://localhost:1"):
            assert client.post(address, json=body, headers={"Origin": origin}).status_code == 403
        assert client.post(address, json=body, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert client.post(address, json=body, headers={"Host": "evil.example"}).status_code == 421
        assert client.get(address).status_code in (404, 405)
    assert written(ledger) == []
    program = {"Authorization": f"Bearer {TOKEN}"}
    assert served.client.post(address, json=body, headers=program).status_code == 200
    assert len(written(ledger)) == 1


def test_hostile_names_and_reasons_are_recorded_and_shown_as_text(client: httpx.Client, ledger: Path):
    assert ask(client, "pause", who=f"{HOSTILE}\x1b[2J", why=HOSTILE).status_code == 200
    [event] = written(ledger)
    assert "\x1b" not in event.actor
    for part in ("summary", "audit"):
        assert "<script>" not in client.get(f"/campaigns/rates/parts/{part}").json()["html"]


def test_each_form_asks_for_the_name_and_the_reason(client: httpx.Client, served: Served):
    for what in (
        "approve?trial=2",
        "reject?trial=2",
        "abandon?trial=3",
        "pause",
        "resume",
        "drain",
        "suggest",
        "revise",
        "stop",
        "report?trial=2",
        "change",
    ):
        html = client.get(f"/campaigns/rates/forms/{what}").text
        assert 'name="who" required' in html
        assert 'name="why"' in html
    assert "depth (now 1 to 9)" in client.get("/campaigns/rates/forms/revise").text
    assert 'name="point:mode"' in client.get("/campaigns/rates/forms/suggest").text
    assert client.get("/campaigns/rates/forms/approve?trial=99").status_code == 404


def test_a_request_reaches_a_bucket(bucket: str):
    append(bucket, "rates", Story().parked(1, 3, "it is far").events)
    with dashboard(bucket) as served, served.logged_in() as client:
        assert ask(client, "approve", trial=1).status_code == 200
        assert "Awaiting approval" not in shown(served, "/campaigns/rates/parts/summary")


@pytest.mark.parametrize("name", ["rates", "with_conditions"])
def test_a_definition_survives_being_written_and_read(name: str):
    campaign = campaign_of()
    if name == "with_conditions":
        parameters = campaign.model_dump(mode="json")["parameters"]
        parameters["rate"]["when"] = {"mode": "fast"}
        campaign = campaign_of(parameters=parameters, parameter_constraints=["depth <= 8"], baseline=None)
    assert Campaign.model_validate(campaign.model_dump(mode="json")) == campaign


def test_a_revision_keeps_the_settings_of_the_evaluator(client: httpx.Client, ledger: Path):
    ask(client, "revise", parameter="rate", bounds={"low": "0.01", "high": "0.5"})
    history = History.from_events(asyncio.run(events_of(open_ledger(str(ledger), "rates", Path()))))
    assert history.revised is not None
    assert history.revised.settings == ReadOnlyDict(SETTINGS)
    assert history.definition.parameters.root["rate"].bounds == (0.01, 0.5)


def test_a_result_is_reported_with_its_standard_error(client: httpx.Client, ledger: Path):
    assert ask(client, "report", trial=2, measured={"loss": "0.5"}, errors={"loss": "0.125"}).status_code == 200
    [event] = written(ledger)
    assert isinstance(event, TrialObserved)
    assert (event.metrics["loss"].mean, event.metrics["loss"].sem) == (0.5, 0.125)


def test_a_result_can_be_reported_unless_a_controller_evaluates_the_trial(client: httpx.Client):
    def offered(trial: int) -> bool:
        return "act-report" in client.get(f"/campaigns/rates/parts/trials/{trial}").json()["html"]

    assert [trial for trial in (1, 2, 3) if offered(trial)] == [2]


def test_several_keys_are_revised_at_once_and_the_others_stay(client: httpx.Client, ledger: Path):
    changes = """
budget: {trials: 40}
workers: 5
fix: {mode: fast}
constraints: [errors <= 3]
parameters:
  rate: {high: 0.5}
  depth: {kind: fixed, value: 4}
stop_when: {expected_gain_below: 0.01}
"""
    before = campaign_of()
    answer = ask(client, "change", changes=changes)
    assert answer.status_code == 200, answer.text
    assert "workers" in answer.json()["said"]
    history = History.from_events(asyncio.run(events_of(open_ledger(str(ledger), "rates", Path()))))
    after = history.definition
    assert (after.budget.trials, after.workers, dict(after.fix or {})) == (40, 5, {"mode": "fast"})
    assert after.parameters.root["rate"].bounds == (1e-4, 0.5)
    assert after.parameters.root["depth"].kind == "fixed"
    assert after.parameters.root["cache"] == before.parameters.root["cache"]
    assert after.baseline == before.baseline
    assert ask(client, "change", changes="fix: {mode: null}").status_code == 200
    history = History.from_events(asyncio.run(events_of(open_ledger(str(ledger), "rates", Path()))))
    assert not history.definition.fix


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"fix": {"mode": "fast"}, "constraints": ["errors <= 3"], "budget": {"trials": 9, "wall_clock": "1h30m"}},
        {"stop_early": {"rule": "median"}, "failures": {"back_off": 90.5}, "approve": "always"},
    ],
)
def test_the_text_that_is_offered_for_changes_is_the_present_definition(more: dict[str, Any]):
    story = Story(campaign_of(**more))
    text = changeable_text(story.campaign)
    assert with_changes(story.history, text) == story.campaign
    assert "budget" in text


def test_a_form_that_was_opened_before_another_revision_is_refused(client: httpx.Client, ledger: Path):
    for what in ("change", "revise"):
        assert 'name="revision" value="0"' in client.get(f"/campaigns/rates/forms/{what}").text
    assert ask(client, "change", changes="workers: 5", revision=0).status_code == 200
    late = {"change": {"changes": "workers: 2"}, "revise": {"parameter": "depth", "bounds": {"low": "2"}}}
    for what, asked in late.items():
        answer = ask(client, what, revision=0, **asked)
        assert answer.status_code == 409
        assert "The definition was revised since this form was opened. Nothing was written." in answer.json()["problem"]
        assert 'name="revision" value="1"' in client.get(f"/campaigns/rates/forms/{what}").text
    assert len(written(ledger)) == 1
    assert ask(client, "change", changes="workers: 2", revision=1).status_code == 200


def test_the_forms_hold_numbers_to_their_last_digit(tmp_path: Path):
    parameters = {
        "rate": {"kind": "float", "low": 0.1234567890123, "high": 1 / 3},
        "size": {"kind": "ordinal", "choices": [1 / 3, 0.5]},
        "shift": {"kind": "int", "low": -9, "high": 9},
    }
    story = Story(campaign_of(parameters=parameters, baseline=None))
    append(tmp_path, "rates", story.events)
    with dashboard(tmp_path) as served, served.logged_in() as client:
        html = client.get("/campaigns/rates/forms/revise").text
        assert f'data-low="0.1234567890123" data-high="{1 / 3!r}"' in html
        assert 'data-low="-9" data-high="9"' in html
        bounds = {"low": "0.1234567890123", "high": "0.25"}
        assert ask(client, "revise", parameter="rate", bounds=bounds).status_code == 200
        assert f"<option>{1 / 3!r}</option>" in client.get("/campaigns/rates/forms/suggest").text
        assert ask(client, "suggest", point={"rate": "0.2", "size": repr(1 / 3), "shift": "-9"}).status_code == 200
    *_, revised, proposed = asyncio.run(events_of(open_ledger(str(tmp_path), "rates", Path())))
    assert isinstance(revised, CampaignRevised)
    assert revised.definition.parameters.root["rate"].bounds == (0.1234567890123, 0.25)
    assert isinstance(proposed, TrialProposed)
    assert proposed.point["size"] == 1 / 3


def test_lines_that_are_all_indented_are_read_as_they_are(client: httpx.Client, ledger: Path):
    answer = ask(client, "change", changes="  budget:\n    trials: 40\n  workers: 5\n")
    assert answer.status_code == 200, answer.text
    [event] = written(ledger)
    assert isinstance(event, CampaignRevised)
    assert (event.definition.budget.trials, event.definition.workers) == (40, 5)


def test_changes_are_refused_if_this_version_does_not_know_the_recorded_proposer():
    story = Story()
    settings = ReadOnlyDict(SETTINGS | {"proposer": {"kind": "of_a_later_version"}})
    story.events[0] = story.events[0].model_copy(update={"settings": settings})
    with pytest.raises(Refused, match=r"does not know the recorded proposer.*Nothing was written"):
        with_changes(story.history, "workers: 5")
