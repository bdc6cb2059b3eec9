"""Trials that lie outside the space since a revision: what the model learns from them, and what may be chosen."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from told_campaigns import (
    MODEL,
    NOON,
    bowl,
    campaign_of,
    cube,
    defined,
    failed,
    history_of,
    observed,
    proposed,
    provenance_of,
    some_points,
    told,
)

from overnight.bo_core.acquisition import could_be_best
from overnight.bo_core.appraisal.appraise import appraise
from overnight.bo_core.choice import Asked
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.inside import view_around, view_inside
from overnight.bo_core.model import Model
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer, recorded_proposer
from overnight.bo_core.recommend import recommend
from overnight.bo_core.situated import situated
from overnight.bo_core.surrogate.scaling import warp
from overnight.campaign import Campaign, History, Measurement
from overnight.campaign.definition import lies_in
from overnight.campaign.history.events import CampaignRevised, Event, TrialObserved

LEARN = MODEL.model_copy(update={"outside": "learn", "outliers": "believe"})
IGNORE = LEARN.model_copy(update={"outside": "ignore"})
WHOLE = campaign_of(cube(2))
# The best point of the bowl, 0.3 in both, lies outside.
NARROWED = {"x0": {"kind": "float", "low": 0.5, "high": 1.0}, "x1": {"kind": "float", "low": 0.0, "high": 1.0}}


def revised(history: History, to: Campaign) -> History:
    """Return the history after a revision."""
    return history.extended([CampaignRevised(time=NOON, actor="ada", revision=1, definition=to)])


@pytest.mark.parametrize(
    "changes",
    [{"parameters": NARROWED}, {"parameters": cube(2), "parameter_constraints": ["x0 + x1 >= 0.9"]}],
)
def test_results_outside_teach_the_model_and_only_points_inside_are_chosen(changes: Mapping[str, Any]) -> None:
    campaign = campaign_of(**changes)
    history = revised(told(WHOLE, 12), campaign)
    inside = {trial.id for trial in history.trials.values() if lies_in(campaign, trial.point)}
    assert 2 <= len(inside) < 12
    proposals = propose(campaign, history, LEARN, 3)
    assert [provenance_of(each).knew.observed for each in proposals] == [12] * 3
    assert provenance_of(propose(campaign, history, IGNORE, 1)[0]).knew.observed == len(inside)
    assert all(lies_in(campaign, each.point) for each in proposals)
    for anywhere in (True, False):
        found = recommend(campaign, history, LEARN, anywhere=anywhere)
        assert found is not None
        assert lies_in(campaign, found.point)
        assert found.best_measured in inside


def test_a_better_point_outside_is_no_point_to_beat() -> None:
    campaign = campaign_of(NARROWED)
    points = [{"x0": x, "x1": y} for x in (0.1, 0.3, 0.6, 0.9) for y in (0.1, 0.5, 0.9)]
    history = revised(history_of(WHOLE, points, [bowl(point) for point in points]), campaign)
    [proposal] = propose(campaign, history, LEARN, 1)
    # The best inside is 0.13, at (0.6, 0.1) or (0.6, 0.5); the least that is possible is 0.04, at (0.5, 0.3).
    gain = provenance_of(proposal).chosen.expected_gain
    assert gain is not None
    assert 0.02 < gain < 0.2
    assert proposal.point["x0"] < 0.6


def test_what_lies_far_outside_and_what_has_no_features_is_left_out() -> None:
    campaign = campaign_of(
        {
            "x": {"kind": "float", "low": 1.0, "high": 10.0, "scale": "log"},
            "n": {"kind": "int", "low": 10, "high": 20},
            "tool": {"kind": "categorical", "choices": ["file", "mill"]},
        }
    )
    encoding = Encoding(campaign.space)

    def reaches(**changes: object) -> bool:
        return encoding.reaches({"x": 2.0, "n": 12, "tool": "mill"} | changes)

    assert reaches()
    assert reaches(x=0.1)
    assert reaches(n=30)
    assert not reaches(x=0.099)
    assert not reaches(n=31)
    assert not reaches(x=5e-324)
    assert not reaches(tool="saw")
    assert not encoding.reaches({"x": 2.0, "n": 12})


def test_trials_outside_that_are_still_running_are_left_out() -> None:
    campaign = campaign_of(NARROWED)
    history = told(WHOLE, 6, pending=6)
    view = view_around(campaign, history, Encoding(campaign.space))
    assert len(view.observed) == 6
    assert {trial.id for trial in view.observed} - {trial.id for trial in view.inside} == view.outside
    assert view.pending == view_inside(campaign, history).pending
    assert 0 < len(view.pending) < 6


def test_a_failure_outside_lowers_the_probability_of_a_result_nearby_and_is_not_drawn() -> None:
    campaign = campaign_of(NARROWED)
    history = told(WHOLE, 6).extended([proposed(7, {"x0": 0.45, "x1": 0.5}), failed(7)])
    encoding = Encoding(campaign.space)
    situation = situated(campaign, view_around(campaign, history, encoding), encoding, LEARN)
    assert len(situation.failed) == 1
    assert len(situation.without_value) == 0


def test_without_a_revision_the_setting_changes_nothing() -> None:
    history = told(WHOLE, 8)
    assert propose(WHOLE, history, LEARN, 2) == propose(WHOLE, history, IGNORE, 2)
    assert recommend(WHOLE, history, LEARN) == recommend(WHOLE, history, IGNORE)


def test_a_ledger_without_the_setting_ignores_trials_outside() -> None:
    for recorded in ({}, {"outside": "ignore"}, {"outside": "learn"}):
        proposer = recorded_proposer({"kind": "bayesian"} | recorded)
        assert isinstance(proposer, BayesianProposer)
        assert proposer.outside == recorded.get("outside", "ignore")


def test_a_proposal_that_learnt_from_outside_is_appraised_as_it_was_made() -> None:
    campaign = campaign_of(NARROWED)
    history = revised(told(WHOLE, 12), campaign)
    proposals = propose(campaign, history, LEARN, 2)
    asked = Asked(campaign, history, LEARN, Encoding(campaign.space), [], 2)
    for found in appraise(asked, proposals):
        assert all(figure.agrees for figure in found.figures)


def test_bounds_that_come_back_have_all_results_again() -> None:
    campaign = campaign_of(NARROWED)
    narrowed = revised(told(WHOLE, 12), campaign)
    back = narrowed.extended([CampaignRevised(time=NOON, actor="ada", revision=2, definition=WHOLE)])
    assert propose(WHOLE, back, LEARN, 1)[0].point == propose(WHOLE, told(WHOLE, 12), LEARN, 1)[0].point


TOOLS = {"x0": {"kind": "float", "low": 0.0, "high": 1.0}, "tool": {"kind": "categorical", "choices": ["saw", "file"]}}


@pytest.mark.parametrize("outside", ["learn", "ignore"])
@pytest.mark.parametrize(
    ("wider", "point"),
    [
        ({"x0": {"kind": "float", "low": 0.0, "high": 2.0}}, {"x0": 1.7, "tool": "saw"}),
        ({"tool": {"kind": "categorical", "choices": ["saw", "file", "lathe"]}}, {"x0": 0.5, "tool": "lathe"}),
    ],
)
def test_a_good_point_of_a_wider_space_is_not_chosen_once_the_first_space_is_back(
    wider: Mapping[str, Any], point: Mapping[str, Any], outside: str
) -> None:
    first, second = campaign_of(TOOLS), campaign_of({**TOOLS, **wider})
    points = [{"x0": x, "tool": tool} for x in (0.1, 0.3, 0.6, 0.9) for tool in ("saw", "file")]
    history = revised(history_of(first, points, [bowl(each) for each in points]), second)
    history = history.extended([proposed(9, dict(point)), observed(9, -3.0)])
    back = history.extended([CampaignRevised(time=NOON, actor="ada", revision=2, definition=first)])
    assert 9 not in {trial.id for trial in view_inside(first, back).observed}
    settings = LEARN.model_copy(update={"outside": outside})
    [proposal] = propose(first, back, settings, 1)
    found = recommend(first, back, settings)
    assert found is not None
    assert lies_in(first, proposal.point)
    assert lies_in(first, found.point)


def test_the_points_that_could_be_best_are_among_those_that_count() -> None:
    history = told(WHOLE, 10)
    view = view_inside(WHOLE, history)
    observed = situated(WHOLE, view, Encoding(WHOLE.space), LEARN).observed["loss"]
    model = Model.of(observed, LEARN, torch.Generator().manual_seed(0))

    def found(among: torch.Tensor | None) -> list[int]:
        return could_be_best(model.posterior, model.data.X, torch.Generator().manual_seed(1), among=among).tolist()

    everyone = found(None)
    assert found(torch.ones(10, dtype=torch.bool)) == everyone
    others = torch.ones(10, dtype=torch.bool)
    others[everyone] = False
    among = found(others)
    assert among
    assert not set(among) & set(everyone)


def test_a_warp_continues_evenly_beyond_the_cube_and_is_the_same_within() -> None:
    a, b = torch.tensor([[2.0]], dtype=torch.float64), torch.tensor([[0.5]], dtype=torch.float64)
    X = torch.tensor([[-1.0], [-0.25], [0.0], [0.3], [1.0], [1.5]], dtype=torch.float64)
    found = warp(X, a, b).flatten()
    inside = X.clamp(1e-9, 1 - 1e-9)
    plain = (1.0 - (1.0 - inside**a) ** b).flatten()
    assert found[2:5].equal(plain[2:5])
    assert (found[1:] - found[:-1] > 0).all()
    assert torch.allclose(found[[0, 1, 5]] - plain[[0, 1, 5]], torch.tensor([-1.0, -0.25, 0.5], dtype=torch.float64))


@pytest.mark.parametrize(
    ("settings", "constraints"),
    [
        ({"warping": "always"}, []),
        ({"hyperparameters": "average", "replication": "always"}, ["loss >= 0.1"]),
        ({"pending": "liar_max"}, ["loss >= 0.1"]),
    ],
)
def test_only_points_inside_are_chosen_whatever_the_settings(settings: Mapping[str, Any], constraints: Any) -> None:
    campaign = campaign_of(NARROWED, constraints=constraints)
    history = revised(told(WHOLE, 12, pending=2), campaign)
    for proposal in propose(campaign, history, LEARN.model_copy(update=settings), 2):
        assert lies_in(campaign, proposal.point)


def test_only_points_inside_are_on_the_front() -> None:
    goal: dict[str, Any] = {"minimize": None, "objectives": [{"minimize": "loss"}, {"maximize": "x0"}]}
    before, campaign = campaign_of(cube(2), **goal), campaign_of(NARROWED, **goal)
    events = list[Event]([defined(before)])
    for trial, point in enumerate(some_points(before, 12), start=1):
        metrics = {"loss": Measurement(mean=bowl(point)), "x0": Measurement(mean=float(point["x0"]))}
        events += [
            proposed(trial, point),
            TrialObserved(time=NOON, actor="test", trial=trial, attempt=1, metrics=metrics),
        ]
    history = revised(History.from_events(events), campaign)
    [proposal] = propose(campaign, history, LEARN, 1)
    assert provenance_of(proposal).knew.observed == 12
    assert lies_in(campaign, proposal.point)
    found = recommend(campaign, history, LEARN)
    assert found is not None
    assert all(lies_in(campaign, each.point) for each in found.front)


def test_a_view_without_trials_outside_is_the_view_inside() -> None:
    history = told(WHOLE, 6)
    assert view_around(WHOLE, history, Encoding(WHOLE.space)) == view_inside(WHOLE, history)
    assert view_inside(WHOLE, history).inside == view_inside(WHOLE, history).observed
