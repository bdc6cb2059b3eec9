"""The report as JSON has the numbers of the ledger and the sentences of the page."""

import json
from typing import Any

import pytest
from parsed_page import Page
from told_kinds import KINDS, MARKUP, learnt

from overnight.report.formats.as_json import json_report
from overnight.report.html import render_report
from overnight.report.story import Story
from overnight.report.tables import trial_rows


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def of_kind(kind: str) -> dict[str, Any]:
    return json.loads(json_report(*KINDS[kind]()), parse_constant=refuse)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_campaign_has_the_same_keys(kind: str):
    keys = ["schema_version", "campaign", "finding", "confidence", "standing", "story", "trials", "failed_attempts"]
    assert list(of_kind(kind)) == keys
    assert of_kind(kind)["schema_version"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_story_is_complete_and_can_be_read_again(kind: str):
    _, story = KINDS[kind]()
    assert Story.model_validate(of_kind(kind)["story"]) == story


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_of_the_trials_are_those_of_the_ledger(kind: str):
    history, _ = KINDS[kind]()
    rows = of_kind(kind)["trials"]
    assert rows == trial_rows(history)
    found = {(row["trial"], row["status"]) for row in rows}
    assert found == {(trial.id, trial.status) for trial in history.trials.values()}
    metric = history.definition.objective.metric
    for row in rows:
        measured = history.trials[row["trial"]].measured.get(metric)
        assert (row[metric], row[f"{metric}_sem"]) == (
            (None, None) if measured is None else (measured.mean, measured.sem)
        )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "hostile"])
def test_the_sentences_are_those_of_the_page(kind: str):
    history, story = KINDS[kind]()
    page, found = Page(render_report(history, story)).text.replace("\u00a0", " "), of_kind(kind)
    for text in (found["finding"], found["standing"], " ".join(found["confidence"])):
        # The page shows what is between backticks as code.
        assert text.replace("`", "") in page


def test_what_the_model_has_learnt_is_in_the_story():
    found = of_kind("learnt")["story"]["insight"]["metrics"]
    _, story = learnt()
    assert story.insight is not None
    totals = {each["parameter"]: each["total"]["value"] for each in found[0]["importance"]}
    assert totals == {each.parameter: each.total.value for each in story.insight.metrics[0].importance}
    assert found[0]["judgement"]["verdict"] == "well"


def test_what_waits_and_what_went_wrong_are_there():
    found = of_kind("learnt")
    assert [each["trial"] for each in found["story"]["people"]["await_approval"]] == [4]
    assert found["story"]["failures"]["by_cause"]["configuration"] == 1
    assert [each["message"] for each in found["failed_attempts"]] == ["out of memory"]


def test_hostile_names_are_keys_and_texts():
    found = of_kind("hostile")
    assert found["trials"][0][MARKUP] == 1.5
    assert found["story"]["best"]["recommended"]["point"] == {MARKUP: MARKUP}
    assert "\x1b" not in json_report(*KINDS["hostile"]())
