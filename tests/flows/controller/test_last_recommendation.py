"""A controller that ends records its recommendation, unless it must hurry or something went wrong."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from read_ledgers import events_of
from scripted_campaign import ScriptedEvaluator, a_campaign

from overnight.bo_core import BayesianProposer, SobolProposer
from overnight.bo_core.proposer import settings_of
from overnight.bo_core.recommend import computed
from overnight.campaign import History
from overnight.campaign.errors import CampaignStopped
from overnight.campaign.history.events import (
    CampaignAskedToStop,
    CampaignDrained,
    Event,
    RecommendationMade,
    TrialObserved,
)
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.flows.people.requests import pause
from overnight.flows.people.revising import revise
from overnight.flows.proposing.settings import ProposerUnavailable
from overnight.flows.session.lease import Rhythm
from overnight.flows.session.opening import revised_by_run
from overnight.storage import MemoryLedger

PROPOSER = BayesianProposer(initial=4, restarts=2, raw_points=64, draws=32)


class Asked:
    """Computes recommendations from a ledger, and counts the requests."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.ledger, self.seen = ledger, list[int]()

    async def recommend(self, events_seen: int) -> Any:
        self.seen.append(events_seen)
        history = History.from_events((await events_of(self.ledger))[:events_seen])
        return computed(history.definition, history, PROPOSER)


async def run(ledger: MemoryLedger, recommend: Any, stop: StopRequest | None = None, **of: Any) -> History:
    evaluator = of.pop("evaluator", None) or ScriptedEvaluator(lambda trial, attempt: float(trial))
    notify, rhythm = of.pop("notify", lambda text: None), of.pop("rhythm", Rhythm())
    parts = {"settings": {}, "recommend": recommend, "rhythm": rhythm}
    job = Job(a_campaign(**of), evaluator, SobolProposer(), ledger, Path("unused"), **parts)
    return await run_loop(job, PlainSteps(), SystemClock(), stop or StopRequest(), notify=notify)


async def kinds(ledger: MemoryLedger) -> list[str]:
    return [event.kind for event in await events_of(ledger)]


async def test_a_finished_campaign_ends_with_the_recommendation_that_all_its_events_lead_to():
    ledger = MemoryLedger()
    history = await run(ledger, Asked(ledger).recommend)
    events = await events_of(ledger)
    assert [event.kind for event in events[-2:]] == ["recommendation_made", "campaign_finished"]
    made = history.recommendation
    assert made is not None
    before = History.from_events(events[:-2])
    found = computed(before.definition, before, PROPOSER)
    assert found is not None
    assert (made.events_seen, made.recommendation, made.stack) == (len(events) - 2, found.recommendation, found.stack)


async def test_a_drained_campaign_has_one_and_the_next_session_records_another_only_after_news():
    ledger, stop = MemoryLedger(), StopRequest()

    def outcome(trial: int, attempt: int) -> float:
        if trial == 3:
            stop.ask()
        return float(trial)

    asked = Asked(ledger)
    drained = await run(ledger, asked.recommend, stop, evaluator=ScriptedEvaluator(outcome), workers=1)
    assert drained.closed_by is not None
    assert drained.closed_by.kind == "campaign_drained"
    assert drained.recommendation is not None
    at_once = StopRequest()
    at_once.ask()
    again = await run(ledger, asked.recommend, at_once, workers=1)
    assert again.recommendation == drained.recommendation
    assert len(asked.seen) == 1
    finished = await run(ledger, asked.recommend, workers=1)
    assert finished.recommendation not in (None, drained.recommendation)
    assert (await kinds(ledger)).count("recommendation_made") == 2


async def test_a_request_to_stop_at_once_ends_the_computation():
    ledger, stop = MemoryLedger(), StopRequest()

    async def endless(events_seen: int) -> None:
        stop.ask()
        stop.ask()
        await asyncio.Event().wait()

    history = await run(ledger, endless, stop)
    assert history.closed_by is not None
    assert "recommendation_made" not in await kinds(ledger)


async def test_a_computation_that_fails_is_reported_and_the_campaign_ends_all_the_same():
    ledger, said = MemoryLedger(), list[str]()

    async def failing(events_seen: int) -> None:
        raise ProposerUnavailable("the process died")

    history = await run(ledger, failing, notify=said.append)
    assert history.finished is not None
    assert said == ["No recommendation was recorded (the process died). `overnight report` computes one."]
    assert "recommendation_made" not in await kinds(ledger)


async def test_a_campaign_without_results_or_in_trouble_asks_for_none():
    ledger = MemoryLedger()
    asked = Asked(ledger)
    failing = ScriptedEvaluator(lambda trial, attempt: ValueError("no"))
    with pytest.raises(CampaignStopped):
        await run(ledger, asked.recommend, evaluator=failing, failures={"max_in_a_row": 2})
    assert asked.seen == []


async def test_one_that_a_person_has_outdated_is_not_recorded():
    ledger = MemoryLedger()
    asked = Asked(ledger)

    async def overtaken(events_seen: int) -> Any:
        found = await asked.recommend(events_seen)
        events = await events_of(ledger)
        late = next(e for e in events if isinstance(e, TrialObserved))
        imported: list[Event] = [
            next(e for e in events if e.kind == "trial_proposed").model_copy(
                update={"trial": 99, "generator": "import"}
            ),
            late.model_copy(update={"trial": 99, "attempt": 0}),
        ]
        await ledger.append(imported, after=len(await ledger.read()))
        return found

    history = await run(ledger, overtaken)
    assert history.finished is not None
    assert history.trials[99].measured
    assert "recommendation_made" not in await kinds(ledger)


async def test_one_that_a_pause_overtakes_still_holds():
    ledger = MemoryLedger()
    asked = Asked(ledger)

    async def overtaken(events_seen: int) -> Any:
        found = await asked.recommend(events_seen)
        history = History.from_events(await events_of(ledger))
        pausing = pause(history, "ada", "lunch", SystemClock().now())
        await ledger.append(pausing, after=len(await ledger.read()))
        return found

    history = await run(ledger, overtaken)
    assert isinstance(history.recommendation, RecommendationMade)


class Interrupted:
    """Computes a recommendation while a person appends events."""

    def __init__(self, ledger: MemoryLedger, act: Any) -> None:
        self.ledger, self.act, self.asked = ledger, act, Asked(ledger)

    async def recommend(self, events_seen: int) -> Any:
        history = History.from_events(await events_of(self.ledger))
        await self.ledger.append(self.act(history), after=len(await self.ledger.read()))
        return await self.asked.recommend(events_seen)


async def test_a_campaign_that_is_revised_while_it_ends_is_not_finished_and_continues():
    ledger, more = MemoryLedger(), a_campaign(budget={"trials": 12})

    def revised(history: History) -> list[Event]:
        return list(revise(history, "ada", "more", SystemClock().now(), more, {}))

    history = await run(ledger, Interrupted(ledger, revised).recommend)
    assert history.finished is None
    assert isinstance(history.closed_by, CampaignDrained)
    assert history.closed_by.because == "revised"
    assert "recommendation_made" not in await kinds(ledger)
    history = await run(ledger, Asked(ledger).recommend, budget={"trials": 12})
    assert history.finished is not None
    assert history.started == 12


async def test_a_request_in_the_ledger_to_stop_at_once_ends_the_computation():
    ledger = MemoryLedger()

    async def never(events_seen: int) -> Any:
        history = History.from_events(await events_of(ledger))
        assert history.lease is not None
        asked = CampaignAskedToStop(time=SystemClock().now(), actor="ada", epoch=history.lease.epoch, at_once=True)
        await ledger.append([asked], after=len(await ledger.read()))
        await asyncio.Event().wait()

    history = await run(ledger, never, rhythm=Rhythm(hear=0.01))
    assert history.finished is not None
    assert "recommendation_made" not in await kinds(ledger)


async def test_nothing_is_recorded_if_another_process_has_recorded_other_settings_since():
    ledger = MemoryLedger()

    class Interrupted(ScriptedEvaluator):
        async def evaluate(self, request: Any, folder: Path, report: Any) -> Any:
            history = History.from_events(await events_of(ledger))
            if history.revised is None:
                settings = {"proposer": settings_of(PROPOSER)}
                revised = revised_by_run(history, history.definition, settings, SystemClock().now())
                await ledger.append([revised], after=(await ledger.read())[-1].number)
            return await super().evaluate(request, folder, report)

    asked = Asked(ledger)
    await run(ledger, asked.recommend, evaluator=Interrupted(lambda trial, attempt: float(trial)))
    assert "campaign_revised" in await kinds(ledger)
    assert asked.seen == []
