"""The commands by which people steer a campaign, without a controller: each reports its events or its refusal."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overnight.campaign.errors import InvalidDefinition, LedgerError, Refused
from overnight.campaign.history.events import TrialProposed
from overnight.campaign.history.provenance import MadeBy, Prediction, Provenance
from overnight.flows.cli import app
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.host.clock import SystemClock
from overnight.flows.session.journal import Journal
from overnight.flows.session.opening import open_campaign
from overnight.storage import open_ledger

DEFINITION = {
    "name": "bread",
    "parameters": {"heat": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "burnt",
    "approve": "always",
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 4},
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("campaign.yaml").write_text(json.dumps(DEFINITION))


async def begin(**predicted: Prediction) -> None:
    """Write the events of a controller that was drained while a trial awaits approval, with its predictions."""
    file, clock = load_campaign_file("campaign.yaml"), SystemClock()
    journal = Journal(open_ledger(file.ledger, file.campaign.name, Path()))
    await open_campaign(journal, file.campaign, file.settings(), clock)
    await journal.append(
        [
            TrialProposed(
                time=clock.now(),
                actor="controller",
                trial=1,
                point={"heat": 0.1},
                generator="sobol",
                parked=True,
                parked_because="it is cold",
                provenance=Provenance(made_by=MadeBy(seed=1), predicted=predicted) if predicted else None,
            )
        ]
    )


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_a_trial_that_waits_is_listed_with_all_objectives_that_are_predicted():
    objectives = [{"minimize": "burnt"}, {"maximize": "crust"}]
    several = {key: value for key, value in DEFINITION.items() if key != "minimize"} | {"objectives": objectives}
    Path("campaign.yaml").write_text(json.dumps(several))
    asyncio.run(begin(burnt=Prediction(mean=0.25, sd=0.125), crust=Prediction(mean=4.0, sd=0.5)))
    assert "heat=0.1; burnt 0.25 ± 0.12 and crust 4.00 ± 0.50 expected; waits because it is cold" in said("approvals")


def test_approvals_are_listed_and_decided():
    asyncio.run(begin())
    assert "trial 1 (sobol): heat=0.1; waits because it is cold" in said("approvals")
    assert "trial 1 awaits approval: it is cold" in said("status")
    assert "It had to be approved: it is cold." in said("explain", "1")
    assert "trial 1 approved; no controller runs here now" in said("approve", "1", "--why", "it looks tasty")
    assert "nothing awaits approval" in said("approvals")
    with pytest.raises(Refused, match="does not await approval: its status is `waiting`"):
        said("reject", "1", "--why", "too hot")


def test_points_results_and_ends_by_hand_are_written_and_shown():
    asyncio.run(begin())
    said("suggest", "--point", '{"heat": 0.5}', "--metrics", '{"burnt": 0.25}', "--why", "by hand")
    said("suggest", "--point", '{"heat": 0.75}', "--why", "a hunch")
    said("report-result", "3", "--metrics", '{"burnt": [0.5, 0.1]}')
    said("abandon", "1", "--why", "no time")
    rows = json.loads(said("trials", "--format", "json"))
    assert [(row["status"], row["burnt"]) for row in rows] == [
        ("abandoned", None),
        ("observed", 0.25),
        ("observed", 0.5),
    ]
    assert rows[0]["message"] == "no time"


def test_reasons_stand_below_the_table_of_trials_and_not_among_the_measurements():
    asyncio.run(begin())
    assert "trial 1, awaiting approval: it is cold" in said("trials").splitlines()
    said("reject", "1", "--why", "too hot")
    [line] = [line for line in said("trials").splitlines() if "too hot" in line]
    assert line.startswith("trial 1, rejected: too hot (")


def test_the_query_of_the_guide_lists_what_people_asked_for_in_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    guide = (Path(__file__).parents[3] / "docs" / "how-to" / "while-it-runs.md").read_text()
    [query] = re.findall(r'^overnight query "([^"]*)"$', guide, re.MULTILINE)
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    asyncio.run(begin())
    said("pause", "--why", "the oven is cleaned")
    said("reject", "1", "--why", "too hot")
    rows = [line.split("│") for line in said("query", query).splitlines() if "@" in line]
    assert [[cell.strip() for cell in row[3:6]] for row in rows] == [
        ["campaign_paused", "", "the oven is cleaned"],
        ["trial_rejected", "1", "too hot"],
    ]


def test_a_result_without_the_metric_of_a_constraint_is_written_with_a_note_that_is_printed():
    Path("campaign.yaml").write_text(json.dumps(DEFINITION | {"constraints": ["p99 (ms) <= 15", "[b] >= 0"]}))
    asyncio.run(begin())
    missing = "note: this result does not count as feasible: expected the metric `{}`, which a constraint limits, found"
    printed = said("report-result", "1", "--metrics", '{"burnt": 0.5, "p99 (ms)": NaN, "[b]": 1}')
    assert printed.splitlines()[1:] == [
        f"{missing.format('p99 (ms)')} `burnt`, `[b]`",
        "note: metric `p99 (ms)` was ignored: expected a finite number as mean, got nan",
    ]
    printed = said("suggest", "--point", '{"heat": 0.3}', "--metrics", '{"burnt": 0.5}', "--why", "seen")
    assert printed.splitlines()[1:] == [f"{missing.format(name)} `burnt`" for name in ("p99 (ms)", "[b]")]
    printed = said("suggest", "--point", '{"heat": 0.4}', "--why", "next")
    assert len(printed.splitlines()) == 1


def test_constraints_are_revised():
    Path("campaign.yaml").write_text(json.dumps(DEFINITION | {"constraints": ["p99 (ms) <= 15"]}))
    asyncio.run(begin())
    Path("campaign.yaml").write_text(json.dumps(DEFINITION | {"constraints": ["p99 (ms) <= 12"]}))
    assert "revised; it holds from the next proposal on" in said("revise", "--why", "users complain")
    kept = "select body from events where kind = 'campaign_revised'"
    assert "p99 (ms) <= 12" in said("query", kept, "--format", "json")
    with pytest.raises(Refused, match="the definition has not changed"):
        said("revise", "--why", "again")


def test_bounds_are_revised_with_word_of_the_trials_outside_of_them():
    definition = DEFINITION | {"evaluator": {"kind": "command", "command": ["true"], "time_limit": "1h"}}
    Path("campaign.yaml").write_text(json.dumps(definition))
    asyncio.run(begin())
    heat = {"kind": "float", "low": 0.25, "high": 1}
    Path("campaign.yaml").write_text(json.dumps(definition | {"parameters": {"heat": heat}}))
    printed = said("revise", "--why", "too cold")
    assert "1 of 1 trials lie outside its space" in printed
    assert "of these, abandoned because they were waiting: 1; running, and may finish: 0" in printed
    assert "deploy" not in printed
    window = {"window": "22:00-06:00 UTC", "parameters": {"heat": heat}}
    Path("campaign.yaml").write_text(json.dumps(definition | window))
    assert "`window` has changed: if this campaign is deployed, deploy it again" in said("revise", "--why", "at night")
    assert "nothing awaits approval" in said("approvals")


def test_a_window_that_changes_the_time_limit_of_evaluations_is_refused_with_the_way_out():
    asyncio.run(begin())
    Path("campaign.yaml").write_text(json.dumps(DEFINITION | {"window": "22:00-23:00 UTC"}))
    with pytest.raises(
        Refused, match=r"Only the evaluator's time limit has changed, from .* to 1800\.0.* `time_limit`"
    ):
        said("revise", "--why", "at night")


def test_a_file_that_check_refuses_is_no_revision_either():
    asyncio.run(begin())
    longer = {"window": "03:00-03:01 UTC", "evaluator": DEFINITION["evaluator"] | {"time_limit": "2m"}}
    Path("campaign.yaml").write_text(json.dumps(DEFINITION | longer))
    with pytest.raises(InvalidDefinition, match="window") as checked:
        said("check")
    with pytest.raises(InvalidDefinition) as revised:
        said("revise", "--why", "nights")
    assert str(revised.value) == str(checked.value)


def test_what_cannot_be_read_or_found_is_told_with_an_example():
    with pytest.raises(LedgerError, match="Run it first: overnight run"):
        said("pause", "--why", "lunch")
    asyncio.run(begin())
    with pytest.raises(Refused, match="point: expected JSON such as"):
        said("suggest", "--point", "heat=1", "--why", "")
    with pytest.raises(Refused, match="has no running controller: none has started yet"):
        said("drain")
