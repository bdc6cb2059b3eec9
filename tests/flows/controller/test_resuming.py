"""A run that resumes a campaign shows the campaign's state so far."""

import asyncio
from contextlib import suppress

from read_ledgers import events_of
from running import Running, hang
from scripted_campaign import ScriptedEvaluator, a_campaign, failed, run

from overnight.campaign import History
from overnight.flows.host.stop import Stop, StopRequest
from overnight.flows.rules.resuming import resumed_with
from overnight.storage import MemoryLedger


async def history_of(ledger: MemoryLedger) -> History:
    return History.from_events(await events_of(ledger))


async def test_a_first_run_resumes_nothing():
    assert resumed_with(History()) is None


async def test_what_ended_and_how_the_last_run_did_are_said_after_a_drain():
    ledger, stop = MemoryLedger(), StopRequest()

    def evaluate(trial: int, attempt: int) -> object:
        if trial == 4:
            stop.ask_for(Stop.DRAIN)
        return failed("configuration") if trial == 2 else 1.0

    await run(a_campaign(workers=1), ScriptedEvaluator(evaluate), ledger, stop)
    said = str(resumed_with(await history_of(ledger)))
    assert said.startswith(
        "Resuming with 3 observed, 1 failed; 4 of 8 trials left to start. The last run was drained at "
    )
    assert said.endswith(": asked to stop.")


async def test_what_is_taken_over_from_a_dead_controller_is_said():
    running = Running(a_campaign(workers=2), ScriptedEvaluator(hang))
    await running.until(lambda history: sum(t.open_attempt is not None for t in history.trials.values()) == 2)
    said = str(resumed_with(await history_of(running.ledger)))
    assert said.startswith(
        "Resuming with 0 observed, 0 failed, 2 under way and taken over; 6 of 8 trials left to start."
    )
    assert "The last run was interrupted; its last entry in the ledger is from " in said
    running.controller.cancel()
    with suppress(asyncio.CancelledError):
        await running.controller


async def test_a_finish_is_said_too():
    ledger = MemoryLedger()
    await run(a_campaign(budget={"trials": 4}), ScriptedEvaluator(), ledger)
    said = str(resumed_with(await history_of(ledger)))
    assert "The last run finished at" in said
    assert "0 of 4 trials left" in said
