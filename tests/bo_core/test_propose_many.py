"""Proposals from 512 and more observations, which are fitted quickly."""

import pytest
from told_campaigns import MIXED, MODEL, add, campaign_of, cube, observed, provenance_of, told

from overnight.bo_core.appraisal.appraise import appraise
from overnight.bo_core.choice import Asked
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer, recorded_proposer
from overnight.campaign import History, Proposal

QUICK = MODEL
THOROUGH = MODEL.model_copy(update={"fits": "thorough"})
CAMPAIGN = campaign_of(cube(2), budget={"trials": 10_000})


@pytest.fixture(scope="module", name="first")
def _first() -> tuple[History, Proposal]:
    """Return a history of 520 observations and a proposal from it."""
    history = told(CAMPAIGN, 520, pending=1)
    [proposal] = propose(CAMPAIGN, history, QUICK, 1)
    return history, proposal


def after(first: tuple[History, Proposal], loss: float) -> History:
    """Return the history with the proposal added and one more result."""
    history, proposal = first
    return add(history, [proposal]).extended([observed(521, loss)])


def test_fewer_observations_are_always_fitted_thoroughly() -> None:
    history = told(CAMPAIGN, 120, pending=2)
    assert propose(CAMPAIGN, history, QUICK, 2) == propose(CAMPAIGN, history, THOROUGH, 2)


def test_observations_with_categories_are_always_fitted_thoroughly() -> None:
    campaign = campaign_of(MIXED, budget={"trials": 10_000})
    history = told(campaign, 520)
    assert propose(campaign, history, QUICK, 1) == propose(campaign, history, THOROUGH, 1)


def test_a_quick_fit_of_many_observations_is_not_the_thorough_one_but_predicts_nearly_the_same(
    first: tuple[History, Proposal],
) -> None:
    history, quick = first
    [thorough] = propose(CAMPAIGN, history, THOROUGH, 1)
    assert thorough != quick
    one, other = (provenance_of(proposal).predicted["loss"] for proposal in (quick, thorough))
    assert one.mean == pytest.approx(other.mean, abs=0.02)


def test_the_same_question_of_many_observations_gets_the_same_answer() -> None:
    history = told(CAMPAIGN, 520, pending=1)
    assert propose(CAMPAIGN, history, QUICK, 1) == propose(CAMPAIGN, history, QUICK, 1)


def test_hyperparameters_are_kept_after_one_more_result(first: tuple[History, Proposal]) -> None:
    [proposal] = propose(CAMPAIGN, after(first, 0.3), QUICK, 1)
    before, now = (provenance_of(each).models.metrics["loss"] for each in (first[1], proposal))
    assert now.hyperparameters == before.hyperparameters
    assert [ending.split(" at ")[0] for ending in now.starts.values()] == ["kept"]


def test_hyperparameters_are_not_kept_after_a_result_that_changes_the_scale(first: tuple[History, Proposal]) -> None:
    believing = QUICK.model_copy(update={"outliers": "believe"})
    [proposal] = propose(CAMPAIGN, after(first, -100.0), believing, 1)
    before, now = (provenance_of(each).models.metrics["loss"] for each in (first[1], proposal))
    assert now.hyperparameters != before.hyperparameters


def test_hyperparameters_are_kept_after_a_result_that_is_doubted(first: tuple[History, Proposal]) -> None:
    [proposal] = propose(CAMPAIGN, after(first, -100.0), QUICK, 1)
    before, now = (provenance_of(each).models.metrics["loss"] for each in (first[1], proposal))
    assert now.hyperparameters == before.hyperparameters
    assert now.suspects == (521,)


def test_a_proposal_with_kept_hyperparameters_is_appraised_with_the_numbers_that_its_search_saw(
    first: tuple[History, Proposal],
) -> None:
    history = after(first, 0.3)
    batch = propose(CAMPAIGN, history, QUICK, 1)
    [appraisal] = appraise(Asked(CAMPAIGN, history, QUICK, Encoding(CAMPAIGN.space), (), 1), batch)
    assert appraisal.objections == []
    assert appraisal.ahead <= 0.0


def test_a_ledger_from_before_fits_were_quick_is_read_as_it_was_made() -> None:
    settings = BayesianProposer().model_dump(mode="json")
    del settings["fits"]
    assert recorded_proposer(settings) == BayesianProposer(fits="thorough")
