"""Knowledge of the noise: given in the campaign, reported, or learnt from repeats that agree to the last bit."""

import math

import pytest
from told_campaigns import MODEL, bowl, campaign_of, cube, history_of, observed, observed_by, proposed, some_points

from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer, recorded_proposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History

GRID = {name: {"kind": "int", "low": 0, "high": 7} for name in ("a", "b")}
REPEATING = MODEL.model_copy(update={"replication": "auto"})


def loss(point) -> float:
    return 0.1 * (point["a"] - 3) ** 2 + 0.07 * (point["b"] - 5) ** 2


def repeated(campaign: Campaign, times: int, wobble: float = 0.0, sem: float | None = None) -> History:
    """Return a history of eight points, the best of which is measured `times` more times."""
    points = some_points(campaign, 8)
    points += [min(points, key=loss)] * times
    means = [loss(point) for point in points]
    means[-1] += wobble
    return history_of(campaign, points, means, [sem] * len(points))


def is_exact(campaign: Campaign, history: History, *, learn: bool = True) -> bool:
    found = observed_by(campaign, history.model_view(), learn_noise=learn)
    assert found.exact == bool((found.outcomes.variance == 0.0).all())
    return found.exact


@pytest.mark.parametrize(
    ("times", "wobble", "sem", "exact"),
    [(0, 0.0, None, False), (2, 0.0, None, False), (3, 0.0, None, True), (5, 1e-15, None, False), (5, 0.0, 0.1, False)],
)
def test_three_repeats_that_agree_to_the_last_bit_say_that_there_is_no_noise(times, wobble, sem, exact) -> None:
    campaign = campaign_of(GRID)
    assert is_exact(campaign, repeated(campaign, times, wobble, sem)) is exact
    assert not is_exact(campaign, repeated(campaign, times, wobble, sem), learn=False)


@pytest.mark.parametrize("sem", [None, 0.3])
def test_without_noise_measurements_are_exact_whatever_standard_error_comes_with_them(sem) -> None:
    campaign = campaign_of(GRID, noise="none")
    assert is_exact(campaign, repeated(campaign, 0, sem=sem), learn=False)
    assert not is_exact(campaign_of(GRID, noise="infer"), repeated(campaign, 0, sem=sem))


@pytest.mark.parametrize("more", [{}, {"noise": "none"}])
def test_an_objective_without_noise_is_hardly_repeated_in_a_finite_space(more) -> None:
    campaign = campaign_of(GRID, **more)
    history = history_of(campaign, (points := some_points(campaign, 6)), [loss(point) for point in points])
    repeats = 0
    for trial in range(7, 31):
        [proposal] = propose(campaign, history, REPEATING, 1)
        assert proposal.provenance is not None
        repeats += proposal.provenance.chosen.acquisition == "replication"
        point = proposal.point
        history = history.extended([proposed(trial, point, "model", proposal.provenance), observed(trial, loss(point))])
    assert repeats <= (0 if more else 3)


def test_an_exact_result_is_reported_without_a_doubt_about_it() -> None:
    said = recommend(campaign := campaign_of(GRID), repeated(campaign, 4), REPEATING)
    ignored = recommend(campaign, repeated(campaign, 4), REPEATING.model_copy(update={"repeats": "ignore"}))
    assert said is not None
    assert ignored is not None
    assert said.sd < 1e-3
    assert ignored.sd > 2 * said.sd
    assert said.mean == pytest.approx(min(loss(t.point) for t in repeated(campaign, 4).trials.values()), abs=1e-3)


def test_a_ledger_from_before_noise_was_learnt_is_read_as_it_was_made() -> None:
    settings = BayesianProposer().model_dump(mode="json")
    assert recorded_proposer(settings) == BayesianProposer()
    for name in ("repeats", "tails", "hopeless"):
        del settings[name]
    assert recorded_proposer(settings) == BayesianProposer(repeats="ignore", tails="compressed", hopeless="ignore")


def test_a_campaign_without_noise_searches_a_continuum_below_what_noise_would_hide() -> None:
    campaign = campaign_of(cube(1), noise="none")
    history = history_of(campaign, (points := some_points(campaign, 3)), [bowl(point) for point in points])
    for trial in range(4, 12):
        [proposal] = propose(campaign, history, MODEL, 1)
        history = history.extended(
            [proposed(trial, proposal.point, "model", proposal.provenance), observed(trial, bowl(proposal.point))]
        )
    assert math.sqrt(min(bowl(trial.point) for trial in history.trials.values())) < 1e-3
