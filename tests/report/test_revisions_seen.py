"""Revisions, fixed values and trials outside of the space are shown everywhere."""

import json
from typing import Any

import pytest
from standing import status_lines
from told_stories import Story, at, campaign_of

from overnight.campaign import Campaign
from overnight.campaign.history.events import CampaignDefined, CampaignRevised
from overnight.report.explanation import outside_sentence
from overnight.report.html import render_report
from overnight.report.story import story_of
from overnight.report.story.revisions import changes_of

RATE: dict[str, Any] = {"kind": "float", "low": 1e-4, "high": 1.0, "scale": "log", "unit": "1/s"}
PARAMETERS: dict[str, Any] = campaign_of().model_dump(mode="json", exclude_none=True)["parameters"]


def told(*revisions: Campaign, actor: str = "ada@home") -> Story:
    """Return a campaign with two trials that was then revised."""
    story = Story()
    defined = story.events[0]
    assert isinstance(defined, CampaignDefined)
    settings = {"proposer": {"kind": "bayesian", "outside": "learn"}}
    story.events[0] = defined.model_copy(update={"settings": settings})
    story.tried(1, 1, 0.5)
    story.tried(2, 3, 0.25, point={"rate": 0.5, "depth": 2, "mode": "fast", "cache": True})
    for number, definition in enumerate(revisions, start=1):
        about: dict[str, Any] = {"time": at(5), "actor": actor, "why": "too hot", "settings": settings}
        story.events.append(CampaignRevised(revision=number, definition=definition, **about))
    return story


NARROWED = campaign_of(parameters=PARAMETERS | {"rate": RATE | {"high": 0.2}})


def test_status_shows_the_newest_revision_of_a_person_and_the_trials_outside():
    lines = status_lines(told(campaign_of(workers=3), NARROWED).history)
    assert (
        "revision 2 by ada@home at 2026-11-03 21:05 UTC (too hot): narrows rate to 0.0001 to 0.2 1/s, log; "
        "changes `workers`"
    ) in lines
    assert "1 of 2 trials lies outside of the present space; the model learns from those nearby" in lines
    assert not any("revision 1" in line for line in lines)


def test_status_shows_what_is_fixed_and_whether_only_for_this_run():
    fixed = campaign_of(fix={"depth": 4})
    assert "fixed: depth = 4" in status_lines(told(fixed).history)
    lines = status_lines(told(fixed, actor="user").history)
    assert "fixed for this run: depth = 4" in lines
    assert not any(line.startswith("revision") for line in lines)


def test_a_campaign_that_was_never_revised_shows_nothing_of_it():
    lines = status_lines(told().history)
    assert not any(word in line for line in lines for word in ("revision", "fixed", "outside"))


def test_programs_and_the_page_have_all_revisions():
    history = told(campaign_of(workers=3), NARROWED).history
    story = story_of(history, at(9))
    found = json.loads(story.model_dump_json())["revisions"]
    assert [(each["number"], each["by"], each["why"]) for each in found["revisions"]] == [
        (1, "ada@home", "too hot"),
        (2, "ada@home", "too hot"),
    ]
    assert found["revisions"][0]["changes"] == ["changes `workers`"]
    assert found["outside"] == [2]
    page = render_report(history, story)
    assert "<h2>Revisions</h2>" in page
    assert page.index("narrows rate") < page.index("changes `workers`", page.index('id="revisions"'))
    assert "<h2>Revisions</h2>" not in render_report(told().history, story_of(told().history, at(9)))


def test_explain_states_since_which_revision_a_trial_lies_outside():
    history = told(campaign_of(workers=3), NARROWED).history
    assert outside_sentence(history, history.trials[1]) is None
    sentence = outside_sentence(history, history.trials[2])
    assert (
        sentence == "It lies outside of the space since revision 2: its point is neither recommended nor tried again."
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rate": RATE | {"high": 2.0}}, "widens rate to 0.0001 to 2 1/s, log"),
        ({"rate": RATE | {"low": 0.01, "high": 2.0}}, "moves rate to 0.01 to 2 1/s, log"),
        ({"mode": {"kind": "categorical", "choices": ["slow", "fast", "odd"]}}, "widens mode to slow, fast, odd"),
        ({"depth": {"kind": "fixed", "value": 3}}, "keeps depth at 3"),
        ({"extra": {"kind": "int", "low": 0, "high": 9, "was": 0}}, "adds extra (0 to 9; 0 before)"),
    ],
)
def test_a_changed_parameter_is_described(changes: dict[str, Any], words: str):
    assert [*changes_of(campaign_of(), campaign_of(parameters=PARAMETERS | changes))] == [words]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fix": {"depth": 4}}, ["fixes depth = 4"]),
        ({"parameter_constraints": ["depth >= 2"]}, ["adds the constraint depth >= 2"]),
        ({"constraints": ["p99 <= 3"]}, ["adds the limit p99 <= 3"]),
        ({"baseline": None}, ["has no baseline"]),
        ({"budget": {"trials": 20}}, ["has 20 trials instead of 10"]),
        ({"workers": 5, "confirm": 2}, ["changes `workers`, `confirm`"]),
    ],
)
def test_other_changes_are_described_both_ways(changes: dict[str, Any], words: list[str]):
    old, new = campaign_of(), campaign_of(**changes)
    assert [*changes_of(old, new)] == words
    assert len([*changes_of(new, old)]) == 1


def test_another_baseline_of_a_campaign_with_contexts_is_described():
    baseline, contexts = dict(campaign_of().baseline or {}), {"load": ["a", "b"]}
    old, new = (campaign_of(context=contexts, baseline=baseline | {"depth": depth}) for depth in (2, 3))
    [words] = changes_of(old, new)
    assert words.startswith("has the baseline ")
    assert "depth = 3" in words
