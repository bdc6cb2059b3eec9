import math

import pytest
import torch
from told_experiments import QUICK, STATUS_QUO, Told, experiment, hill

from overnight.bo_core.custom_proposer import CustomProposer
from overnight.bo_core.experiment import next_batch
from overnight.bo_core.experiment.breaches import breach_of
from overnight.bo_core.proposer import AnyProposer, SobolProposer
from overnight.campaign import Proposal
from overnight.campaign.errors import ModelFailed
from overnight.campaign.experiment.phase import phase_of

SHARE = math.sqrt(5) / (5 + math.sqrt(5))
FOUR = {"variant": {"kind": "categorical", "choices": ["a", "b", "c", "d"]}}


def generators(arms: list[Proposal]) -> list[str]:
    return [arm.generator for arm in arms]


def weights(arms: list[Proposal]) -> list[float]:
    return [arm.weight or 0.0 for arm in arms]


def test_the_first_batch_is_the_status_quo_then_what_the_file_asks_for_then_even_points() -> None:
    arms = Told(experiment(start_with=[{"x0": 0.1, "x1": 0.1}, STATUS_QUO])).next()
    assert generators(arms) == ["baseline", "manual", "sobol", "sobol", "sobol", "sobol"]
    assert arms[0].point == STATUS_QUO
    assert arms[1].point == {"x0": 0.1, "x1": 0.1}
    assert weights(arms) == pytest.approx([SHARE] + [(1 - SHARE) / 5] * 5, abs=1e-15)


def test_the_batch_is_whole_however_many_trials_are_asked_for() -> None:
    told = Told(experiment())
    assert told.next() == Told(told.campaign.model_copy(update={"workers": 1})).next()
    assert len(told.next()) == 6


def test_later_batches_begin_with_the_status_quo_again_and_have_the_models_points() -> None:
    told = Told(experiment())
    told.run(1, 1.0)
    arms = told.next()
    assert generators(arms) == ["baseline"] + ["model"] * 5
    assert arms[0].point == STATUS_QUO
    assert arms == told.next(), "a batch is a pure function of the history"
    assert sum(weights(arms)) == pytest.approx(1.0, abs=1e-12)
    places = [tuple(arm.point.items()) for arm in arms]
    assert len(set(places)) == 6


def test_the_model_learns_from_arms_that_looks_have_stopped_even_if_no_arm_has_a_result() -> None:
    told = Told(experiment())
    for trial in told.propose():
        told.report(trial, 1, hill(told.history.trials[trial].point), 0.01)
        told.stop(trial)
    arms = told.next()
    assert not told.history.model_view().observed
    assert generators(arms) == ["baseline"] + ["model"] * 5
    assert max(hill(arm.point) for arm in arms) > hill(STATUS_QUO)


def test_nothing_is_proposed_while_an_arm_of_another_batch_runs() -> None:
    told = Told(experiment())
    trials = told.propose()
    for trial in trials[:-1]:
        told.observe(trial, 1.0)
    assert told.next() == []


def test_a_test_ends_with_the_best_arm_on_fresh_traffic() -> None:
    told = Told(experiment(ramp_up={"stages": [0.2, 0.5]}, budget={"trials": 16}))
    *explored, first, second = told.run(9, 1.0)
    assert [len(arms) for arms in explored] == [6, 6]
    for stage, share in ((first, 0.2), (second, 0.5)):
        assert generators(stage) == ["baseline", "ramp_up"]
        assert weights(stage) == pytest.approx([1 - share, share], abs=1e-15)
    assert first[1].point == second[1].point
    assert first[1].point in [arm.point for arms in explored for arm in arms[1:]]
    assert told.next() == []


def test_an_arm_that_is_through_is_not_ramped_up_twice_after_more_batches() -> None:
    told = Told(experiment(budget={"trials": 8}))
    told.run(2, 0.0, sd=1.0)
    told.campaign = experiment(budget={"trials": 16})
    quo, *others = told.next()
    for trial in told.start([quo, *others]):
        told.observe(trial, 0.0 if trial == 9 else -50.0, 0.01, 1000)
    assert phase_of(told.campaign, told.history, breach_of).kind == "ramp up"
    assert told.next() == []


def test_an_initial_number_of_points_comes_from_the_sequence() -> None:
    told = Told(experiment(), QUICK.model_copy(update={"initial": 9}))
    found = [generators(arms) for arms in told.run(3, 1.0)]
    assert found == [["baseline"] + [name] * 5 for name in ("sobol", "sobol", "model")]


def test_the_next_best_arm_follows_one_that_harm_stopped() -> None:
    told = Told(experiment(budget={"trials": 11}))
    told.run(1, 0.0)
    tried = told.history.trials
    told.campaign = experiment(budget={"trials": 8})
    quo, candidate = told.propose()
    first = told.history.trials[candidate].point
    told.stop(candidate)
    told.observe(quo, tried[1].measured["rate"].mean, 0.05)
    told.campaign = experiment(budget={"trials": 10})
    [_, following] = told.next()
    assert following.generator == "ramp_up"
    best_first = sorted(tried.values(), key=lambda trial: -trial.measured["rate"].mean)
    assert [first, following.point] == [trial.point for trial in best_first[:2]]


def test_no_arm_is_ramped_up_if_the_status_quo_is_the_best() -> None:
    told = Told(experiment(baseline={"x0": 0.7, "x1": 0.35}, budget={"trials": 8}))
    told.run(1, 1.0, sd=1.0)
    assert told.next() == []


def test_of_four_variants_all_are_tried_and_then_promising_ones_get_more_traffic_than_others() -> None:
    told = Told(experiment(parameters=FOUR, baseline={"variant": "a"}, traffic={"per_batch": 4000}))
    first, second = told.run(
        2, 1.0, rate=lambda point: {"a": 0.0, "b": 0.1, "c": 0.2, "d": -9.0}[str(point["variant"])]
    )
    assert sorted(str(arm.point["variant"]) for arm in first) == ["a", "b", "c", "d"]
    again = {str(arm.point["variant"]) for arm in second}
    assert {"a", "c"} <= again
    assert "d" not in again, "nothing is gained by measuring again what is far worse"
    assert generators(second) == ["baseline"] + ["model"] * (len(second) - 1)
    assert sum(weights(second)) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("proposer", [QUICK, SobolProposer()])
def test_a_variant_that_a_guardrail_stopped_is_not_tried_again(proposer: AnyProposer) -> None:
    told = Told(experiment(parameters=FOUR, baseline={"variant": "a"}, traffic={"per_batch": 4000}), proposer)
    trials = told.propose()
    arms = {str(told.history.trials[trial].point["variant"]): trial for trial in trials}
    for variant, trial in arms.items():
        told.report(trial, 1, {"a": 0.0, "b": 0.5, "c": 0.2, "d": 0.1}[variant], 0.3)
        if variant == "b":
            told.stop(trial, "guardrail")
        else:
            told.observe(trial, {"a": 0.0, "c": 0.2, "d": 0.1}[variant], 0.3, 1000)
    found = {str(arm.point["variant"]) for arm in told.next()}
    assert "b" not in found
    assert {"a", "c"} <= found


def test_without_a_model_variants_are_measured_again_in_turn() -> None:
    told = Told(experiment(parameters=FOUR, baseline={"variant": "a"}, arms=3), SobolProposer())
    found = [{str(arm.point["variant"]) for arm in arms} for arms in told.run(4, 1.0, lambda _: 0.0)]
    assert all("a" in arms and len(arms) == 3 for arms in found)
    times = {variant: sum(variant in arms for arms in found) for variant in "bcd"}
    assert sorted(times.values()) == [2, 3, 3]


def test_if_the_model_fails_even_points_stand_in_for_its_arms(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(experiment())
    told.run(1, 1.0)

    def fail(_: object) -> list[Proposal]:
        raise ModelFailed("it is not finite")

    monkeypatch.setattr(next_batch, "model_proposals", fail)
    arms = told.next()
    assert generators(arms) == ["baseline"] + ["sobol"] * 5
    assert arms[1].provenance is not None
    assert (arms[1].provenance.asked.stand_in, arms[1].provenance.asked.away) == ("sobol", "it is not finite")


def test_a_proposer_of_ones_own_fills_the_batch_beside_the_status_quo(tmp_path) -> None:
    (tmp_path / "mine.py").write_text(
        "from overnight.campaign import Proposal\n"
        "class Mine:\n"
        "    def propose(self, campaign, history, q):\n"
        "        points = [{'x0': 0.5 + i / 100, 'x1': 0.5} for i in range(q)]\n"
        "        return [Proposal(point=point, generator='custom') for point in points]\n"
    )
    proposer = CustomProposer(implementation="mine:Mine").in_folder(tmp_path)
    arms = Told(experiment(), proposer).next()
    assert generators(arms) == ["baseline"] + ["custom"] * 5
    assert weights(arms) == pytest.approx([SHARE] + [(1 - SHARE) / 5] * 5, abs=1e-15)


def test_a_batch_does_not_depend_on_the_state_of_torch() -> None:
    told = Told(experiment(), QUICK)
    told.run(1, 1.0)
    before = told.next()
    torch.manual_seed(5)
    assert told.next() == before
