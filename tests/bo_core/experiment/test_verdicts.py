import math
from statistics import NormalDist

import numpy as np
import pytest
from crossing import crossing
from told_arms import ToldArms, measured

from overnight.bo_core.experiment.spending import Look, boundaries
from overnight.bo_core.experiment.verdicts import verdict

_NORMAL = NormalDist()
_BATCH = 1000


def _explored(told: ToldArms, clicks: float = 30.0) -> None:
    first, a, b = told.batch((0, 0.4), (7, 0.3), (8, 0.3))
    told.observe({first: {"clicks": measured(10, 1, 400)}, a: {"clicks": measured(clicks, 1, 300)}})
    told.observe({b: {"clicks": measured(12, 1, 300)}})


def _stage(told: ToldArms, size: int, share: float) -> tuple[int, int]:
    quo, arm = told.batch((0, 1 - share), (size, share), generator="ramp_up")
    return quo, arm


def _arms(
    stage: tuple[int, int], quo: float, arm: float, fraction: float, share: float = 0.5, unit: float = 10.0
) -> dict:
    """Return metrics of both arms after this share of a batch's traffic; a unit has this standard deviation."""
    counts = round(_BATCH * (1 - share) * fraction), round(_BATCH * share * fraction)
    return {
        trial: {"clicks": measured(mean, unit / math.sqrt(n), n)}
        for trial, mean, n in zip(stage, (quo, arm), counts, strict=True)
    }


def test_a_candidate_is_better_from_the_look_that_crosses_its_boundary() -> None:
    told = ToldArms()
    _explored(told)
    stage = _stage(told, 7, 0.5)
    for step, (value, fraction) in enumerate(((0.5, 0.2), (1.6, 0.5), (2.2, 0.8)), 1):
        told.look(step, _arms(stage, 20, 20 + value, fraction))
    bounds = boundaries([Look(t, t) for t in (0.2, 0.5, 0.8)], 0.04)
    sems = [math.sqrt(2) * 10 / math.sqrt(500 * t) for t in (0.2, 0.5, 0.8)]

    found = verdict(told.history)

    [candidate] = found.candidates
    assert (found.state, candidate.state, candidate.stage, candidate.stages) == ("confirmed", "confirmed", 1, 1)
    assert candidate.error == pytest.approx(0.04)
    assert [each.boundary for each in candidate.looks] == pytest.approx(bounds)
    assert [each.sem for each in candidate.looks] == pytest.approx(sems)
    assert [each.better for each in candidate.looks] == [
        value >= bound * sem for value, bound, sem in zip((0.5, 1.6, 2.2), bounds, sems, strict=True)
    ]
    assert candidate.better_at is candidate.looks[2]
    assert candidate.effect is not None
    assert candidate.relative is not None
    assert candidate.p_value is not None
    looks = zip((0.5, 1.6, 2.2), bounds, sems, strict=True)
    ends = [(value - bound * sem, value + bound * sem) for value, bound, sem in looks]
    assert (candidate.effect.low, candidate.effect.high) == pytest.approx(
        (max(low for low, _ in ends), min(high for _, high in ends))
    )
    assert candidate.relative.value == pytest.approx(0.11)
    assert candidate.p_value < candidate.error
    assert "is better than the status quo (such a statement is false in at most 5 % of tests)" in str(found)


def test_beside_a_negative_status_quo_the_effect_is_a_difference_in_the_metrics_unit() -> None:
    told = ToldArms()
    told.observe(_arms(_stage(told, 7, 0.5), -10, -5, 1.0))

    found = verdict(told.history)

    assert found.state == "confirmed"
    assert found.candidates[0].relative is None
    assert "Its effect on clicks is +5" in str(found)


def test_the_level_of_an_interval_is_the_share_of_simulated_tests_whose_intervals_all_hold_the_truth() -> None:
    told, random, truth = ToldArms(), np.random.default_rng(1), 0.7
    stage = _stage(told, 7, 0.5)
    for step, fraction in enumerate((0.3, 0.6), 1):
        told.look(step, _arms(stage, 20, 20 + truth, fraction))
    told.observe(_arms(stage, 20, 20 + truth, 1.0))
    [candidate] = verdict(told.history).candidates
    information = np.array([each.sem**-2 for each in candidate.looks])
    steps = np.diff(information, prepend=0.0)
    sums = np.cumsum(truth * steps + np.sqrt(steps) * random.normal(size=(400_000, 3)), axis=1)
    far = np.abs(sums / information - truth) > [each.boundary * each.sem for each in candidate.looks]

    assert candidate.effect is not None
    assert candidate.effect.level == pytest.approx(0.92)
    assert 1 - far.any(axis=1).mean() == pytest.approx(candidate.effect.level, abs=0.002)
    assert "(confidence 92 %, for all looks together)" in str(verdict(told.history))


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_claim_outlives_later_looks_and_its_interval_never_contradicts_it(direction: str) -> None:
    sign = 1 if direction == "maximize" else -1
    told = ToldArms(**{"maximize": None, direction: "clicks"})
    stage = _stage(told, 7, 0.5)
    told.look(1, _arms(stage, 20, 20 + sign * 2.5, 0.6))
    told.observe(_arms(stage, 20, 20 - sign * 0.2, 1.0))

    found = verdict(told.history)

    [candidate] = found.candidates
    assert found.state == "confirmed"
    assert candidate.effect is not None
    assert candidate.relative is not None
    for each in (candidate.effect, candidate.relative):
        low, high = sorted((sign * each.low, sign * each.high))
        assert sign * each.value < 0 <= low < high
    assert " by the newest look, but between " in str(found)


def test_looks_without_a_common_effect_are_said_to_contradict_each_other() -> None:
    told = ToldArms()
    stage = _stage(told, 7, 0.5)
    told.look(1, _arms(stage, 20, 26, 0.6))
    told.observe(_arms(stage, 20, 19, 1.0))

    found = verdict(told.history)

    assert found.state == "confirmed"
    assert str(found).endswith(
        "Its effect on clicks is −5.00 % by the newest look, but the looks contradict each other: no effect fits all "
        "of their intervals."
    )


def test_stages_are_weighted_by_their_information_and_only_compared_within_themselves() -> None:
    told = ToldArms(ramp_up={"stages": [0.1, 0.5]}, minimize="clicks", maximize=None)
    # The second batch drifted by 50, which no difference may show.
    first = _stage(told, 7, 0.1)
    told.observe(_arms(first, 20, 19, 1.0, share=0.1))
    second = _stage(told, 7, 0.5)
    told.look(1, _arms(second, 70, 68, 0.5))
    variances = 100 / 100 + 100 / 900, 100 / 250 + 100 / 250
    weights = [1 / each for each in variances]
    plan = 1 / (100 / 100 + 100 / 900) + 1 / (100 / 500 + 100 / 500)

    found = verdict(told.history)
    [candidate] = found.candidates

    before, now = candidate.looks
    assert now.difference == pytest.approx((1 * weights[0] + 2 * weights[1]) / sum(weights))
    assert now.sem == pytest.approx(sum(weights) ** -0.5)
    assert (before.fraction, now.fraction) == pytest.approx((weights[0] / plan, sum(weights) / plan))
    assert candidate.effect is not None
    assert candidate.effect.value == pytest.approx(-now.difference)
    assert (candidate.state, candidate.stage, candidate.stages) == ("ramping", 2, 2)
    assert "stage 2 of 2" in str(found)


def test_a_candidate_without_an_effect_is_claimed_with_exactly_its_error() -> None:
    told = ToldArms(ramp_up={"stages": [0.2, 0.5]})
    first = _stage(told, 7, 0.2)
    for step in (1, 2, 3):
        told.look(step, _arms(first, 20, 20, step / 3, share=0.2))
    told.observe(_arms(first, 20, 20, 1.0, share=0.2))
    second = _stage(told, 7, 0.5)
    for step in (1, 2):
        told.look(step, _arms(second, 20, 20, step / 3))
    # The last batch got less traffic than planned.
    told.observe(_arms(second, 20, 20, 0.9))

    [candidate] = verdict(told.history).candidates

    looks = [each for each in candidate.looks if each.boundary < math.inf]
    assert (candidate.looks[-1].fraction, candidate.state) == (1.0, "not confirmed")
    plan = [Look(each.sem**-2, each.fraction) for each in looks]
    assert crossing(plan, [each.boundary for each in looks]) == pytest.approx(0.04, abs=1e-6)


def test_the_traffic_of_the_search_changes_no_statement() -> None:
    def judged(clicks: float):
        told = ToldArms()
        _explored(told, clicks)
        told.look(1, _arms(_stage(told, 7, 0.5), 20, 21, 0.5))
        return verdict(told.history).candidates

    assert judged(30.0) == judged(-500.0)


def test_each_candidate_gets_four_fifths_of_the_error_that_is_left() -> None:
    told = ToldArms(decide={"at_least": 0.9})
    for size in (7, 8, 9):
        _, arm = _stage(told, size, 0.5)
        told.abandon(arm, f"{size} is too slow")

    found = verdict(told.history)

    assert [each.error for each in found.candidates] == pytest.approx([0.08, 0.016, 0.0032])
    assert [each.state for each in found.candidates] == ["rolled back"] * 3
    assert (found.state, found.candidates[1].why) == ("rolled back", "abandoned by ada: 8 is too slow")


def test_a_point_that_is_tried_again_after_it_was_rolled_back_is_a_new_candidate() -> None:
    told = ToldArms(ramp_up={"stages": [0.1, 0.5]})
    _, arm = _stage(told, 7, 0.1)
    told.abandon(arm, "by mistake")
    _stage(told, 7, 0.1)

    assert [each.trials for each in verdict(told.history).candidates] == [(2,), (4,)]


def test_a_stage_that_the_infrastructure_broke_is_run_again_and_keeps_what_it_gave() -> None:
    told = ToldArms(ramp_up={"stages": [0.2, 0.5]})
    broken = _stage(told, 7, 0.2)
    told.look(1, _arms(broken, 20, 21, 0.5, share=0.2))
    told.fail(broken[1], "infrastructure")
    again = _stage(told, 7, 0.2)
    told.look(1, _arms(again, 20, 21, 0.25, share=0.2))

    [candidate] = verdict(told.history).candidates

    assert (candidate.state, candidate.stage, candidate.trials) == ("ramping", 1, (broken[1], again[1]))
    per_unit = 1 / (1 / 200 + 1 / 800), 1 / (1 / 500 + 1 / 500)
    plan = 0.5 * per_unit[0] + per_unit[0] + per_unit[1]
    assert [each.fraction for each in candidate.looks] == pytest.approx(
        [0.5 * per_unit[0] / (per_unit[0] + per_unit[1]), 0.75 * per_unit[0] / plan]
    )


def test_a_candidate_that_fails_by_its_own_fault_is_rolled_back() -> None:
    told = ToldArms()
    _, arm = _stage(told, 7, 0.5)
    told.fail(arm, "infeasible")

    [candidate] = verdict(told.history).candidates
    assert (candidate.state, candidate.why) == ("rolled back", "it failed: broke")


def test_an_arm_that_does_harm_in_a_stage_is_rolled_back() -> None:
    told = ToldArms()
    stage = _stage(told, 7, 0.5)
    stops = told.look(1, _arms(stage, 20, 10, 0.5))

    found = verdict(told.history)

    assert [each.rule for each in stops] == ["harm", "alone"]
    assert (found.state, found.candidates[0].why) == ("rolled back", stops[0].why)


def test_an_experiment_explores_until_a_candidate_or_its_end() -> None:
    told = ToldArms()
    _explored(told)

    assert (verdict(told.history).state, verdict(told.history).units_exploring) == ("exploring", 1000)
    told.finish()
    assert verdict(told.history).state == "no candidate"


def test_a_small_difference_is_not_confirmed_after_all_stages() -> None:
    told = ToldArms()
    stage = _stage(told, 7, 0.5)
    told.observe(_arms(stage, 20, 20.5, 1.0))

    found = verdict(told.history)

    [candidate] = found.candidates
    assert (found.state, found.units_fresh) == ("not confirmed", 1000)
    # Of one look at the end, the p-value is the ordinary one.
    assert candidate.p_value == pytest.approx(1 - _NORMAL.cdf(0.5 / math.sqrt(0.4)), rel=1e-3)


def test_reports_without_units_count_only_at_the_end() -> None:
    told = ToldArms()
    quo, arm = _stage(told, 7, 0.5)
    told.look(1, {quo: {"clicks": measured(20, 0.1)}, arm: {"clicks": measured(30, 0.1)}})
    assert verdict(told.history).candidates[0].looks == ()

    told.observe({quo: {"clicks": measured(20, 0.1)}, arm: {"clicks": measured(30, 0.1)}})
    [look] = verdict(told.history).candidates[0].looks
    assert (look.step, look.fraction) == (None, 1.0)
    assert look.boundary == pytest.approx(_NORMAL.inv_cdf(0.96))


def test_guardrails_have_the_probability_of_simulated_truths() -> None:
    told = ToldArms(constraints=["1 <= errors <= 1.2 * baseline", "cost <= 3"])
    quo, arm = _stage(told, 7, 0.5)
    told.observe(
        {
            quo: {"clicks": measured(20, 1, 500), "errors": measured(2, 0.3, 500)},
            arm: {"clicks": measured(21, 1, 500), "errors": measured(1.9, 0.6, 125)},
        }
    )
    random = np.random.default_rng(0)
    truths = random.normal(1.9, 0.6, 1_000_000), random.normal(2, 0.3, 1_000_000)

    errors, cost = verdict(told.history).candidates[0].guardrails

    # Both bounds are hardly ever exceeded at once.
    exact = np.mean((truths[0] >= 1) & (truths[0] <= 1.2 * truths[1]))
    assert errors.probability == pytest.approx(float(exact), abs=2e-3)
    assert (errors.constraint, errors.value, errors.limits) == ("1 <= errors <= 1.2 * baseline", 1.9, (1.0, 2.4))
    assert (cost.value, cost.probability) == (None, None)


def test_a_verdict_says_when_it_is_too_early_and_which_guardrails_are_in_doubt() -> None:
    told = ToldArms(constraints=["errors <= baseline"])
    quo, arm = _stage(told, 7, 0.5)
    early = {quo: {"clicks": measured(20, 9, 5)}, arm: {"clicks": measured(21, 9, 5)}}
    told.look(1, early)

    assert str(verdict(told.history)) == (
        "Trial 2 is in stage 1 of 1 of the ramp-up; nothing is concluded yet. Its effect on clicks is +5.00 % so far, "
        "and it is too early for an interval."
    )
    told.look(
        2,
        {
            each: metrics | {"errors": measured(3, 0.1, 490)}
            for each, metrics in _arms((quo, arm), 20, 30, 0.98).items()
        },
    )
    assert str(verdict(told.history)).endswith("The probability that `errors <= baseline` holds is 50 %.")


def test_errors_whose_squares_are_no_numbers_decide_nothing() -> None:
    told = ToldArms(constraints=["hides <= 2"])
    stage = _stage(told, 7, 0.5)
    wild = {"clicks": measured(1e300, 1e200, 500), "hides": measured(9, 1e200, 500)}
    stops = told.look(1, dict.fromkeys(stage, wild))
    told.observe(dict.fromkeys(stage, wild))

    [candidate] = verdict(told.history).candidates

    assert (stops, candidate.state, candidate.looks) == ([], "not confirmed", ())
    assert [each.probability for each in candidate.guardrails] == [None]


def _rates(draw: np.random.Generator, stage: tuple[int, int], share: float, rate: float) -> dict:
    """Return the rates of a rare event in both arms of a stage, with the errors that each arm has by itself."""
    found = {}
    for trial, n in zip(stage, (round(10_000 * (1 - share)), round(10_000 * share)), strict=True):
        p = draw.binomial(n, rate) / n
        found[trial] = {"clicks": measured(p, math.sqrt(p * (1 - p) / (n - 1)), n)}
    return found


def test_few_units_without_a_rare_event_are_no_sure_knowledge() -> None:
    told = ToldArms(maximize=None, minimize="clicks", ramp_up={"stages": [0.01, 0.5]}, traffic={"per_batch": 10_000})
    first, second = _stage(told, 7, 0.01), _stage(told, 7, 0.5)
    told.observe({first[0]: {"clicks": measured(0.01, 0.001, 9900)}, first[1]: {"clicks": measured(0.0, 0.0, 100)}})
    told.observe({trial: {"clicks": measured(0.01, 0.0014, 5000)} for trial in second})

    found = verdict(told.history)

    # By its units the first stage has a weight of 99 to 2,500; by its own errors it would have one of 0.7 to 0.3.
    looks = found.candidates[0].looks
    assert looks[-1].difference == pytest.approx(0.01 * 99 / 2599)
    assert found.state == "not confirmed"


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_rare_events_are_called_better_by_luck_as_rarely_as_is_promised(direction: str) -> None:
    draw, claims = np.random.default_rng(1), 0
    for _ in range(150):
        aim = {"maximize": None, "minimize": None, direction: "clicks"}
        told = ToldArms(**aim, ramp_up={"stages": [0.01, 0.1, 0.5]}, traffic={"per_batch": 10_000})
        for share in (0.01, 0.1, 0.5):
            told.observe(_rates(draw, _stage(told, 7, share), share, 0.01))
        claims += verdict(told.history).state == "confirmed"
    # With a probability of 4 % each, 15 of 150 happen less often than once in a thousand tests.
    assert claims < 15
