"""No finite results stop a campaign, however large, small or alike they are."""

import math
import sys
from collections.abc import Sequence

import pytest
import torch
from told_campaigns import MODEL, NOON, attempt, campaign_of, cube, defined, history_of, observed, proposed, some_points

from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.data.stopped import expected_finals
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import SobolProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Measurement, Objective
from overnight.campaign.history.events import MeasurementReported, TrialStopped

MOST, LEAST = sys.float_info.max, 5e-324
FEW = MODEL.model_copy(update={"draws": 16, "raw_points": 32, "restarts": 2})
FINITE = {"a": {"kind": "int", "low": 0, "high": 9}, "b": {"kind": "categorical", "choices": ["u", "v"]}}
RESULTS = {
    "a penalty of the largest float": (0.07, 0.05, 0.03, 0.01, 0.09, 0.02, MOST),
    "penalties of 1e307": (1e307, 0.1, 0.2, 1e307, 0.3, 0.4, 1e307),
    "both ends": (-MOST, MOST, 0.0, 1.0, 2.0, 3.0),
    "all at one end": (MOST,) * 5,
    "all but one at the other": (-MOST, -MOST, -MOST, MOST),
    "from the least to the largest": (1e-308, 1e308, 1.0, 2.0, 3.0, 4.0),
    "the least": (LEAST, 1e-323, 0.0, 1e-310, 2e-310),
    "a spread of 1e-200 beside the largest": (MOST, *(i * 1e-200 for i in range(8))),
    "a spread of rounding beside the largest": (*(1.0 + 3e-16 * i for i in range(6)), MOST),
}


def points(campaign: Campaign, means: Sequence[float], sem: float | None) -> History:
    some = some_points(campaign, len(means) + 1)
    return history_of(campaign, some[:-1], means, [sem] * len(means), pending=some[-1:])


@pytest.mark.parametrize("means", RESULTS.values(), ids=RESULTS)
def test_a_model_proposes_and_recommends_after_any_finite_results(means: tuple[float, ...]) -> None:
    for parameters, goal in ((cube(2), {}), (FINITE, {"maximize": "gain"})):
        campaign = campaign_of(parameters, **goal)
        for sem in (None, 0.0, MOST):
            history = points(campaign, means, sem)
            [proposal] = propose(campaign, history, FEW, 1)
            made = proposal.provenance
            assert made is not None
            assert proposal.generator == "model", made.asked.away
            found = recommend(campaign, history, FEW)
            assert found is not None
            assert found.without_model is None
            [predicted] = made.predicted.values()
            numbers = [predicted.mean, predicted.sd, predicted.low, predicted.high]
            numbers += [made.chosen.value, made.chosen.expected_gain, found.mean, found.sd, found.probability_best]
            assert all(number is not None and math.isfinite(number) for number in numbers)


@pytest.mark.parametrize("size", [1.0, 1e-12, 1e270])
def test_small_results_keep_their_proportions_beside_the_largest_float(size: float) -> None:
    means = [size * mean for mean in (7.0, 5.0, 3.0, 1.0, 9.0, 2.0, 4.0)]
    less = Objective(metric="loss", direction="minimize")
    y = Outcomes.of([Measurement(mean=mean) for mean in (*means, MOST)], less).y
    # The better half lies above the tail.
    better = torch.tensor([3, 5, 2, 6])
    apart = (y[better] - y[3]) / (y[5] - y[3])
    torch.testing.assert_close(apart, torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64), rtol=1e-9, atol=1e-9)
    assert bool((y[:-1] > y[-1]).all())


def unreadable(campaign: Campaign, mean: float = math.nan) -> History:
    """Return a history with a result that no evaluator can report and to which no model can be fitted."""
    some = some_points(campaign, 3)
    history = history_of(campaign, some[:2], [0.3, 0.1])
    torn = observed(3, 0.0).model_copy(update={"metrics": {"loss": Measurement.model_construct(mean=mean, sem=None)}})
    return history.extended([proposed(3, some[2]), torn])


def test_points_of_the_sobol_sequence_stand_in_for_a_model_that_cannot_be_computed_and_say_so() -> None:
    campaign = campaign_of(cube(2))
    history = unreadable(campaign)
    stand_ins, of_sobol = propose(campaign, history, FEW, 2), propose(campaign, history, SobolProposer(), 2)
    assert [p.point for p in stand_ins] == [p.point for p in of_sobol]
    for stand_in in stand_ins:
        assert stand_in.generator == "sobol"
        assert stand_in.provenance is not None
        assert stand_in.provenance.asked.stand_in == "sobol"
        assert "could not be" in (stand_in.provenance.asked.away or "")


def test_the_best_measurement_is_recommended_if_no_model_can_be_computed() -> None:
    campaign = campaign_of(cube(2))
    found = recommend(campaign, unreadable(campaign), FEW)
    assert found is not None
    assert (found.trial, found.mean, found.sd) == (2, 0.1, None)
    assert found.probability_best == pytest.approx(1 / 3)
    assert "could not be" in (found.without_model or "")


def test_the_end_of_a_stopped_trial_is_expected_also_from_reports_at_both_ends_of_the_floats() -> None:
    campaign = campaign_of(cube(1))
    events = [defined(campaign)]
    values = [-MOST, -0.5 * MOST, 0.0, 0.5 * MOST, MOST, 0.25 * MOST]
    for i, (point, value) in enumerate(zip(some_points(campaign, 6), values, strict=True), start=1):
        metrics = {"loss": Measurement(mean=value)}
        report = MeasurementReported(time=NOON, actor="test", trial=i, attempt=1, step=1, metrics=metrics)
        stopped = TrialStopped(
            time=NOON,
            actor="test",
            trial=i,
            attempt=1,
            rule="median",
            metric="loss",
            step=1,
            value=0.0,
            threshold=0.0,
            why="bad",
        )
        events += [proposed(i, point), attempt(i), report, stopped if i == 6 else observed(i, value)]
    expected = expected_finals(campaign, History.from_events(events).model_view(), campaign.objective.metric)
    assert expected[6].mean == pytest.approx(0.25 * MOST, rel=1e-9)
