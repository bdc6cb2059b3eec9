"""People append to the ledger of a running campaign, from anywhere, and its controller acts on it."""

import pytest
from running import Gate, Running, hang, now
from scripted_campaign import ScriptedEvaluator, a_campaign
from standing import status_lines

from overnight.campaign import History
from overnight.campaign.errors import Refused
from overnight.campaign.history.events import TrialProposed
from overnight.flows.people.requests import ask_to_stop, pause, resume
from overnight.storage import MemoryLedger


async def test_a_controller_that_only_waits_hears_what_others_append():
    evaluator = ScriptedEvaluator(hang)
    running = Running(a_campaign(workers=1), evaluator)
    await running.until(lambda history: history.started == 1)

    def by_hand(history: History) -> list[TrialProposed]:
        point = {"x": 0.5, "n": 7}
        return [TrialProposed(time=now(), actor="ada@home", trial=2, point=point, generator="manual")]

    await running.append(by_hand)
    await running.until(lambda history: 2 in history.trials)
    running.stop.ask()
    running.stop.ask()
    history = await running.controller
    assert evaluator.evaluated == [(1, 1)]
    assert history.trials[2].status == "waiting"


async def test_a_paused_campaign_starts_nothing_and_records_what_runs_until_it_is_resumed():
    gate = Gate()
    evaluator = ScriptedEvaluator(gate.wait)
    running = Running(a_campaign(workers=2), evaluator)
    await running.until(lambda history: history.started == 2)
    await running.append(lambda history: pause(history, "ada@home", "the oven is cleaned", now()))
    await running.until(lambda history: history.paused is not None)
    gate.open.set()
    history = await running.until(lambda history: len(history.model_view().observed) == 2)
    assert history.started == 2
    assert any("paused by ada@home" in line and "the oven is cleaned" in line for line in status_lines(history))
    assert not running.controller.done()
    await running.append(lambda history: resume(history, "bob@work", "", now()))
    history = await running.controller
    assert sorted(evaluator.evaluated) == [(i, 1) for i in range(1, 9)]
    assert history.closed_by.kind == "campaign_finished"


async def test_a_paused_campaign_is_still_paused_for_the_next_controller():
    ledger, gate = MemoryLedger(), Gate()
    first = Running(a_campaign(workers=1), ScriptedEvaluator(gate.wait), ledger)
    await first.until(lambda history: history.started == 1)
    await first.append(lambda history: pause(history, "ada@home", "lunch", now()))
    await first.until(lambda history: history.paused is not None)
    first.stop.ask()
    gate.open.set()
    history = await first.controller
    assert history.closed_by.kind == "campaign_drained"
    evaluator = ScriptedEvaluator()
    second = Running(a_campaign(workers=1), evaluator, ledger)
    await second.until(lambda history: history.lease is not None and history.lease.epoch == 2)
    assert evaluator.evaluated == []
    await second.append(lambda history: resume(history, "ada@home", "", now()))
    assert (await second.controller).closed_by.kind == "campaign_finished"
    assert len(evaluator.evaluated) == 7


async def test_a_paused_campaign_can_be_drained():
    gate = Gate()
    running = Running(a_campaign(workers=1), ScriptedEvaluator(gate.wait))
    await running.until(lambda history: history.started == 1)
    await running.append(lambda history: pause(history, "ada@home", "lunch", now()))
    await running.until(lambda history: history.paused is not None)
    gate.open.set()
    await running.until(lambda history: len(history.model_view().observed) == 1)
    await running.append(lambda history: ask_to_stop(history, "ada@home", "go home", now(), at_once=False))
    history = await running.controller
    assert history.closed_by.kind == "campaign_drained"
    assert "go home" in history.closed_by.reason


async def test_a_request_to_drain_ends_the_controller_of_then_and_not_the_next_one():
    ledger, gate = MemoryLedger(), Gate()
    first = Running(a_campaign(workers=2), ScriptedEvaluator(gate.wait), ledger)
    await first.until(lambda history: history.started == 2)
    await first.append(lambda history: ask_to_stop(history, "ada@home", "rain", now(), at_once=False))
    await first.until(lambda history: history.asked_to_stop is not None)
    gate.open.set()
    history = await first.controller
    assert history.closed_by.kind == "campaign_drained"
    assert "by ada@home" in history.closed_by.reason
    assert len(history.model_view().observed) == 2
    history = await Running(a_campaign(workers=2), ScriptedEvaluator(), ledger).controller
    assert history.closed_by.kind == "campaign_finished"


async def test_a_request_to_stop_ends_what_runs_and_it_is_tried_again_later():
    ledger = MemoryLedger()
    first = Running(a_campaign(workers=2), ScriptedEvaluator(hang), ledger)
    await first.until(lambda history: history.started == 2)
    await first.append(lambda history: ask_to_stop(history, "ada@home", "", now(), at_once=False))
    await first.append(lambda history: ask_to_stop(history, "ada@home", "smoke", now(), at_once=True))
    history = await first.controller
    assert {t.attempts[0].failed.cause for t in history.trials.values()} == {"cancelled"}
    second = ScriptedEvaluator()
    history = await Running(a_campaign(workers=2), second, ledger).controller
    assert [key for key in second.evaluated if key[1] == 2] == [(1, 2), (2, 2)]
    assert len(history.model_view().observed) == 8


async def test_what_is_asked_in_vain_is_refused_with_what_was_found():
    gate = Gate()
    running = Running(a_campaign(workers=1), ScriptedEvaluator(gate.wait))
    history = await running.until(lambda history: history.started == 1)
    with pytest.raises(Refused, match="is not paused, so there is nothing to resume"):
        resume(history, "ada@home", "", now())
    await running.append(lambda history: pause(history, "ada@home", "lunch", now()))
    await running.append(lambda history: ask_to_stop(history, "ada@home", "", now(), at_once=False))
    with pytest.raises(Refused, match=r"paused by ada@home .*: lunch"):
        pause(running.elsewhere.history, "bob@work", "", now())
    with pytest.raises(Refused, match="asked to drain by ada@home"):
        ask_to_stop(running.elsewhere.history, "bob@work", "", now(), at_once=False)
    gate.open.set()
    history = await running.controller
    with pytest.raises(Refused, match="has no running controller: the last one has ended"):
        ask_to_stop(history, "bob@work", "", now(), at_once=True)
