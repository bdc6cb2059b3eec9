"""The contexts of the next trials: those with the fewest so far, in the order of the file."""

from datetime import UTC, datetime

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from overnight.campaign import Campaign, History
from overnight.campaign.errors import Refused
from overnight.campaign.history.events import CampaignDefined, Event, TrialAbandoned, TrialProposed
from overnight.campaign.standing.turns import counts_of, open_to, turns

NOON = {"time": datetime(2026, 3, 1, 12, tzinfo=UTC), "actor": "test"}
CAMPAIGN = Campaign.model_validate(
    {
        "name": "turns",
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
        "context": {"site": ["a", "b", "c"]},
        "minimize": "loss",
        "budget": {"trials": 60},
    }
)


def tried(sites: str, *, generator: str = "sobol") -> list[Event]:
    events: list[Event] = [CampaignDefined(**NOON, uid="u", definition=CAMPAIGN)]
    for trial, site in enumerate(sites, 1):
        point = {"site": site, "x": trial / 100}
        proposed = {**NOON, "trial": trial, "point": point, "generator": generator}
        events.append(TrialProposed.model_validate(proposed))
    return events


def next_sites(history: History, q: int) -> str:
    found = turns(history, open_to(CAMPAIGN, None), q)
    return "".join(str(given["site"]) * count for given, count in found)


@for_any(st.text("abc", max_size=12), st.integers(0, 12))
def test_turns_are_those_of_one_trial_after_the_other(sites, q):
    counts = {site: sites.count(site) for site in "abc"}
    expected = []
    for _ in range(q):
        expected.append(min("abc", key=lambda site: counts[site]))
        counts[expected[-1]] += 1
    assert sorted(next_sites(History.from_events(tried(sites)), q)) == sorted(expected)


@for_any(st.text("abc", max_size=20))
def test_after_enough_turns_no_context_has_had_two_trials_more_than_another(sites):
    following = sites + next_sites(History.from_events(tried(sites)), 60)
    counts = [following.count(site) for site in "abc"]
    assert max(counts) - min(counts) <= 1


def test_trials_without_a_place_in_the_budget_do_not_count():
    history = History.from_events([*tried("a"), TrialAbandoned(**NOON, trial=1, why="no")])
    assert [count for _, count in counts_of(CAMPAIGN, history)] == [0, 0, 0]
    assert next_sites(history, 1) == "a"
    assert next_sites(History.from_events(tried("aa", generator="import")), 1) == "a"


def test_only_contexts_with_the_values_that_were_asked_for_are_open():
    assert open_to(CAMPAIGN, {"site": "b"}) == ({"site": "b"},)
    fixed = CAMPAIGN.model_copy(update={"fix": {"site": "c"}})
    assert open_to(fixed, None) == ({"site": "c"},)
    with pytest.raises(Refused, match="expected one of its contexts"):
        open_to(fixed, {"site": "b"})
