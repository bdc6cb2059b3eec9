import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest
from crossing import crossing
from told_arms import Metrics, ToldArms, measured

from overnight.bo_core.experiment.breaches import breach_of
from overnight.bo_core.experiment.spending import Look, boundaries, spent
from overnight.bo_core.experiment.verdicts import verdict
from overnight.campaign.experiment.verdict import CandidateVerdict, Judged

_NORMAL = NormalDist()
_BATCH, _ERROR = 1000, 0.04


def _stage(told: ToldArms, share: float = 0.5) -> tuple[int, int]:
    quo, arm = told.batch((0, 1 - share), (7, share), generator="ramp_up")
    return quo, arm


def _arms(stage: tuple[int, int], effect: float, fraction: float, share: float = 0.5) -> dict[int, Metrics]:
    """Return metrics of both arms after this share of a batch's traffic; a unit has a standard deviation of 10."""
    counts = [round(_BATCH * part * fraction) for part in (1 - share, share)]
    means = zip(stage, (20.0, 20.0 + effect), counts, strict=True)
    return {trial: {"clicks": measured(mean, 10 / math.sqrt(n), n)} for trial, mean, n in means}


def _look(told: ToldArms, stage: tuple[int, int], step: int, effect: float, fraction: float) -> None:
    told.look(step, _arms(stage, effect, fraction))


def _judged(told: ToldArms) -> CandidateVerdict:
    [candidate] = verdict(told.history).candidates
    return candidate


def _crossed(looks: Sequence[Judged], start: np.ndarray, before: float, draw: np.random.Generator) -> tuple:
    """Return for each simulated test whether a look crosses, and its sum of information · difference in the end."""
    crossed, sums = np.zeros(len(start), dtype=bool), start
    informations = [before, *(each.sem**-2 for each in looks)]
    for look, (last, now) in zip(looks, pairwise(informations), strict=True):
        sums = sums + math.sqrt(now - last) * draw.normal(size=len(start))
        crossed |= sums / math.sqrt(now) >= look.boundary
    return crossed, sums


def test_looks_of_a_failed_attempt_have_spent_their_error() -> None:
    told = ToldArms()
    stage = _stage(told)
    for step, fraction in enumerate((0.3, 0.6, 0.9), 1):
        _look(told, stage, step, 0, fraction)
    first = _judged(told).looks
    told.retry(*stage)
    for step, fraction in enumerate((0.3, 0.6, 0.95), 1):
        _look(told, stage, step, 0, fraction)
    told.observe(_arms(stage, 0, 1.0))
    second = _judged(told).looks[-4:]
    draw, nothing = np.random.default_rng(1), np.zeros(1_000_000)

    # Each attempt has data of its own.
    once, _ = _crossed(first, nothing, 0.0, draw)
    again, _ = _crossed(second, nothing, 0.0, draw)

    assert (once | again).mean() < _ERROR
    assert _judged(told).looks == (*first, *second)
    # An even stronger promise, which holds even if the second attempt counts the same users again.
    assert once.mean() + again.mean() == pytest.approx(_ERROR, abs=1e-3)


def test_a_stage_before_a_failed_attempt_keeps_its_data() -> None:
    told = ToldArms(ramp_up={"stages": [0.2, 0.5]})
    first = _stage(told, 0.2)
    told.look(1, _arms(first, 0, 0.5, share=0.2))
    told.observe(_arms(first, 0, 1.0, share=0.2))
    second = _stage(told)
    _look(told, second, 1, 0, 0.5)
    told.retry(*second)
    _look(told, second, 1, 0, 0.7)
    told.observe(_arms(second, 0, 0.9))
    looks = _judged(told).looks
    before, lost, after = looks[:2], looks[2:3], looks[3:]
    draw, information = np.random.default_rng(2), before[-1].sem ** -2

    stage, sums = _crossed(before, np.zeros(1_000_000), 0.0, draw)
    once, _ = _crossed(lost, sums, information, draw)
    again, _ = _crossed(after, sums, information, draw)

    assert [each.fraction for each in looks] == pytest.approx(sorted(each.fraction for each in looks))
    assert (stage | once | again).mean() < _ERROR
    new = [(once & ~stage).mean(), (again & ~stage).mean()]
    assert stage.mean() + sum(new) == pytest.approx(_ERROR, abs=1e-3)


def test_a_new_attempt_spends_nothing_until_it_has_more_traffic_than_the_failed_one() -> None:
    told = ToldArms()
    stage = _stage(told)
    _look(told, stage, 1, 0, 0.6)
    told.retry(*stage)
    for step, fraction in enumerate((0.3, 0.6, 0.7), 1):
        _look(told, stage, step, 0, fraction)

    assert [each.boundary == math.inf for each in _judged(told).looks] == [False, True, True, False]


def test_a_claim_outlives_the_failure_of_its_attempt_and_the_interval_never_contradicts_it() -> None:
    told = ToldArms()
    stage = _stage(told)
    _look(told, stage, 1, 3.0, 0.6)
    told.retry(*stage)
    told.observe(_arms(stage, 0.5, 1.0))

    found = _judged(told)

    assert (found.state, found.better_at) == ("confirmed", found.looks[0])
    assert found.effect is not None
    assert found.relative is not None
    assert found.effect.value == pytest.approx(0.5)
    for each in (found.effect, found.relative):
        assert 0 < each.low <= each.high


def test_an_attempt_that_failed_before_any_look_costs_nothing() -> None:
    def judged(retries: int) -> tuple[Judged, ...]:
        told = ToldArms()
        stage = _stage(told)
        for _ in range(retries):
            told.retry(*stage)
        _look(told, stage, 1, 0, 0.6)
        told.observe(_arms(stage, 0, 1.0))
        return _judged(told).looks

    assert judged(2) == judged(0)


def test_a_failure_after_a_look_at_all_traffic_leaves_nothing_to_decide_by_and_the_verdict_says_so() -> None:
    told = ToldArms()
    stage = _stage(told)
    _look(told, stage, 1, 0, 1.0)
    told.retry(*stage)
    _look(told, stage, 1, 9, 0.9)
    told.observe(_arms(stage, 9, 1.0))

    found = _judged(told)

    assert found.state == "not confirmed"
    assert "looks at an attempt that failed have spent all of its error probability" in str(verdict(told.history))


def test_a_stage_that_is_run_again_does_not_get_back_what_a_failed_attempt_spent() -> None:
    told = ToldArms()
    broken = _stage(told)
    _look(told, broken, 1, 0, 0.8)
    told.retry(*broken)
    told.fail(broken[1], "infrastructure")
    again = _stage(told)
    told.observe(_arms(again, 0, 1.0))

    looks = _judged(told).looks

    left = _ERROR - spent(_ERROR, 0.8)
    assert looks[-1].boundary == pytest.approx(_NORMAL.inv_cdf(1 - left))


@pytest.mark.parametrize(("beyond", "breached"), [(0.999, False), (1.001, True)])
@pytest.mark.parametrize(
    ("more", "result"),
    [
        ({}, lambda sem, bound: {"clicks": measured(10 - bound * math.hypot(sem, sem), sem, 500)}),
        (
            {"constraints": ["hides <= 1"]},
            lambda sem, bound: {
                "clicks": measured(10, sem, 500),
                "hides": measured(1 + bound * sem, sem, 500),
            },
        ),
    ],
)
def test_stops_spend_their_error_once_for_all_attempts(
    more: dict, result: Callable[[float, float], Metrics], beyond: float, breached: bool
) -> None:
    told = ToldArms(**more)
    quo, arm = told.batch((0, 0.5), (7, 0.5))
    same = {"clicks": measured(10, 0.2, 400), "hides": measured(1, 0.2, 400)}
    told.look(1, {quo: same, arm: same})
    told.retry(quo, arm)
    bound = _NORMAL.inv_cdf(1 - (0.05 - spent(0.05, 0.8)))
    told.observe({quo: {"clicks": measured(10, 0.1, 500), "hides": measured(1, 0.1, 500)}})
    told.observe({arm: result(0.1, beyond * bound)})

    assert (breach_of(told.history, told.history.trials[arm]) is not None) == breached


def test_an_attempt_that_starts_over_adds_its_crossings_to_those_before_it() -> None:
    lost = [Look(1.0, 0.3), Look(2.0, 0.6)]
    kept = [Look(1.0, 0.3, after=0), Look(2.2, 0.7), Look(3.0, 1.0)]
    bounds = boundaries([*lost, *kept], 0.05)
    finite = [(look, bound) for look, bound in zip(kept, bounds[2:], strict=True) if bound < math.inf]

    total = crossing(lost, bounds[:2]) + crossing([look for look, _ in finite], [bound for _, bound in finite])

    assert total == pytest.approx(0.05, abs=1e-6)


def test_a_look_without_new_information_after_lost_looks_spends_only_what_is_left() -> None:
    begun, lost, last = Look(2.0, 0.4), Look(3.0, 0.6), Look(2.0, 1.0, after=1)
    bounds = boundaries([begun, lost, last], 0.05)

    # The last look includes the first one, whose data it has.
    of_lost = crossing([begun, lost], bounds[:2]) - crossing([begun], bounds[:1])
    assert crossing([last], bounds[2:]) + of_lost == pytest.approx(0.05, abs=1e-6)
