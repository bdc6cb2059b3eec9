import math
import random
from collections.abc import Sequence

import pytest
from told_campaigns import MODEL, bowl, campaign_of, cube, distance, history_of, key, provenance_of, some_points

from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History, Point, Proposal

CUBE = campaign_of(cube(2))
POINTS = some_points(CUBE, 8)
NOISY = random.Random(4)
BOWL = [bowl(p) + 0.01 * NOISY.gauss(0, 1) for p in POINTS]


def check(campaign: Campaign, history: History) -> list[Proposal]:
    """Return two proposals, after checking that every number is finite and every point is new and in the space."""
    proposals = propose(campaign, history, MODEL, 2)
    known = {key(t.point) for t in history.trials.values()}
    assert len({key(p.point) for p in proposals} - known) == 2
    for proposal in proposals:
        assert campaign.space.point(proposal.point) == proposal.point
        provenance = provenance_of(proposal)
        predicted, model = provenance.predicted["loss"], provenance.models.metrics["loss"]
        numbers = [provenance.chosen.value, predicted.mean, predicted.sd, provenance.chosen.jitter]
        numbers += [x for values in model.hyperparameters.values() for x in values]
        assert all(x is not None and math.isfinite(x) for x in numbers)
    return proposals


SITUATIONS: dict[str, tuple[Sequence[Point], Sequence[float], Sequence[float | None] | None]] = {
    "one point eight times": ([POINTS[0]] * 8, BOWL, None),
    "one point eight times, exact and contradicting": ([POINTS[0]] * 8, BOWL, [0.0] * 8),
    "one point eight times, exact and agreeing": ([POINTS[0]] * 8, [1.0] * 8, [0.0] * 8),
    "duplicates that contradict exact ones": ([POINTS[0]] * 4 + POINTS[1:5], BOWL, [0.0] * 8),
    "duplicates within rounding": ([{"x0": 0.5 + i * 1e-16, "x1": 0.5} for i in range(8)], BOWL, [0.0] * 8),
    "a tight cluster": ([{"x0": 0.5 + i * 1e-7, "x1": 0.5} for i in range(8)], BOWL, [0.0] * 8),
    "constant": (POINTS, [3.0] * 8, None),
    "constant zero, exact": (POINTS, [0.0] * 8, [0.0] * 8),
    "constant but for rounding": (POINTS, [1.0 + i * 1e-16 for i in range(8)], [1e-17] * 8),
    "tiny": (POINTS, [1e-300 * y for y in BOWL], None),
    "denormal": (POINTS, [i * 5e-324 for i in range(8)], None),
    "vast": (POINTS, [1e200 * y for y in BOWL], None),
    "a huge outlier": (POINTS, [*BOWL[:7], 1e6], None),
    "a huge outlier to the good": (POINTS, [*BOWL[:7], -1e6], [0.01] * 8),
    "noise that dominates": (POINTS, BOWL, [100.0] * 8),
    "one noise that is beyond all numbers": (POINTS, BOWL, [1e200] + [None] * 7),
    "exact, noisy and unknown": (POINTS, BOWL, [0.0, 0.1, None, 0.0, None, 1.0, 1e-12, None]),
    "two": (POINTS[:2], BOWL[:2], None),
    "two that are alike": (POINTS[:2], [1.0, 1.0], None),
    "corners": ([{"x0": float(i), "x1": float(j)} for i in (0, 1) for j in (0, 1)], [0.0, 1.0, 2.0, 3.0], [0.0] * 4),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_whatever_was_measured_the_proposals_are_sound(name: str) -> None:
    points, means, sems = SITUATIONS[name]
    # Pending points coincide with observed ones, two of them with the same one.
    check(CUBE, history_of(CUBE, points, means, sems, pending=[points[0], points[0], points[-1]]))


def test_two_observations_in_ten_dimensions_are_enough_to_go_on() -> None:
    campaign = campaign_of(cube(10))
    points = some_points(campaign, 4)
    check(campaign, history_of(campaign, points[:2], [0.1, 0.2], pending=points[2:]))


def test_thirty_pending_trials_outnumber_the_observed_ones() -> None:
    pending = some_points(CUBE, 30, seed=3)
    check(CUBE, history_of(CUBE, POINTS[:3], BOWL[:3], pending=pending))


@pytest.mark.parametrize(("scale", "shift"), [(1e-9, 0.0), (1e9, 0.0), (1.0, -1e3), (1e9, 1e9)])
@pytest.mark.parametrize("sem", [None, 0.02])
def test_the_unit_of_the_metric_does_not_matter(scale: float, shift: float, sem: float | None) -> None:
    plain = history_of(CUBE, POINTS, BOWL, [sem] * 8)
    other = [scale * y + shift for y in BOWL]
    changed = history_of(CUBE, POINTS, other, [None if sem is None else scale * sem] * 8)
    [expected], [found] = propose(CUBE, plain, MODEL, 1), propose(CUBE, changed, MODEL, 1)
    assert distance(found.point, expected.point) < 1e-3
    mean = provenance_of(expected).predicted["loss"].mean
    assert mean is not None
    assert provenance_of(found).predicted["loss"].mean == pytest.approx(
        scale * mean + shift, rel=1e-3, abs=1e-3 * scale
    )


def test_exact_results_are_believed_and_noisy_ones_are_smoothed() -> None:
    def predicted_sd(sem: float) -> float:
        history = history_of(CUBE, POINTS, BOWL, [sem] * 8)
        sd = provenance_of(propose(CUBE, history, MODEL, 1)[0]).predicted["loss"].sd
        assert sd is not None
        return sd

    assert predicted_sd(0.0) < predicted_sd(0.2)
