import math
from statistics import NormalDist

import pytest
from history_events import defined, proposed, started
from told_arms import NOW, ToldArms, measured

from overnight.campaign import History
from overnight.campaign.history.events import MeasurementReported
from overnight.flows.rules.looks import arm_stops

_NORMAL = NormalDist()
_UNITS = 500


def _threshold(alpha: float, fraction: float) -> float:
    """Return how many standard errors a first look needs, by the spending function alone."""
    return -_NORMAL.inv_cdf(2 * (1 - _NORMAL.cdf(_NORMAL.inv_cdf(1 - alpha / 2) / math.sqrt(fraction))))


def _one_look(
    told: ToldArms, fraction: float, arm: dict[str, tuple[float, float]], quo: dict[str, tuple[float, float]]
):
    first, other = told.batch((0, 0.5), (7, 0.5))
    n = round(_UNITS * fraction)
    return told.look(
        1,
        {
            first: {name: measured(mean, sem, n) for name, (mean, sem) in quo.items()},
            other: {name: measured(mean, sem, n) for name, (mean, sem) in arm.items()},
        },
    )


@pytest.mark.parametrize(("beyond", "stopped"), [(0.999, False), (1.001, True)])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_an_arm_does_harm_if_it_is_worse_by_more_than_the_bound(beyond: float, stopped: bool, direction: str) -> None:
    sign = 1 if direction == "maximize" else -1
    told = ToldArms(**{"maximize": None, direction: "clicks"})
    worse = 100 - sign * beyond * _threshold(0.05, 0.4) * 5

    found = _one_look(told, 0.4, {"clicks": (worse, 4)}, {"clicks": (100, 3)})

    assert [(each.rule, each.metric, each.trial, each.step) for each in found][:1] == (
        [("harm", "clicks", 2, 1)] if stopped else []
    )
    if stopped:
        assert found[0].value == pytest.approx(worse - 100)
        # The bound is on the same side of 0 as the harm, and nearer.
        assert 0 < found[0].threshold / found[0].value < 0.01


@pytest.mark.parametrize(("beyond", "stopped"), [(0.999, False), (1.001, True)])
def test_a_relative_guardrail_counts_the_errors_of_both_arms(beyond: float, stopped: bool) -> None:
    told = ToldArms(constraints=["errors <= 1.5 * baseline", "cost >= 2"], decide={"at_least": 0.9})
    excess = beyond * _threshold(0.1 / 2, 0.5) * math.hypot(2, 1.5 * 4)

    found = _one_look(
        told,
        0.5,
        {"clicks": (9, 1), "errors": (15 + excess, 2), "cost": (2, 0.1)},
        {"clicks": (9, 1), "errors": (10, 4), "cost": (2, 0.1)},
    )

    assert [each.rule for each in found] == (["guardrail", "alone"] if stopped else [])
    if stopped:
        assert (found[0].metric, found[0].value) == ("errors", 15 + excess)
        assert found[0].threshold == pytest.approx(15)
        assert "above the limit 15 of `errors <= 1.5 * baseline`" in found[0].why


def test_a_lower_limit_needs_only_the_arms_own_error() -> None:
    told = ToldArms(constraints=["cost >= 2"])
    below = 2 - 1.001 * _threshold(0.05, 0.5) * 0.1

    found = _one_look(told, 0.5, {"clicks": (9, 1), "cost": (below, 0.1)}, {"clicks": (9, 1)})

    assert (found[0].rule, found[0].threshold) == ("guardrail", pytest.approx(2))
    assert "below the limit 2" in found[0].why


def test_the_reason_for_a_stop_has_the_difference_and_its_bound() -> None:
    breach = _one_look(ToldArms(constraints=["hides <= 1.01"]), 1.0, {"clicks": (9, 1), "hides": (9, 0.1)}, {})
    harm = _one_look(ToldArms(), 1.0, {"clicks": (7, 0.3)}, {"clicks": (20, 0.4)})

    # All error is spent at the end of a batch, so the bound is the ordinary one-sided one: 1.645 standard errors.
    assert breach[0].why == (
        "at look 1 hides was 9, above the limit 1.01 of `hides <= 1.01`: the excess was 7.99, and at least 7.83 by the "
        "bound for all looks"
    )
    assert harm[0].why == (
        "at look 1 clicks was worse than that of the status quo by 13, and by at least 12.2 by the bound for all looks"
    )


def test_a_guardrail_is_named_before_harm() -> None:
    told = ToldArms(constraints=["errors <= 1"])

    found = _one_look(told, 0.9, {"clicks": (0, 1), "errors": (99, 1)}, {"clicks": (50, 1), "errors": (0, 1)})

    assert [each.rule for each in found] == ["guardrail", "alone"]


def test_an_exact_metric_beyond_its_limit_is_a_breach_at_once() -> None:
    told = ToldArms(constraints=["memory <= 4"])

    found = _one_look(told, 0.01, {"clicks": (1, 1), "memory": (4.1, 0)}, {"clicks": (1, 1)})

    assert found[0].rule == "guardrail"


def test_nothing_is_judged_without_errors_or_by_one_side() -> None:
    told = ToldArms()
    first, arm = told.batch((0, 0.5), (7, 0.5))
    looks = [
        {first: {"clicks": measured(90, None, 100)}, arm: {"clicks": measured(1, 1, 100)}},
        {arm: {"clicks": measured(1, 0.1, 400)}},
    ]

    assert [told.look(step, look) for step, look in enumerate(looks, 1)] == [[], []]
    # The status quo's report of the last look makes it complete.
    assert [each.step for each in told.look(2, {first: {"clicks": measured(90, 0.1, 400)}})] == [2, 2]


@pytest.mark.parametrize(("beyond", "stopped"), [(0.999, False), (1.001, True)])
def test_a_first_look_without_counts_is_judged_as_one_at_half_of_the_plan(beyond: float, stopped: bool) -> None:
    told = ToldArms()
    first, arm = told.batch((0, 0.5), (7, 0.5))
    worse = 100 - beyond * _threshold(0.05, 0.5) * 5

    found = told.look(1, {first: {"clicks": measured(100, 3)}, arm: {"clicks": measured(worse, 4)}})

    assert [each.rule for each in found] == (["harm", "alone"] if stopped else [])


def test_an_arm_is_judged_once_it_and_its_status_quo_have_reported_a_look() -> None:
    told = ToldArms()
    first, late, harmful = told.batch((0, 0.4), (7, 0.3), (8, 0.3))
    quo, bad = {"clicks": measured(50, 0.1, 400)}, {"clicks": measured(5, 0.1, 300)}

    assert told.look(1, {harmful: bad}) == []
    assert [each.trial for each in told.look(1, {first: quo})] == [harmful]
    assert told.history.trials[late].outcome is None


def test_later_looks_pay_for_earlier_ones() -> None:
    # Without the first look, the second would have a boundary that this arm exceeds.
    alone, with_one_before = ToldArms(), ToldArms()
    worse = 100 - 1.0005 * _threshold(0.05, 0.96)
    last = {"clicks": measured(worse, math.sqrt(0.5), 480)}, {"clicks": measured(100, math.sqrt(0.5), 480)}
    early = {"clicks": measured(100, 0.75, 430)}
    for told, looks in ((alone, 0), (with_one_before, 1)):
        first, arm = told.batch((0, 0.5), (7, 0.5))
        if looks:
            told.look(1, {first: early, arm: early})
        stops = told.look(2, {first: last[1], arm: last[0]})
        assert bool(stops) == (looks == 0)


def test_the_status_quo_goes_on_while_an_arm_runs_and_ends_when_it_is_alone() -> None:
    told = ToldArms()
    first, a, b = told.batch((0, 0.4), (7, 0.3), (8, 0.3))
    good, bad = {"clicks": measured(50, 0.1, 250)}, {"clicks": measured(5, 0.1, 250)}

    assert [each.trial for each in told.look(1, {first: good, a: bad, b: good})] == [a]
    told.abandon(b, "by mistake")
    [end] = told.look(2, {first: {"clicks": measured(50, 0.1, 300)}})

    assert (end.trial, end.rule, end.step) == (first, "alone", 2)


def test_the_status_quo_is_needed_by_an_arm_that_has_a_result() -> None:
    told = ToldArms()
    first, a = told.batch((0, 0.5), (7, 0.5))
    told.observe({a: {"clicks": measured(50, 1, 500)}})

    assert told.look(1, {first: {"clicks": measured(50, 1, 500)}}) == []


def test_reports_of_an_attempt_that_was_given_up_decide_nothing() -> None:
    told = ToldArms()
    first, arm = told.batch((0, 0.5), (7, 0.5))
    stale = [
        MeasurementReported(
            time=NOW, actor="c", trial=trial, attempt=9, step=1, metrics={"clicks": measured(mean, 0.1, 400)}
        )
        for trial, mean in ((first, 50), (arm, 5))
    ]

    assert arm_stops(told.history.extended(stale), stale, NOW, "c") == []


def test_the_same_history_gives_the_same_stops() -> None:
    told = ToldArms()
    first, arm = told.batch((0, 0.5), (7, 0.5))
    looks = {first: {"clicks": measured(50, 1, 400)}, arm: {"clicks": measured(5, 1, 400)}}
    before = told.history
    stops = told.look(1, looks)
    heard = [each for trial in (first, arm) for each in told.history.reports[trial]]

    assert arm_stops(before.extended(heard), heard, NOW, "c") == stops
    # An ended arm is not stopped again.
    assert arm_stops(told.history, heard, NOW, "c") == []


def test_other_campaigns_have_no_arms_to_stop() -> None:
    history = History.from_events([defined(), proposed(1), started(1)])
    report = MeasurementReported(
        time=NOW, actor="c", trial=1, attempt=1, step=1, metrics={"burnt": measured(1e9, 0.1, 10)}
    )

    assert arm_stops(history.extended([report]), [report], NOW, "c") == []


def test_an_infinite_difference_stops_no_arm_before_the_first_finite_bound() -> None:
    assert _one_look(ToldArms(), 0.004, {"clicks": (-1e308, 1)}, {"clicks": (1e308, 1)}) == []
