from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from told_experiments import STATUS_QUO, Told, experiment

from overnight.campaign import Campaign, History, Point, Proposal, Trial
from overnight.campaign.experiment.phase import Phase, phase_of, runs_of
from overnight.campaign.history.events import CampaignRevised, TrialAbandoned
from overnight.flows.session.lease import CONTROLLER

ARM: Point = {"x0": 0.5, "x1": 0.5}
OTHER: Point = {"x0": 0.9, "x1": 0.1}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def harmless(history: History, trial: Trial) -> None:
    """Judge that no result rolls a candidate back."""


def two_stages(trials: int = 10) -> Campaign:
    return experiment(arms=4, budget={"trials": trials}, ramp_up={"stages": [0.1, 0.5]})


def a_batch(told: Told, count: int) -> list[int]:
    """Append a batch of so many arms to explore, and their results."""
    arms = [Proposal(point={"x0": i / 100, "x1": 0.5}, generator="sobol", weight=0.1) for i in range(1, count)]
    trials = told.start([Proposal(point=STATUS_QUO, generator="baseline", weight=0.5), *arms])
    for trial in trials:
        told.observe(trial, float(trial))
    return trials


def a_stage(told: Told, point: Point = ARM) -> tuple[int, int]:
    """Append a stage of a candidate, and return the ids of the status quo and the candidate."""
    share = phase(told).share
    quo, candidate = told.start(
        [
            Proposal(point=STATUS_QUO, generator="baseline", weight=1 - share),
            Proposal(point=point, generator="ramp_up", weight=share),
        ]
    )
    return quo, candidate


def a_passed_stage(told: Told, point: Point = ARM) -> None:
    for trial in a_stage(told, point):
        told.observe(trial, 1.0)


def phase(told: Told) -> Phase:
    return phase_of(told.campaign, told.history, harmless)


def test_the_search_explores_with_what_all_stages_leave_of_the_budget() -> None:
    told = Told(two_stages(13))
    found = []
    while phase(told).kind == "explore":
        found.append(phase(told).arms)
        a_batch(told, found[-1])
    # 13 trials less 4 for two stages; one place is left, which is no batch.
    assert found == [4, 4]
    assert phase(told) == Phase("ramp up", 2, 0, 0.1)


def test_no_batch_is_proposed_while_an_arm_of_another_one_is_open() -> None:
    told = Told(two_stages())
    quo, *arms = told.start([Proposal(point=p, generator="sobol") for p in (STATUS_QUO, ARM, OTHER)])
    for trial in (quo, *arms):
        assert phase(told).waits
        assert phase(told).may_propose == 0
        told.observe(trial, 1.0)
    assert phase(told).may_propose == 3


def test_a_candidate_goes_through_the_stages_one_after_the_other_and_then_it_is_over() -> None:
    told = Told(two_stages())
    a_batch(told, 4)
    a_batch(told, 2)
    assert (phase(told).stage, phase(told).share, phase(told).candidate) == (0, 0.1, None)
    a_passed_stage(told)
    assert (phase(told).stage, phase(told).share, phase(told).candidate) == (1, 0.5, ARM)
    a_passed_stage(told)
    assert phase(told).kind == "over"
    [run] = runs_of(told.campaign, told.history, harmless)
    assert run.is_through
    assert (run.candidate, run.passed, run.batches) == (ARM, 2, (7, 9))


@pytest.mark.parametrize("rule", ["guardrail", "harm"])
def test_a_candidate_that_a_look_stopped_is_rolled_back_and_the_next_one_begins_with_the_first_stage(rule: str) -> None:
    told = Told(two_stages(12))
    for _ in range(2):
        a_batch(told, 4)
    a_passed_stage(told)
    quo, candidate = a_stage(told)
    told.stop(candidate, rule)
    told.stop(quo, "alone")
    assert phase(told).kind == "over", "four trials would be needed, and none are left"
    richer = told.campaign.model_copy(update={"budget": told.campaign.budget.model_copy(update={"trials": 16})})
    found = phase_of(richer, told.history, harmless)
    assert found == Phase("ramp up", 2, 0, 0.1, None, (ARM,))
    told.campaign = richer
    a_passed_stage(told, OTHER)
    assert phase(told).candidate == OTHER
    assert phase(told).stage == 1
    assert [run.rolled_back for run in runs_of(richer, told.history, harmless)] == ["it is worse", None]


def test_a_candidate_whose_result_is_judged_harmful_has_not_passed_and_is_rolled_back() -> None:
    told = Told(two_stages(12))
    for _ in range(2):
        a_batch(told, 4)
    a_passed_stage(told)
    a_passed_stage(told)

    def second_is_bad(history: History, trial: Trial) -> str | None:
        return "it hides too much" if trial.id == 12 else None

    [run] = runs_of(told.campaign, told.history, second_is_bad)
    assert (run.passed, run.is_through, run.rolled_back) == (1, False, "it hides too much")
    assert phase_of(two_stages(16), told.history, second_is_bad) == Phase("ramp up", 2, 0, 0.1, None, (ARM,))


def test_a_candidate_that_a_person_ended_is_rolled_back() -> None:
    told = Told(two_stages(12))
    for _ in range(2):
        a_batch(told, 4)
    quo, candidate = a_stage(told)
    told.events.append(TrialAbandoned(time=NOON, actor="ada", trial=candidate, why="too bold"))
    told.observe(quo, 1.0)
    [run] = runs_of(told.campaign, told.history, harmless)
    assert run.rolled_back == "abandoned by ada: too bold"


def test_a_candidate_that_fails_by_its_own_fault_is_rolled_back_and_no_other() -> None:
    for cause, rolled_back in (("infeasible", True), ("timeout", True), ("infrastructure", False)):
        told = Told(two_stages(12))
        for _ in range(2):
            a_batch(told, 4)
        quo, candidate = a_stage(told)
        told.fail(candidate, cause)
        told.observe(quo, 1.0)
        [run] = runs_of(told.campaign, told.history, harmless)
        assert (run.rolled_back is not None) == rolled_back
        assert run.passed == 0


def rolled_back_after(*ends: Callable[[Told, int], None]) -> str | None:
    """Return why a candidate is rolled back after a first stage in which the status quo and it end like this."""
    told = Told(two_stages(12))
    for _ in range(2):
        a_batch(told, 4)
    for end, trial in zip(ends, a_stage(told), strict=True):
        end(told, trial)
    [run] = runs_of(told.campaign, told.history, harmless)
    assert run.passed == 0
    return run.rolled_back


def fails(cause: str) -> Callable[[Told, int], None]:
    return lambda told, trial: told.fail(trial, cause)


def withdrawn(actor: str) -> Callable[[Told, int], None]:
    return lambda told, trial: told.events.append(
        TrialAbandoned(time=NOON, actor=actor, trial=trial, why="nothing is left to compare with")
    )


@pytest.mark.parametrize("cause", ["timeout", "invalid_result", "configuration"])
def test_a_failure_that_the_status_quo_shares_is_not_the_candidates_own(cause: str) -> None:
    assert rolled_back_after(fails(cause), fails(cause)) is None
    assert rolled_back_after(fails("infrastructure"), fails(cause)) == "it failed: no"


def test_a_withdrawal_by_the_controller_rolls_nothing_back_and_that_by_a_person_does() -> None:
    assert rolled_back_after(fails("timeout"), withdrawn(CONTROLLER)) is None
    why = "abandoned by ada: nothing is left to compare with"
    assert rolled_back_after(fails("timeout"), withdrawn("ada")) == why
    assert rolled_back_after(withdrawn("ada"), withdrawn(CONTROLLER)) == why


def test_a_stage_without_a_result_of_its_status_quo_is_run_again() -> None:
    told = Told(two_stages(12))
    for _ in range(2):
        a_batch(told, 4)
    quo, candidate = a_stage(told)
    told.observe(candidate, 1.0)
    told.fail(quo, "infrastructure")
    assert (phase(told).kind, phase(told).stage, phase(told).candidate) == ("ramp up", 0, ARM)


def test_a_candidate_without_a_status_quo_has_passed_nothing() -> None:
    told = Told(two_stages(12))
    [alone] = told.start([Proposal(point=ARM, generator="ramp_up", weight=0.1)])
    told.observe(alone, 1.0)
    [run] = runs_of(told.campaign, told.history, harmless)
    assert run.passed == 0


def test_a_candidate_outside_new_bounds_is_rolled_back() -> None:
    told = Told(two_stages(12))
    for _ in range(2):
        a_batch(told, 4)
    a_passed_stage(told)
    narrow = {f"x{i}": {"kind": "float", "low": 0.0, "high": high} for i, high in enumerate((0.4, 1.0))}
    space = type(told.campaign.parameters).model_validate(narrow)
    revised = two_stages(12).model_copy(update={"parameters": space})
    told.events.append(CampaignRevised(time=NOON, actor="ada", revision=1, definition=revised))
    assert phase_of(revised, told.history, harmless).rolled_back == (ARM,)


def test_a_larger_budget_lets_the_search_go_on_after_a_ramp_up() -> None:
    told = Told(two_stages(8))
    a_batch(told, 4)
    for _ in range(2):
        a_passed_stage(told)
    assert phase(told).kind == "over"
    told.campaign = two_stages(16)
    assert phase(told) == Phase("explore", 4)
    a_batch(told, 4)
    assert (phase(told).kind, phase(told).candidate) == ("ramp up", None)
