"""Steps, switches and logit scales: their values are the same in requests, in the ledger, in SQL and in reports."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from asked_campaign import CAMPAIGN
from read_ledgers import events_of
from standing import finding_lines, story_about

from overnight.campaign import Point
from overnight.campaign.errors import InvalidDefinition, Refused
from overnight.campaign.history.events import TrialProposed
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.host.clock import SystemClock
from overnight.flows.people.trials_by_hand import suggest
from overnight.flows.replay.again import replay
from overnight.report.html import render_report
from overnight.storage import ParquetLedger, open_ledger
from overnight.storage.sql import query

PARAMETERS = {
    "share": {"kind": "float", "low": 0, "high": 1, "step": 0.05},
    "batch": {"kind": "int", "low": 8, "high": 512, "step": 8, "scale": "log"},
    "keep": {"kind": "float", "low": 0.001, "high": 0.999, "scale": "logit"},
    "cache": {"kind": "bool"},
}
BASELINE = {"share": 0.1 + 0.05, "batch": 64.0, "keep": 0.5, "cache": False}


@pytest.fixture
def source(tmp_path: Path) -> dict:
    kept = {"ledger": str(tmp_path / "ledger"), "work": str(tmp_path / "work")}
    return CAMPAIGN | {"parameters": PARAMETERS, "baseline": BASELINE, "budget": {"trials": 12}, **kept}


def score(point: Point) -> float:
    return -abs(point["share"] - 0.35) - abs(point["keep"] - 0.9) + 0.5 * point["cache"] - point["batch"] / 1000


def tried(source: dict, count: int = 10) -> AskTell:
    campaign = AskTell(source)
    for _ in range(count):
        trial = campaign.ask()
        campaign.tell(trial, score(trial.point))
    return campaign


def ledger_of(source: dict) -> ParquetLedger:
    ledger = open_ledger(source["ledger"], source["name"], Path())
    assert isinstance(ledger, ParquetLedger)
    return ledger


def test_every_point_that_is_asked_is_recorded_and_queried_with_the_values_of_its_kinds(source):
    history = tried(source).history
    points = [trial.point for trial in history.trials.values()]
    assert points[0] == {"share": 0.15, "batch": 64, "keep": 0.5, "cache": False}
    assert {trial.proposal.generator for trial in history.trials.values()} == {"baseline", "sobol", "model"}
    for point in points:
        assert [type(value) for value in point.values()] == [float, int, float, bool]
        assert point["share"] == round(point["share"], 2)
        assert point["batch"] % 8 == 0
        assert 0.001 <= point["keep"] <= 0.999
    ledger = ledger_of(source)
    recorded = [json.loads(e.model_dump_json())["point"] for e in asyncio.run(events_of(ledger)) if hasattr(e, "point")]
    assert recorded == points
    asked = query(ledger, "select share, batch, keep, cache, typeof(cache) from trials order by trial")
    assert [row[:4] for row in asked.rows] == [tuple(point.values()) for point in points]
    assert {row[4] for row in asked.rows} == {"BOOLEAN"}


def test_what_the_model_proposed_is_proposed_again(source):
    tried(source)
    found = replay(asyncio.run(events_of(ledger_of(source))), Path())
    assert {each.verdict for each in found} == {"same"}


def test_the_report_and_the_status_show_values_as_a_person_writes_them(source):
    campaign = tried(source, 6)
    found = campaign.recommend()
    page = render_report(campaign.history, story_about(campaign.history, recommendation=found))
    page = re.sub(r"<script.*?</script>", "", page[page.index("<body") :], flags=re.DOTALL)
    shown = [page, "\n".join(finding_lines(campaign.history, found))]
    for words in (">false<", ">true<", ">0.15<"):
        assert words in "".join(shown[0].split())
    assert re.search(r"cache\s*[=:]?\s*true", shown[1])
    for text in shown:
        assert not re.search(r"\b(True|False)\b|0\.\d*(0{6}|9{6})", text)


def test_a_suggestion_within_rounding_of_a_step_becomes_its_value_and_another_is_refused(source):
    history, now = AskTell(source).history, SystemClock().now()
    history = history if history.defined is not None else tried(source, 1).history
    [proposed] = suggest(history, "ada", "", now, BASELINE | {"share": 3 * 0.05})
    assert isinstance(proposed, TrialProposed)
    assert proposed.point["share"] == 0.15
    with pytest.raises(
        Refused, match=r"`share`: expected .* steps of 0\.05 \(the nearest are 0\.15 and 0\.2\), got 0\.17"
    ):
        suggest(history, "ada", "", now, BASELINE | {"share": 0.17})
    with pytest.raises(Refused, match=r"`cache`: expected true or false, got 1"):
        suggest(history, "ada", "", now, BASELINE | {"cache": 1})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"baseline": BASELINE | {"share": 0.12}}, r"baseline\.share: expected .* \(the nearest are 0\.1 and 0\.15\)"),
        ({"start_with": [BASELINE | {"batch": 12}]}, r"start_with\.0\.batch: expected .* nearest are 8 and 16\)"),
        ({"baseline": BASELINE | {"cache": "yes"}}, r"baseline\.cache: expected true or false, got 'yes'"),
        (
            {"parameters": PARAMETERS | {"batch": {"kind": "int", "low": 1, "high": 9, "scale": "logit"}}},
            r"parameters\.batch\.scale: expected 'linear' or 'log', got 'logit'",
        ),
        (
            {"parameters": PARAMETERS | {"keep": {"kind": "float", "low": 0, "high": 0.9, "scale": "logit"}}},
            r"parameters\.keep: expected low > 0 on a logit scale, got 0",
        ),
        (
            {"parameters": PARAMETERS | {"share": {"kind": "float", "low": 0, "high": 1, "step": 0.3}}},
            r"parameters\.share: expected a high that is .* such as 0\.9 or 1\.2, got 1",
        ),
    ],
)
def test_a_mistake_is_refused_with_its_path_in_the_file(source, changes, words):
    with pytest.raises(InvalidDefinition, match=words):
        read_campaign(source | changes)
