"""An evaluator may answer that the campaign has to stop, or that a failed start may have succeeded nevertheless."""

import asyncio
from datetime import timedelta

import pytest
from laboratory import DAY, Laboratory, a_job, run
from read_ledgers import events_of
from scripted_campaign import ScriptedEvaluator, a_campaign
from scripted_campaign import run as scripted_run

from overnight.campaign import EvaluationFailed, History
from overnight.campaign.errors import CampaignStopped
from overnight.campaign.evaluation import EvaluationOngoing
from overnight.campaign.history.events import AttemptPlaced, AttemptStarted, CampaignDrained
from overnight.evaluators.ongoing.polling import Polling
from overnight.storage import MemoryLedger

WHY = "`evaluator.token`: expected a token that the server knows. Correct it, then run the campaign again."
ONE = {"budget": {"trials": 1}, "workers": 1}


async def refused(trial: int, attempt: int) -> EvaluationFailed:
    return EvaluationFailed(cause="cancelled", message=WHY, stop=WHY)


def history_of(ledger: MemoryLedger) -> History:
    return History.from_events(asyncio.run(events_of(ledger)))


async def test_a_campaign_that_has_to_stop_ends_with_the_reason_and_no_trial_has_failed():
    ledger = MemoryLedger()
    evaluator = ScriptedEvaluator(refused)
    with pytest.raises(CampaignStopped) as stopped:
        await scripted_run(a_campaign(workers=2), evaluator, ledger)
    assert str(stopped.value) == WHY
    assert len(evaluator.evaluated) == 2
    events = await events_of(ledger)
    [drained] = [event for event in events if isinstance(event, CampaignDrained)]
    assert (drained.because, drained.reason) == ("trouble", WHY)
    history = History.from_events(events)
    assert [trial.status for trial in history.trials.values()] == ["waiting", "waiting"]
    assert all(trial.attempts[-1].failed.cause == "cancelled" for trial in history.trials.values())

    after = await scripted_run(a_campaign(workers=2), ScriptedEvaluator(), ledger)
    assert {trial.status for trial in after.trials.values()} == {"observed"}


def test_an_evaluation_that_continues_is_left_to_the_next_run_if_the_campaign_has_to_stop():
    laboratory, ledger = Laboratory(lasts=3 * DAY), MemoryLedger()
    laboratory.trouble = lambda call: EvaluationOngoing(handle="exp-1", stop=WHY) if call == 2 else None
    with pytest.raises(CampaignStopped, match="expected a token"):
        run(a_job(a_campaign(**ONE), laboratory, ledger))
    assert history_of(ledger).trials[1].status == "running"

    history = run(a_job(a_campaign(**ONE), laboratory, ledger))
    assert history.trials[1].status == "observed"
    assert list(laboratory.started) == ["exp-1"]
    assert laboratory.cancelled == []


class Uncertain(Laboratory):
    """Answers the first calls with a failure, after which the evaluation is asked for under another handle."""

    failures = 2

    async def evaluate(self, request, folder, report):
        if self.failures and not request.cancel:
            self.failures -= 1
            self.keys.append(request.key)
            return EvaluationFailed(cause="infrastructure", message="no answer", handle="asked for")
        if request.handle == "asked for" and not request.cancel:
            return await super().evaluate(request.model_copy(update={"handle": None}), folder, report)
        return await super().evaluate(request, folder, report)


def test_a_start_that_may_have_succeeded_is_followed_and_not_repeated_as_another_attempt():
    laboratory, ledger, said = Uncertain(), MemoryLedger(), list[str]()
    history = run(a_job(a_campaign(**ONE), laboratory, ledger, notify=said.append))
    assert history.trials[1].status == "observed"
    events = asyncio.run(events_of(ledger))
    assert sum(isinstance(event, AttemptStarted) for event in events) == 1
    assert [event.handle for event in events if isinstance(event, AttemptPlaced)] == ["asked for", "exp-1"]
    assert said == ["Trial 1: the start of its evaluation failed and will be repeated: no answer"]


def test_the_end_of_an_evaluation_that_was_never_reached_names_the_last_failure():
    laboratory = Uncertain()
    laboratory.failures = 10_000
    polling = Polling(every=timedelta(hours=1), at_most=DAY)
    history = run(a_job(a_campaign(**ONE), laboratory, MemoryLedger(), polling=polling))
    end = history.trials[1].outcome
    assert end.cause == "timeout"
    assert end.message.endswith("; the last look failed: no answer")
    assert laboratory.cancelled == ["asked for"]
