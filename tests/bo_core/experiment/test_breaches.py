import math
from statistics import NormalDist

import pytest
from crossing import crossing
from scipy.optimize import root_scalar
from told_arms import ToldArms, effects, measured

from overnight.bo_core.experiment.breaches import breach_of, breached_points
from overnight.bo_core.experiment.next_batch import next_batch
from overnight.bo_core.experiment.repeated import lower_bound
from overnight.bo_core.experiment.spending import Look, spent
from overnight.bo_core.experiment.verdicts import verdict
from overnight.bo_core.proposer import SobolProposer
from overnight.campaign.experiment.contrast import Contrast
from overnight.campaign.experiment.phase import phase_of

_GUARDED = {"constraints": ["hides <= 1.01 * baseline"], "ramp_up": {"stages": [0.1, 0.5]}}
_Z = NormalDist().inv_cdf(0.95)


def _stage(told: ToldArms, share: float, hides: float, clicks: float = 10.0) -> tuple[int, int]:
    """Tell a stage without any look: the status quo has 10 clicks and 1 hide a user, each with the error 0.1."""
    quo, arm = told.batch((0, 1 - share), (7, share), generator="ramp_up")
    told.observe(
        {
            quo: {"clicks": measured(10, 0.1, 500), "hides": measured(1, 0.1, 500)},
            arm: {"clicks": measured(clicks, 0.1, 500), "hides": measured(hides, 0.1, 500)},
        }
    )
    return quo, arm


def test_a_result_without_looks_that_breaks_a_guardrail_rolls_the_candidate_back() -> None:
    told = ToldArms(**_GUARDED)
    _stage(told, 0.1, hides=9)

    found = verdict(told.history)

    assert found.state == "rolled back"
    assert "in its result hides was 9, above the limit 1.01 of `hides <= 1.01 * baseline`" in str(found)
    phase = phase_of(told.history.definition, told.history, breach_of)
    assert (phase.stage, phase.candidate, phase.rolled_back) == (0, None, ({"size": 7},))
    assert breached_points(told.history) == [{"size": 7}]


def test_a_result_that_does_harm_in_the_last_stage_rolls_the_candidate_back() -> None:
    told = ToldArms(**_GUARDED)
    _stage(told, 0.1, hides=1)
    _stage(told, 0.5, hides=1, clicks=5)

    found = verdict(told.history)

    assert found.state == "rolled back"
    assert "in its result clicks was worse than that of the status quo by 5, and by at least 4.77 by the bound" in str(
        found
    )


def test_a_guardrail_on_a_calculation_is_judged_by_the_parts_that_looks_and_results_report() -> None:
    told = ToldArms(constraints=["hides / clicks <= 1.01 * baseline"], ramp_up={"stages": [0.1, 0.5]})
    quo, arm = told.batch((0, 0.5), (7, 0.5), generator="ramp_up")
    calm = {"clicks": measured(10, 0.1, 500), "hides": measured(1, 0.01, 500)}
    harm = calm | {"hides": measured(9, 0.1, 500)}
    stop = {each.trial: each for each in told.look(1, {quo: calm, arm: harm})}[arm]

    assert "hides / clicks was 0.9, above the limit 0.101 of `hides / clicks <= 1.01 * baseline`" in stop.why
    found = {each.metric: each for each in effects(told.history)}["hides / clicks"]
    assert (found.arm and found.arm.n, found.status_quo and found.status_quo.n) == (500, 500)
    assert found.value == pytest.approx(0.8)


@pytest.mark.parametrize(("beyond", "breached"), [(0.999, False), (1.001, True)])
def test_a_result_without_looks_spends_all_of_the_error(beyond: float, breached: bool) -> None:
    told = ToldArms(**_GUARDED)
    # Fewer units than planned: a result completes the information nevertheless.
    _, arm = _stage(told, 0.1, hides=1.01 + beyond * _Z * math.hypot(0.1, 1.01 * 0.1))

    assert (breach_of(told.history, told.history.trials[arm]) is not None) == breached


@pytest.mark.parametrize(("beyond", "breached"), [(0.999, False), (1.001, True)])
def test_a_result_has_the_error_that_its_looks_have_left(beyond: float, breached: bool) -> None:
    told = ToldArms()
    quo, arm = told.batch((0, 0.5), (7, 0.5))
    sem = 0.2
    same = {"clicks": measured(10, sem, 250)}
    told.look(1, {quo: same, arm: same})
    # At half of the information, the spending function has used 2 (1 - Φ(z / √½)), and the result uses the rest.
    normal = NormalDist()
    first = normal.inv_cdf(2 * normal.cdf(normal.inv_cdf(0.975) * math.sqrt(2)) - 1)
    looks = [Look(0.5, 0.5), Look(1.0, 1.0)]
    last = root_scalar(lambda bound: crossing(looks, [first, bound]) - 0.05, bracket=(1, 3), xtol=1e-5).root
    end = sem / math.sqrt(2)
    worse = 10 - beyond * last * math.hypot(end, end)
    told.observe({quo: {"clicks": measured(10, end, 500)}, arm: {"clicks": measured(worse, end, 500)}})

    assert (breach_of(told.history, told.history.trials[arm]) is not None) == breached


def test_looks_without_counts_spend_no_more_than_the_whole_error() -> None:
    looks = [Contrast(0.0, 1 / information) for information in (0.2, 0.5, 0.6)] + [Contrast(0.0, 1.0, final=True)]
    bounds = [-lower_bound(looks[: k + 1], 0.05) / math.sqrt(each.variance) for k, each in enumerate(looks)]

    informations = [Look(1 / each.variance, 1.0) for each in looks]

    assert crossing(informations, bounds) == pytest.approx(0.05, abs=1e-5)
    assert crossing(informations[:3], bounds[:3]) == pytest.approx(spent(0.05, 3 / 4), abs=1e-5)


def test_a_result_without_counts_has_the_planned_units() -> None:
    told = ToldArms(**_GUARDED)
    for share in (0.1, 0.5):
        quo, arm = told.batch((0, 1 - share), (7, share), generator="ramp_up")
        told.observe({quo: {"clicks": measured(10, 0.1), "hides": measured(1, 0.01)}})
        told.observe({arm: {"clicks": measured(12, 0.1), "hides": measured(0.5, 0.01)}})

    found = verdict(told.history)

    assert (found.state, found.units_fresh) == ("confirmed", 2000)
    # The information of the stages is alike, and was planned to be as w (1 - w): 0.09 to 0.25.
    assert [look.fraction for look in found.candidates[0].looks] == [pytest.approx(0.09 / 0.34), 1.0]


def test_results_without_errors_are_said_to_lack_them() -> None:
    told = ToldArms()
    quo, arm = told.batch((0, 0.5), (7, 0.5), generator="ramp_up")
    told.observe({quo: {"clicks": measured(10, 0)}, arm: {"clicks": measured(12, 0)}})

    assert "its results have no standard errors by which a difference could be judged" in str(verdict(told.history))


def test_a_result_is_not_judged_without_that_of_its_status_quo_and_no_status_quo_is_judged() -> None:
    told = ToldArms(**_GUARDED)
    quo, arm = told.batch((0, 0.5), (7, 0.5))
    told.observe({arm: {"clicks": measured(1, 0.1, 500), "hides": measured(9, 0.1, 500)}})

    assert breach_of(told.history, told.history.trials[arm]) is None
    told.observe({quo: {"clicks": measured(10, 0.1, 500), "hides": measured(1, 0.1, 500)}})
    assert [breach_of(told.history, told.history.trials[each]) is not None for each in (quo, arm)] == [False, True]


@pytest.mark.parametrize(("hides", "again"), [(1, [1, 2]), (9, [2])])
def test_an_arm_whose_result_breaks_a_guardrail_while_exploring_is_not_tried_again(
    hides: float, again: list[int]
) -> None:
    told = ToldArms(**_GUARDED, parameters={"size": {"kind": "int", "low": 0, "high": 2}})
    arms = told.batch((0, 0.4), (1, 0.3), (2, 0.3))
    told.observe(
        {
            arm: {"clicks": measured(10, 0.1, 300), "hides": measured(each, 0.1, 300)}
            for arm, each in zip(arms, (1, hides, 1), strict=True)
        }
    )

    batch = next_batch(told.history.definition, told.history, SobolProposer())

    assert [each.point["size"] for each in batch] == [0, *again]
