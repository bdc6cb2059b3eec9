"""A standard error that contradicts the campaign's `noise` is refused at every door, and named."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from scripted_campaign import ScriptedEvaluator, a_campaign, run

from overnight.campaign import Campaign, EvaluationSucceeded, History, Measurement
from overnight.campaign.errors import InvalidResult
from overnight.campaign.history.events import CampaignDefined
from overnight.campaign.history.trial import Failure, Observation
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.past_results.matching import fitted
from overnight.flows.people.trials_by_hand import suggest_measured
from overnight.storage.past.results import PastResults, PastRow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MISSING = "metric `loss`: expected a standard error with the mean because of `noise: known`, found none"
UNWANTED = "metric `loss`: expected no standard error, or 0, because of `noise: none`, found 0.25"
REFUSED = [("known", None, MISSING), ("none", 0.25, UNWANTED)]
TAKEN = [
    *(("known", 0.25), ("known", 0.0), ("none", None), ("none", 0.0)),
    *(("infer", None), ("infer", 0.25), (None, None), (None, 0.25)),
]
refused = pytest.mark.parametrize(("noise", "sem", "why"), REFUSED)
taken = pytest.mark.parametrize(("noise", "sem"), TAKEN)


async def evaluated(noise: str | None, sem: float | None) -> Any:
    """Return the ended trial of a campaign that a controller has run."""
    ends = EvaluationSucceeded(metrics={"loss": Measurement(mean=1.0, sem=sem)}, seconds=3.0, cost=2.0)
    history = await run(a_campaign(noise=noise, budget={"trials": 1}), ScriptedEvaluator(lambda trial, attempt: ends))
    return history.trials[1]


@refused
async def test_an_evaluation_has_an_invalid_result_whose_measurements_are_kept(noise, sem, why):
    trial = await evaluated(noise, sem)
    assert isinstance(trial.outcome, Failure)
    assert (trial.outcome.cause, trial.outcome.message) == ("invalid_result", why)
    [attempt] = trial.attempts
    assert attempt.failed is not None
    assert attempt.failed.metrics == {"loss": Measurement(mean=1.0, sem=sem)}
    assert (attempt.failed.seconds, attempt.failed.cost) == (3.0, 2.0)


@taken
async def test_an_evaluation_that_fits_is_observed(noise, sem):
    assert isinstance((await evaluated(noise, sem)).outcome, Observation)


def asked(folder: Path, noise: str | None) -> AskTell:
    definition = a_campaign(noise=noise).model_dump(mode="json", exclude_none=True)
    evaluator = {"kind": "command", "command": ["true"]}
    return AskTell(definition | {"ledger": str(folder), "evaluator": evaluator, "proposer": {"kind": "sobol"}})


@refused
def test_a_loop_of_ones_own_is_told_and_the_trial_is_still_under_way(tmp_path, noise, sem, why):
    campaign = asked(tmp_path, noise)
    trial = campaign.ask()
    with pytest.raises(InvalidResult) as problem:
        campaign.tell(trial, (1.0, sem))
    assert why in str(problem.value)
    assert campaign.history.trials[trial.id].outcome is None
    campaign.tell(trial, (1.0, 0.0))


def begun(noise: str | None) -> History:
    campaign = a_campaign(noise=noise)
    return History.from_events([CampaignDefined(time=NOON, actor="test", uid="u", definition=campaign)])


@refused
def test_a_result_that_a_person_reports_is_refused(noise, sem, why):
    with pytest.raises(InvalidResult) as problem:
        suggest_measured(begun(noise), "ada", "", NOON, {"x": 0.5, "n": 3}, {"loss": [1.0, sem]})
    assert why in str(problem.value)


def brought(campaign: Campaign, sem: float | None) -> Any:
    row = PastRow("line 2", {"x": 0.5, "n": 3}, {"loss": 1.0}, {"loss": sem})
    return fitted(campaign, PastResults("past.csv", (row,), ("x", "n", "loss")))


@refused
def test_a_past_result_is_a_misfit(noise, sem, why):
    found = brought(a_campaign(noise=noise), sem)
    assert (found.observations, found.misfits) == ((), 1)
    assert found.problems == (f"past.csv, line 2, {why}",)


@taken
def test_a_past_result_that_fits_is_an_observation(noise, sem):
    assert len(brought(a_campaign(noise=noise), sem).observations) == 1
