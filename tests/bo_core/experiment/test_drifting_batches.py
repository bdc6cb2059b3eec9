import math
from dataclasses import replace

import pytest
import torch
from told_experiments import QUICK, Told, experiment, hill

from overnight.bo_core.choice import Asked
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.experiment.candidate import candidate_of
from overnight.bo_core.fitting import Fitting
from overnight.bo_core.limits import Limits
from overnight.bo_core.model import Model, last_made_by_model
from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import recommend
from overnight.bo_core.weights.second_opinion import SecondOpinion
from overnight.campaign import History, Measurement, Proposal
from overnight.campaign.errors import ModelFailed
from overnight.campaign.history.events import CampaignDefined
from overnight.campaign.history.provenance import Models


def told_as_trials(told: Told) -> History:
    """Return the same results as those of an ordinary campaign, which knows no batches."""
    plain = told.campaign.model_dump(exclude={"kind", "arms", "traffic", "decide", "ramp_up"})
    defined, *others = told.events
    assert isinstance(defined, CampaignDefined)
    ordinary = type(told.campaign).model_validate({**plain, "kind": "tuning"})
    return History.from_events([defined.model_copy(update={"definition": ordinary}), *others])


def test_arms_of_drifting_batches_are_recommended_with_less_regret_if_the_model_knows_the_batches() -> None:
    knowing, ignoring = 0.0, 0.0
    for seed in range(4):
        told = Told(experiment(seed=seed))
        told.run(9, 3 * 0.37, seed=seed)
        found = recommend(told.campaign, told.history, QUICK)
        without = told_as_trials(told)
        ignorant = recommend(without.definition, without, QUICK, anywhere=False)
        assert found is not None
        assert ignorant is not None
        knowing -= hill(found.point) / 4
        ignoring -= hill(ignorant.point) / 4
    assert knowing < 0.1
    assert ignoring > 3 * knowing


def test_outcomes_are_in_units_of_their_spread_within_batches() -> None:
    means, batches = [1.0, 3.0, 105.0, 101.0, 103.0, 900.0], [1, 1, 3, 3, 3, 6]
    objective = experiment().objective
    found = Outcomes.of([Measurement(mean=mean, sem=1.0) for mean in means], objective, None, batches)
    # Squares of 1 and 1 about 2, and of 2, 2 and 0 about 103; six results less three means.
    assert found.scale == pytest.approx(math.sqrt((1 + 1 + 4 + 4) / 3))
    assert float(found.y[2] - found.y[3]) == pytest.approx(4.0 / found.scale)


def test_batches_of_one_result_each_have_the_spread_of_all() -> None:
    measured, objective = [Measurement(mean=mean, sem=1.0) for mean in (1.0, 3.0)], experiment().objective
    assert Outcomes.of(measured, objective, None, [1, 2]).scale == Outcomes.of(measured, objective, None).scale


def test_a_drift_of_whole_batches_moves_no_proposal_by_more_than_rounding() -> None:
    told, drifted = Told(experiment()), Told(experiment())
    arms = told.next()
    for each, shift in ((told, 0.0), (drifted, 1000.0)):
        for trial, arm in zip(each.start(arms), arms, strict=True):
            each.observe(trial, hill(arm.point) + shift, 0.1, 1000)
    for one, other in zip(told.next(), drifted.next(), strict=True):
        assert all(abs(float(one.point[name]) - float(other.point[name])) < 1e-3 for name in one.point)


def test_the_last_report_of_a_stopped_arm_is_its_measurement_and_running_arms_are_pending() -> None:
    told = Told(experiment())
    quo, stopped, running, *others = told.propose()
    told.observe(quo, 0.0)
    for trial in others:
        told.observe(trial, -1.0)
    for step, mean, sem in ((1, -3.0, 0.5), (2, -2.5, 0.25)):
        told.report(stopped, step, mean, sem)
        told.report(running, step, 9.0, 0.1)
    told.stop(stopped)
    asked = Asked(told.campaign, told.history, QUICK, Encoding(told.campaign.space), [], 1)
    observed = asked.situation.observed["rate"]
    by_trial = {trial.id: measured for trial, measured in zip(observed.trials, observed.measured, strict=True)}
    assert (by_trial[stopped].mean, by_trial[stopped].sem, by_trial[stopped].n) == (-2.5, 0.25, 200)
    assert running not in by_trial
    assert [trial.id for trial in asked.view.pending] == [running]
    assert observed.batches == (1,) * 5


def test_a_model_is_recalled_from_its_record_to_the_last_bit() -> None:
    told = Told(experiment())
    told.run(3, 1.0)
    asked = Asked(told.campaign, told.history, QUICK, Encoding(told.campaign.space), [], 1)
    observed, last = asked.situation.observed["rate"], last_made_by_model(told.history)
    made = Model.of(observed, QUICK, torch.Generator().manual_seed(0), last)
    record, jitter = made.posterior.as_record(), made.posterior.jitter
    again = Model.recalled(observed, QUICK, torch.Generator().manual_seed(0), last, record=record, jitter=jitter)
    assert len(record["log_batch_variance"]) == 1
    assert torch.equal(made.posterior.marginal(made.data.X)[0], again.posterior.marginal(made.data.X)[0])


def test_results_without_a_batch_are_batches_of_their_own() -> None:
    told = Told(experiment())
    told.run(1, 0.0)
    alone = told.start([Proposal(point={"x0": 0.3, "x1": 0.3}, generator="manual")])
    told.events = [
        e.model_copy(update={"batch": None}) if getattr(e, "trial", 0) in alone and hasattr(e, "batch") else e
        for e in told.events
    ]
    told.observe(alone[0], 40.0)
    asked = Asked(told.campaign, told.history, QUICK, Encoding(told.campaign.space), [], 1)
    batches = asked.situation.observed["rate"].batches
    assert batches is not None
    assert len(set(batches)) == 2
    assert len(propose(told.campaign, told.history, QUICK, 1)) == 6


def test_a_record_without_shifts_is_no_model_of_an_ab_test_and_no_start_of_its_fit() -> None:
    told = Told(experiment())
    told.run(2, 1.0)
    asked = Asked(told.campaign, told.history, QUICK, Encoding(told.campaign.space), [], 1)
    observed, last = asked.situation.observed["rate"], last_made_by_model(told.history)
    made = Model.of(observed, QUICK, torch.Generator().manual_seed(0), last)
    record = {name: values for name, values in made.posterior.as_record().items() if "batch" not in name}
    with pytest.raises(ModelFailed, match="errors that results"):
        Model.recalled(observed, QUICK, torch.Generator(), last, record=record, jitter=made.posterior.jitter)
    assert last is not None
    fitted = last.models.metrics["rate"]
    old = last.model_copy(
        update={"models": Models(metrics={"rate": fitted.model_copy(update={"hyperparameters": record})})}
    )
    warm = [Fitting(made.data, QUICK, torch.Generator(), each, "rate", 1.0).warm for each in (last, old)]
    assert warm[0] is not None
    assert warm[1] is None


def test_exact_values_hold_only_for_their_own_batch() -> None:
    told = Told(experiment(constraints=["errors <= 20"]))
    for trial in told.propose():
        told.observe(trial, float(trial), 0.0, errors=float(trial))
    asked = Asked(told.campaign, told.history, QUICK, Encoding(told.campaign.space), [], 1)
    generator = torch.Generator().manual_seed(0)
    models = {name: Model.of(each, QUICK, generator) for name, each in asked.situation.observed.items()}
    limits = Limits.of(told.campaign, asked.encoding, models)
    assert limits is not None
    assert limits.exact["errors"].means == ()


def test_no_result_is_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    def suspect(*_: object) -> None:
        raise AssertionError("nothing may be suspected")

    monkeypatch.setattr("overnight.bo_core.choice.asked.suspects_among", suspect)
    monkeypatch.setattr("overnight.bo_core.recommendation.counted.suspects_among", suspect)
    told = Told(experiment(), QUICK.model_copy(update={"outliers": "doubt"}))
    told.run(2, 1.0)
    assert recommend(told.campaign, told.history, told.proposer) is not None


def test_glitches_and_tails_are_left_as_they_are() -> None:
    doubting = QUICK.model_copy(update={"outliers": "doubt"})
    told = Told(experiment(), doubting)
    told.run(2, 5.0, lambda point: -100.0 if float(point["x0"]) < 0.15 else hill(point))
    asked = Asked(told.campaign, told.history, doubting, Encoding(told.campaign.space), [], 1)
    assert asked.suspects == ()
    observed = asked.situation.observed["rate"]
    assert observed.outcomes.tail is None
    assert SecondOpinion.fitted(observed, doubting) is None
    assert SecondOpinion.fitted(replace(observed, batches=None), doubting) is not None, "an example with a tail"
    assert candidate_of(told.campaign, told.history, told.proposer, ()) is not None
