"""The keys of an A/B test: what they mean, and how contradictions are refused with their paths."""

import math
from datetime import timedelta

import pytest
from pydantic import ValidationError

from overnight.campaign import Campaign
from overnight.campaign.experiment.settings import Decide, RampUp, Traffic

FILE = {
    "name": "search",
    "kind": "ab_test",
    "parameters": {"size": {"kind": "int", "low": 0, "high": 99}},
    "maximize": "clicks",
    "constraints": ["hides <= 1.01 * baseline"],
    "arms": 8,
    "traffic": {"unit": "users", "per_batch": 200_000, "status_quo": 0.2},
    "decide": {"at_least": 0.95, "looks": "daily"},
    "baseline": {"size": 0},
    "budget": {"trials": 40},
}


def problems(**changes: object) -> list[tuple[str, str]]:
    file = {key: value for key, value in (FILE | changes).items() if value is not None}
    with pytest.raises(ValidationError) as refused:
        Campaign.model_validate(file)
    [error] = refused.value.errors()
    found = error["ctx"]["error"].problems
    return [(".".join(map(str, problem.where)), problem.text) for problem in found]


def test_a_complete_file_is_an_a_b_test_whose_arms_run_at_once():
    campaign = Campaign.model_validate(FILE)
    assert campaign.is_ab_test
    assert campaign.at_once == 8
    assert campaign.has_stopping_rule
    assert campaign.decide == Decide(at_least=0.95, looks=timedelta(days=1))


def test_another_campaign_has_as_many_trials_at_once_as_workers():
    tuning = {key: FILE[key] for key in ("name", "parameters", "maximize", "budget")}
    campaign = Campaign.model_validate(tuning | {"workers": 3})
    assert not campaign.is_ab_test
    assert campaign.at_once == 3
    assert not campaign.has_stopping_rule


@pytest.mark.parametrize(
    ("changes", "where", "expected"),
    [
        ({"kind": None}, "arms", "expected `kind: ab_test`"),
        ({"arms": None}, "arms", "expected it in an A/B test"),
        ({"traffic": None}, "traffic", "expected it in an A/B test"),
        ({"constraints": None, "baseline": None}, "baseline", "expected the status quo"),
        ({"confirm": 3}, "confirm", "`ramp_up`"),
        ({"stop_when": {"expected_gain_below": 1.0}}, "stop_when", "ends with its `budget`"),
        ({"stop_early": {"rule": "median"}}, "stop_early", "by their looks"),
        ({"noise": "none"}, "noise", "every arm reports a standard error"),
        ({"workers": 2}, "workers", "one after the other"),
        ({"budget": {"trials": 40, "cost": 3.0}}, "budget.cost", "started as a whole"),
        ({"budget": {"trials": 40, "evaluations": 50}}, "budget.evaluations", "started as a whole"),
        ({"budget": {"trials": 9}}, "budget.trials", "expected at least 10: a batch of 8 arms"),
        ({"budget": {"trials": 13}, "ramp_up": {"stages": [0.1, 0.2, 0.5]}}, "budget.trials", "expected at least 14"),
        ({"traffic": {"per_batch": 289}}, "traffic.per_batch", "expected at least 290"),
        (
            {"traffic": {"per_batch": 2999}, "ramp_up": {"stages": [0.01]}},
            "traffic.per_batch",
            "expected at least 3000",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(changes, where, expected):
    found = dict(problems(**changes))
    assert where in found
    assert expected in found[where]


def test_several_objectives_are_refused_because_arms_are_compared_by_one():
    found = dict(problems(maximize=None, objectives=[{"maximize": "clicks"}, {"maximize": "likes"}]))
    assert "by one metric" in found["objectives"]


@pytest.mark.parametrize("others", [1, 2, 7, 40])
def test_without_a_share_the_status_quo_has_that_of_the_most_exact_comparisons(others):
    share = Traffic(per_batch=1000).share_of_status_quo(others)

    def variance(share: float) -> float:
        return 1 / share + others / (1 - share)

    step = 1e-4
    assert variance(share) <= min(variance(share - step), variance(share + step))
    assert math.isclose(Traffic(per_batch=10, status_quo=0.3).share_of_status_quo(others), 0.3)


@pytest.mark.parametrize(
    ("written", "looks"),
    [("hourly", timedelta(hours=1)), ("weekly", timedelta(weeks=1)), ("6h", timedelta(hours=6))],
)
def test_looks_are_words_or_durations(written, looks):
    assert Decide.model_validate({"looks": written}).looks == looks


@pytest.mark.parametrize("stages", [[], [0.5, 0.1], [0.1, 0.1], [0.0], [1.0]])
def test_stages_are_growing_shares_of_the_traffic(stages):
    with pytest.raises(ValidationError):
        RampUp.model_validate({"stages": stages})
