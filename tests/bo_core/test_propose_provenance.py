import math

import pytest
from told_campaigns import MODEL, add, campaign_of, cube, defined, provenance_of, told

from bo_core.propose import propose
from campaign import History


def test_every_point_of_a_batch_says_which_model_and_seed_it_came_from() -> None:
    campaign = campaign_of(cube(3))
    first, second = (provenance_of(p) for p in propose(campaign, told(campaign, 10, pending=2), MODEL, 2))
    assert (first.seed, first.hyperparameters) == (second.seed, second.hyperparameters)
    assert first.hyperparameters is not None
    assert [len(values) for values in first.hyperparameters.values()] == [3, 1]
    assert (first.observed, first.pending) == (10, (11, 12))
    assert (first.device, first.threads) == ("cpu", 1)
    assert {"torch", "gpytorch", "numpy"} <= set(first.libraries)


def test_each_proposal_has_a_seed_of_its_own() -> None:
    campaign, other = campaign_of(cube(2)), campaign_of(cube(2), seed=1)
    history = told(campaign, 6)
    [first] = propose(campaign, history, MODEL, 1)
    [next_one] = propose(campaign, add(history, [first]), MODEL, 1)
    [elsewhere] = propose(other, history, MODEL, 1)
    assert len({provenance_of(p).seed for p in (first, next_one, elsewhere)}) == 3


def test_the_prediction_is_in_the_metrics_own_unit() -> None:
    campaign = campaign_of(cube(2))
    [proposal] = propose(campaign, told(campaign, 20, noise=0.0), MODEL, 1)
    provenance = provenance_of(proposal)
    assert provenance.predicted_mean is not None
    assert provenance.predicted_sd is not None
    exact = sum((float(x) - 0.3) ** 2 for x in proposal.point.values())
    assert abs(provenance.predicted_mean - exact) < 0.05
    assert 0.0 < provenance.predicted_sd < 0.1


def test_hyperparameters_are_written_to_the_last_bit_as_a_warm_start_needs_them() -> None:
    campaign = campaign_of(cube(2))
    [proposal] = propose(campaign, told(campaign, 10), MODEL, 1)
    written = proposal.model_dump_json()
    assert type(proposal).model_validate_json(written) == proposal


def test_a_warm_start_that_misleads_does_not_spoil_the_fit() -> None:
    campaign = campaign_of(cube(2))
    history = told(campaign, 12)
    [cold] = propose(campaign, history, MODEL, 1)
    absurd = {"length_scales": (0.025, 1e4), "noise_variance": (10.0,)}
    changed = provenance_of(cold).model_copy(update={"hyperparameters": absurd})
    misleading = cold.model_copy(update={"provenance": changed})
    [after_absurd] = propose(campaign, add(history, [misleading]), MODEL, 1)
    [after_good] = propose(campaign, add(history, [cold]), MODEL, 1)
    found, expected = (provenance_of(p).hyperparameters or {} for p in (after_absurd, after_good))
    assert found["length_scales"] == pytest.approx(expected["length_scales"], rel=1e-2)


def test_a_sobol_point_says_from_which_seed_it_came() -> None:
    campaign = campaign_of(cube(2), seed=5)
    [proposal] = propose(campaign, History.from_events([defined(campaign)]), MODEL, 1)
    provenance = provenance_of(proposal)
    assert provenance.hyperparameters is None
    assert provenance.acquisition_value is None
    assert math.isfinite(provenance.seed)
