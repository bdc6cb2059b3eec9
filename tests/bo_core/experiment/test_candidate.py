from typing import Any

import pytest
from told_experiments import QUICK, STATUS_QUO, Told, experiment

from overnight.bo_core.experiment import candidate
from overnight.bo_core.experiment.candidate import candidate_of
from overnight.bo_core.proposer import SobolProposer
from overnight.bo_core.recommend import recommend
from overnight.campaign import Point, Proposal
from overnight.campaign.errors import ModelFailed

ARMS: list[Point] = [{"x0": 0.5, "x1": 0.5}, {"x0": 0.9, "x1": 0.1}, {"x0": 0.1, "x1": 0.1}]


def two_batches(sem: float = 0.05, errors: tuple[float, ...] | None = None, **more: Any) -> Told:
    """Return an A/B test whose second batch is lower by 10; the second arm is the best, and the first one next."""
    told = Told(experiment(arms=4, budget={"trials": 20}, **more))
    for shift in (0.0, -10.0):
        arms = [Proposal(point=arm, generator="sobol", weight=0.2) for arm in ARMS]
        trials = told.start([Proposal(point=STATUS_QUO, generator="baseline", weight=0.4), *arms])
        for i, (trial, rate) in enumerate(zip(trials, (0.0, 1.0, 2.0, -1.0), strict=True)):
            told.observe(trial, rate + shift, sem, **_errors(errors, i, shift))
    return told


def _errors(errors: tuple[float, ...] | None, arm: int, shift: float) -> dict[str, Any]:
    return {} if errors is None else {"errors": errors[arm] - 5 * shift}


def found(told: Told, rolled_back: tuple[Point, ...] = ()) -> Point | None:
    promising = candidate_of(told.campaign, told.history, told.proposer, rolled_back)
    return None if promising is None else promising.point


def test_the_candidate_is_the_recommended_arm() -> None:
    told = two_batches()
    recommended = recommend(told.campaign, told.history, QUICK)
    assert recommended is not None
    assert recommended.trial is not None, "only an arm that was measured is recommended"
    assert found(told) == recommended.point == ARMS[1]


def test_the_next_best_arm_follows_those_that_were_rolled_back_and_none_is_worse_than_the_status_quo() -> None:
    told = two_batches()
    assert found(told, (ARMS[1],)) == ARMS[0]
    assert found(told, (ARMS[1], ARMS[0])) is None


def test_an_arm_that_a_guardrail_stopped_while_exploring_is_no_candidate() -> None:
    told = two_batches()
    quo, arm = told.start(
        [Proposal(point=STATUS_QUO, generator="baseline"), Proposal(point=ARMS[1], generator="model")]
    )
    told.stop(arm, "guardrail")
    told.observe(quo, 0.0)
    assert found(told) == ARMS[0]


def test_an_arm_that_breaks_a_limit_beside_its_own_status_quo_is_no_candidate() -> None:
    told = two_batches(errors=(10.0, 10.0, 30.0, 10.0), constraints=["errors <= 1.2 * baseline"])
    assert found(told) == ARMS[0]


def test_an_arm_that_is_likely_feasible_is_tried_if_none_is_for_sure() -> None:
    told = two_batches(
        sem=0.5, errors=(10.0, 10.0, 30.0, 10.0), constraints=["errors <= 1.01 * baseline"], feasible_at_least=0.9999
    )
    assert found(told) == ARMS[0]


def test_without_a_result_of_a_limited_metric_there_is_no_candidate() -> None:
    assert found(two_batches(constraints=["errors <= 1.2 * baseline"])) is None


def test_without_any_result_there_is_no_candidate() -> None:
    assert found(Told(experiment())) is None


def test_a_proposer_without_a_model_has_the_same_candidate() -> None:
    told = two_batches()
    told.proposer = SobolProposer()
    assert found(told) == ARMS[1]


def test_without_a_model_limits_are_relative_to_the_own_status_quo(monkeypatch: pytest.MonkeyPatch) -> None:
    told = two_batches(errors=(10.0, 10.0, 30.0, 10.0), constraints=["errors <= 1.2 * baseline"])

    def fail(*_: object, **__: object) -> None:
        raise ModelFailed("it is not finite")

    monkeypatch.setattr(candidate, "_believed", fail)
    # In the second batch the best arm breaks the limit as well: 80 is more than 1.2 times 60.
    assert found(told) == ARMS[0]


def test_without_a_model_differences_to_the_own_status_quo_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    told = two_batches()
    # The first arm alone was also measured in a batch that drifted up by 50, and it was no better than before.
    quo, arm = told.start(
        [Proposal(point=STATUS_QUO, generator="baseline"), Proposal(point=ARMS[0], generator="model")]
    )
    told.observe(quo, 50.0, 0.05)
    told.observe(arm, 51.0, 0.05)

    def fail(*_: object, **__: object) -> None:
        raise ModelFailed("it is not finite")

    monkeypatch.setattr(candidate, "_believed", fail)
    monkeypatch.setattr("overnight.bo_core.recommend._believed", fail)
    assert found(told) == ARMS[1]
    assert found(told, (ARMS[1], ARMS[0])) is None
    recommended = recommend(told.campaign, told.history, QUICK)
    assert recommended is not None
    assert (recommended.point, recommended.without_model) == (ARMS[1], "it is not finite")
