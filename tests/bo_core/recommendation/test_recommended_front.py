"""The front that is recommended with several objectives, and the point of it that is chosen."""

import math
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from told_campaigns import NOON, attempt, proposed, some_points
from told_fronts import Metrics, front_campaign, told_front

from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Measurement, Point
from overnight.campaign.goal.constraint import read_constraint
from overnight.campaign.goal.front import hypervolume
from overnight.campaign.history.events import MeasurementReported, TrialStopped
from overnight.campaign.recommendation import Recommendation

LINE = [i / 10 for i in range(11)]


def recommended(campaign: Campaign, history: History) -> Recommendation:
    found = recommend(campaign, history)
    assert found is not None
    assert found.without_model is None
    return found


def ramp(x: float) -> Metrics:
    """Return results of which none beats another one: what is larger is faster."""
    return {"size": 10.0 * x, "speed": 100.0 * math.sqrt(x)}


def on_a_line(campaign: Campaign, seen: Any = ramp, at: Sequence[float] = LINE, **more: Any) -> Recommendation:
    return recommended(campaign, told_front(campaign, [{"x0": x} for x in at], [seen(x) for x in at], **more))


def beats(campaign: Campaign, a: Metrics, b: Metrics) -> bool:
    """Return whether a result is as good as another one in all objectives and better in one."""
    goal = campaign.goal
    gains = [each.sign * (a[each.metric] - b[each.metric]) for each in goal.objectives]
    return min(gains) >= 0.0 and max(gains) > 0.0


def meets(result: Metrics, texts: Sequence[str], baseline: Metrics | None = None) -> bool:
    limits = [read_constraint(text) for text in texts]
    return all(each.allows(result[each.metric], (baseline or {}).get(each.metric)) for each in limits)


def lattice(campaign: Campaign, count: int, seed: int, extra: Sequence[str] = ()) -> tuple[list[Point], list[Metrics]]:
    """Return results with many equal values."""
    draw = random.Random(seed)
    metrics = [*(each.metric for each in campaign.goal.objectives), *extra]
    points = some_points(campaign, count)
    return points, [{metric: float(draw.randrange(6)) for metric in metrics} for _ in points]


@pytest.mark.parametrize("count", [2, 3, 6])
def test_the_front_of_exact_results_is_that_of_brute_force_and_certain(count: int) -> None:
    campaign = front_campaign(objectives=[{"minimize" if i % 2 else "maximize": f"f{i}"} for i in range(count)])
    points, results = lattice(campaign, 30, seed=10 * count)
    front = [i + 1 for i, a in enumerate(results) if not any(beats(campaign, b, a) for b in results)]
    found = recommended(campaign, told_front(campaign, points, results))
    assert {each.trial for each in found.front} == {*front}
    assert 1 < len(front) < 30
    assert [each.probability for each in found.front] == [1.0] * len(front)
    firsts = [each.predicted["f0"].mean for each in found.front]
    assert all(a >= b - 1e-3 for a, b in pairwise(firsts)), "the first objective is maximised, and orders the front"
    assert all(each.point == points[each.trial - 1] for each in found.front)
    assert found.trial == found.best_measured
    assert found.trial in front
    assert (found.objective, found.probability_best, found.preferred) == ("f0", 1.0, None)


def test_an_infeasible_result_is_not_on_the_front_and_beats_none_that_is_feasible() -> None:
    campaign = front_campaign(constraints=["heat <= 3", "size >= 1"])
    points, results = lattice(campaign, 40, seed=1, extra=["heat"])
    feasible = [meets(result, ["heat <= 3", "size >= 1"]) for result in results]
    rivals = [result for result, meets_all in zip(results, feasible, strict=True) if meets_all]
    front = {i for i, a in enumerate(results, 1) if feasible[i - 1] and not any(beats(campaign, b, a) for b in rivals)}
    everything = {i for i, a in enumerate(results, 1) if not any(beats(campaign, b, a) for b in results)}
    found = recommended(campaign, told_front(campaign, points, results))
    assert {each.trial for each in found.front} == front != everything
    assert {each.probability for each in found.front} == {1.0}
    assert found.feasible_enough
    assert {*found.front[0].predicted} == {*found.predicted} == {"size", "speed", "heat"}


def test_if_no_result_is_feasible_the_front_consists_of_those_that_come_closest() -> None:
    campaign = front_campaign(constraints=["heat <= 3"])
    points, results = lattice(campaign, 20, seed=4, extra=["heat"])
    results = [{**result, "heat": 5.0 + result["heat"]} for result in results]
    closest = [i for i, result in enumerate(results) if result["heat"] == 5.0]
    front = {i + 1 for i in closest if not any(beats(campaign, results[j], results[i]) for j in closest)}
    found = recommended(campaign, told_front(campaign, points, results))
    assert {each.trial for each in found.front} == front
    assert {each.probability for each in found.front} == {0.0}
    assert (found.feasible_enough, found.probability_best) == (False, 0.0)


def test_the_balanced_point_by_itself_dominates_the_largest_hypervolume() -> None:
    campaign = front_campaign(1, [{"minimize": "size", "worst": 8}, {"maximize": "speed", "worst": 20}])
    found = on_a_line(campaign)
    volumes = [hypervolume([(-ramp(x)["size"], ramp(x)["speed"])], (-8.0, 20.0)) for x in LINE]
    assert found.point == {"x0": LINE[volumes.index(max(volumes))]}
    assert found.worst == {"size": 8.0, "speed": 20.0}
    assert len(found.front) == len(LINE)


def test_a_reference_that_is_not_given_is_inferred_from_the_front() -> None:
    campaign = front_campaign(1, [{"minimize": "size", "worst": 8}, {"maximize": "speed"}])
    assert on_a_line(campaign).worst == {"size": 8.0, "speed": pytest.approx(-10.0)}


def test_if_every_point_is_beyond_the_worst_values_that_of_the_least_excess_is_chosen() -> None:
    campaign = front_campaign(1, [{"minimize": "size", "worst": -20}, {"maximize": "speed", "worst": 101}])
    # A step along the line changes the excess of the size by a thirtieth of its largest, that of the speed by more.
    assert on_a_line(campaign).point == {"x0": 1.0}


@pytest.mark.parametrize(
    ("prefer", "chosen"),
    [(["speed >= 70"], 0.5), (["speed >= 40", "size <= 9"], 0.2), (["size <= 3"], 0.0), (["speed >= 100"], 1.0)],
)
def test_the_preferred_point_is_the_best_in_the_first_objective_of_those_that_meet_all_preferences(
    prefer: list[str], chosen: float
) -> None:
    found = on_a_line(front_campaign(1, prefer=prefer))
    assert (found.point, found.preferred) == ({"x0": chosen}, True)
    assert found.preferences == dict.fromkeys(prefer, 1.0)
    assert found.constraints == {}
    assert len(found.front) == len(LINE), "a preference chooses, and excludes nothing"


def test_if_no_point_meets_the_preferences_the_closest_one_is_recommended_and_it_is_said() -> None:
    found = on_a_line(front_campaign(1, prefer=["speed >= 101", "size <= 50"]))
    assert (found.point, found.preferred) == ({"x0": 1.0}, False)
    assert found.preferences == {"speed >= 101": 0.0, "size <= 50": 1.0}


def test_no_point_is_preferred_while_a_limited_metric_has_never_been_measured() -> None:
    found = on_a_line(front_campaign(1, prefer=["speed >= 70"], constraints=["heat <= 1"]))
    assert (found.preferred, found.feasible_enough) == (False, False)


def test_a_preference_may_be_relative_to_the_baseline() -> None:
    campaign = front_campaign(1, prefer=["speed >= 2 * baseline"], baseline={"x0": 0.1})
    # The speed is the root of x, so twice the speed takes four times the x.
    found = on_a_line(campaign)
    assert (found.point, found.preferred) == ({"x0": 0.4}, True)


def test_the_preferred_point_is_feasible_as_well() -> None:
    found = on_a_line(front_campaign(1, prefer=["speed >= 30"], constraints=["size >= 3.5"]))
    assert (found.point, found.preferred, found.feasible_enough) == ({"x0": 0.4}, True, True)
    assert found.preferences == {"speed >= 30": 1.0}
    assert found.constraints == {"size >= 3.5": 1.0}


@pytest.mark.parametrize("level", [0.5, 0.95, 0.9999])
def test_noisy_points_meet_a_preference_with_the_demanded_probability(level: float) -> None:
    campaign = front_campaign(1, noise="known", prefer=["speed >= 60"], feasible_at_least=level)
    found = on_a_line(campaign, sem=3.0)
    assert found.preferred
    assert found.preferences["speed >= 60"] >= level
    before = [each for each in found.front if each.predicted["size"].mean < found.mean]
    for each in before:
        belief = each.predicted["speed"]
        assert belief.mean - 60 < found.predicted["speed"].mean - 60, "the ones before are smaller and slower"
    assert float(found.point["x0"]) >= {0.5: 0.3, 0.95: 0.4, 0.9999: 0.5}[level]


def test_a_failed_trial_is_on_no_front_but_its_metrics_are_learnt_from() -> None:
    campaign = front_campaign(1, noise="known")
    points = [{"x0": x} for x in LINE]
    results = [ramp(x) for x in LINE]
    results[5] = {"speed": 85.0}
    found = recommended(campaign, told_front(campaign, points, results, sem=5.0))
    assert 6 not in {each.trial for each in found.front}
    without = recommended(campaign, told_front(campaign, points, [*results[:5], {}, *results[6:]], sem=5.0))
    near, far = (next(each for each in run.front if each.trial == 7) for run in (found, without))
    # The failed trial is 15 faster than the line, and so its neighbour is believed to be.
    assert near.predicted["speed"].mean > far.predicted["speed"].mean + 1.0


def test_a_stopped_trial_is_on_no_front_however_promising_its_reports_were() -> None:
    campaign = front_campaign(1, noise="infer", stop_early={"rule": "improbable"})
    history = told_front(campaign, [{"x0": x} for x in LINE], [ramp(x) for x in LINE])
    at = {"time": NOON, "actor": "test", "trial": 12}
    best = {"size": Measurement(mean=-5), "speed": Measurement(mean=200)}
    reported = MeasurementReported(**at, attempt=1, step=1, metrics=best)
    why = {"why": "a test", "rule": "improbable", "metric": "size", "value": 0.0, "threshold": 0.1}
    stopped = TrialStopped.model_validate({**at, "attempt": 1, "step": 1, **why})
    events = [proposed(12, {"x0": 0.45}), attempt(12), reported, stopped]
    found = recommended(campaign, history.extended(events))
    assert {each.trial for each in found.front} == {*range(1, 12)}


def test_the_baseline_is_compared_in_every_objective() -> None:
    def seen(x: float) -> Metrics:
        return {"size": abs(x - 0.3), "speed": -abs(x - 0.4)}

    campaign = front_campaign(1, baseline={"x0": 0.9})
    found = on_a_line(campaign, seen)
    assert found.probability_better_than_baseline == 1.0
    assert {metric: belief.mean for metric, belief in found.baseline.items()} == {
        "size": pytest.approx(0.6, abs=1e-3),
        "speed": pytest.approx(-0.5, abs=1e-3),
    }
    on_front = on_a_line(front_campaign(1, baseline={"x0": 0.3}), seen)
    assert on_front.probability_better_than_baseline == 0.0, "no point of the front is better in every objective"
    assert on_a_line(front_campaign(1), seen).probability_better_than_baseline is None
    unmeasured = on_a_line(front_campaign(1, baseline={"x0": 0.25}), seen)
    assert (unmeasured.baseline, unmeasured.probability_better_than_baseline) == ({}, None)


def test_a_point_of_the_front_that_is_the_baseline_has_one_belief() -> None:
    found = on_a_line(front_campaign(1, noise="known", baseline={"x0": 0.5}), sem=0.5)
    [there] = [each for each in found.front if each.trial == 6]
    assert there.predicted == found.baseline


def test_trials_of_one_point_are_one_member_of_the_front_and_pool_their_results() -> None:
    campaign = front_campaign(1, noise="known")
    points = [{"x0": x} for x in (0.1, 0.9, 0.1, 0.1)]
    results: list[Metrics] = [{"size": size, "speed": 1.0} for size in (3.0, 2.0, 1.0, 0.5)]
    found = recommended(campaign, told_front(campaign, points, results, sem=0.01))
    assert [each.trial for each in found.front] == [1]
    assert found.predicted["size"].mean == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize("noise", ["none", "infer"])
def test_the_only_result_is_the_front(noise: str) -> None:
    campaign = front_campaign(1, noise=noise)
    found = recommended(campaign, told_front(campaign, [{"x0": 0.2}], [{"size": 7.0, "speed": -1e-9}]))
    assert [each.trial for each in found.front] == [found.trial] == [1]
    assert (found.probability_best, found.front[0].probability) == (1.0, 1.0)
    assert found.worst["size"] > 7.0
    assert found.worst["speed"] < -1e-9


@pytest.mark.parametrize("noise", ["none", "infer"])
def test_equal_results_are_on_the_front_together(noise: str) -> None:
    campaign = front_campaign(1, noise=noise)
    points = [{"x0": x} for x in LINE]
    found = recommended(campaign, told_front(campaign, points, [{"size": 1.0, "speed": 2.0}] * len(points)))
    assert len(found.front) == len(LINE)
    assert found.trial == 1


def test_exact_results_that_were_repeated_equal_those_that_were_not() -> None:
    campaign = front_campaign(1)
    points = [{"x0": x} for x in (0.1, 0.5, 0.9, 0.5, 0.5, 0.3)]
    sizes = (0.1, 0.3, 0.3, 0.3, 0.3, 0.7)
    results = [{"size": size, "speed": 10.0 if size > 0.1 else 3.0} for size in sizes]
    found = recommended(campaign, told_front(campaign, points, results))
    assert {each.trial for each in found.front} == {1, 2, 3}


def numbers_of(found: Recommendation) -> list[float | None]:
    beliefs = [found.predicted, found.baseline, *(each.predicted for each in found.front)]
    of_beliefs = [n for each in beliefs for b in each.values() for n in (b.mean, b.sd, b.low, b.high)]
    shares = [found.probability_best, *(each.probability for each in found.front)]
    return [*of_beliefs, *shares, *found.worst.values()]


@pytest.mark.parametrize(("size", "speed"), [(1e9, 1e-9), (1e-12, 1e12), (1.0, -1.0)])
@pytest.mark.parametrize("prefer", [(), ("speed >= {}",)])
def test_the_units_of_metrics_change_nothing(size: float, speed: float, prefer: Sequence[str]) -> None:
    draw = random.Random(3)
    points = [{"x0": x} for x in LINE]
    plain = [{"size": 10 * x + draw.gauss(0, 0.5), "speed": 100 * x**0.5 + draw.gauss(0, 5)} for x in LINE]
    scaled = [{"size": size * each["size"], "speed": speed * each["speed"]} for each in plain]
    way = "maximize" if speed > 0 else "minimize"
    sign = ">=" if speed > 0 else "<="
    ways = [{"minimize": "size", "worst": 12 * size}, {way: "speed", "worst": -5 * speed}]
    texts = [text.format(60 * speed).replace(">=", sign) for text in prefer]
    once = front_campaign(1, [{"minimize": "size", "worst": 12}, {"maximize": "speed", "worst": -5}], noise="infer")
    once = once.model_copy(update={"prefer": tuple(read_constraint(text.format(60.0)) for text in prefer)})
    other = front_campaign(1, ways, noise="infer", prefer=texts)
    before, after = (
        recommended(each, told_front(each, points, results)) for each, results in ((once, plain), (other, scaled))
    )
    assert (after.trial, after.preferred) == (before.trial, before.preferred)
    assert [each.trial for each in after.front] == [each.trial for each in before.front]
    assert [each.probability for each in after.front] == pytest.approx([e.probability for e in before.front], abs=0.02)
    assert after.predicted["size"].mean == pytest.approx(size * before.predicted["size"].mean, rel=1e-3)
    assert all(number is not None and math.isfinite(number) for number in numbers_of(after))


@pytest.mark.parametrize("sem", [None, 0.0, 1e300])
def test_vast_and_tiny_results_have_a_front_of_finite_numbers(sem: float | None) -> None:
    most = 1.7e308
    campaign = front_campaign(1, noise=None, baseline={"x0": 0.0})
    values = [(-most, 5e-324), (most, 1e-310), (0.0, 0.0), (1.0, -1e-320), (2.0, 0.0)]
    points = [{"x0": x} for x in LINE[: len(values)]]
    found = recommended(campaign, told_front(campaign, points, [{"size": a, "speed": b} for a, b in values], sem=sem))
    assert all(number is not None and math.isfinite(number) for number in numbers_of(found))
    assert Recommendation.model_validate_json(found.model_dump_json()) == found


def noisy_ramp(campaign: Campaign, count: int, noise: float, seed: int = 0) -> History:
    draw = random.Random(seed)
    points = some_points(campaign, count)
    results = [
        {
            "size": 10 * p["x0"] + noise * draw.gauss(0, 1),
            "speed": 10 * p["x0"] - 5 * p["x1"] + noise * draw.gauss(0, 1),
        }
        for p in points
    ]
    return told_front(campaign, points, results)


def test_the_same_history_has_the_same_front_and_the_luckiest_values_are_not_on_it() -> None:
    campaign = front_campaign(noise="infer")
    history = noisy_ramp(campaign, 60, 1.0)
    found = recommended(campaign, history)
    assert found == recommended(campaign, history)
    measured = {trial.id for trial in history.goal.front(history.trials.values())}
    believed = {each.trial for each in found.front}
    # With x1 = 0 a point is on the true front.
    off = {
        name: sum(history.trials[i].point["x1"] for i in each) / len(each)
        for name, each in (("measured", measured), ("believed", believed))
    }
    assert off["believed"] < 0.7 * off["measured"]


def test_results_are_not_doubted_with_several_objectives() -> None:
    campaign = front_campaign(noise="infer")
    history = noisy_ramp(campaign, 20, 0.01)
    doubting = recommend(campaign, history, BayesianProposer(outliers="doubt"))
    assert doubting == recommend(campaign, history, BayesianProposer(outliers="believe"))


def test_a_point_on_two_objectives_that_are_one_is_the_best_one() -> None:
    campaign = front_campaign(1, [{"minimize": "size"}, {"minimize": "twin"}])
    found = on_a_line(campaign, lambda x: {"size": (x - 0.4) ** 2, "twin": (x - 0.4) ** 2})
    assert [each.point for each in found.front] == [{"x0": 0.4}]
