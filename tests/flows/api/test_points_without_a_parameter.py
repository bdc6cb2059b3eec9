"""A trial whose point lacks a parameter is read by everything that reads trials."""

import asyncio
from pathlib import Path

import pytest
from asked_campaign import CAMPAIGN, revised
from read_ledgers import events_of

from overnight.campaign import History, Point, Trial
from overnight.campaign.history.events import Event, TrialProposed
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.host.clock import SystemClock
from overnight.flows.replay.again import replay
from overnight.flows.session.journal import Journal
from overnight.storage import ParquetLedger, open_ledger
from overnight.storage.copies.trial_table import trial_table
from overnight.storage.sql import query

PARAMETERS = {
    "x": {"kind": "float", "low": 0, "high": 1},
    "warm": {"kind": "ordinal", "choices": [False, True]},
    "heat": {"kind": "int", "low": 1, "high": 9},
}
COLD: Point = {"x": 0.4, "warm": False}
LACKING = 5


def source_in(folder: Path, **changes: object) -> dict:
    return CAMPAIGN | {"parameters": PARAMETERS, "ledger": str(folder / "ledger"), "work": str(folder), **changes}


def ledger_of(source: dict) -> ParquetLedger:
    ledger = open_ledger(source["ledger"], source["name"], Path())
    assert isinstance(ledger, ParquetLedger)
    return ledger


def events_in(source: dict) -> list[Event]:
    return asyncio.run(events_of(ledger_of(source)))


def suggested_without_heat(source: dict) -> None:
    """Append a trial as a version would in which `heat` is active only if it is warm."""
    journal = Journal(ledger_of(source))

    def decide(history: History) -> list[TrialProposed]:
        time = SystemClock().now()
        return [TrialProposed(time=time, actor="ada", trial=history.next_trial, point=COLD, generator="manual")]

    async def write() -> None:
        await journal.refresh()
        await journal.insist(decide)

    asyncio.run(write())


def tried(campaign: AskTell, count: int = 1) -> list[Trial]:
    """Return so many trials, the best of which is the one that lacks a parameter."""
    trials = [campaign.ask() for _ in range(count)]
    for trial in trials:
        campaign.tell(trial, trial.point["x"] if "heat" in trial.point else 7.5)
    return trials


@pytest.fixture
def source(tmp_path: Path) -> dict:
    """Return a campaign of four trials from the Sobol sequence, with another to come whose point lacks `heat`."""
    source = source_in(tmp_path)
    tried(AskTell(source), LACKING - 1)
    suggested_without_heat(source)
    return source


def test_it_is_tried_at_the_parameters_that_it_has(source):
    [trial] = tried(AskTell(source))
    assert (trial.id, trial.point) == (LACKING, COLD)


def test_what_no_model_can_be_computed_for_is_measured_and_what_stands_in_is_recorded_with_the_reason(source):
    campaign = AskTell(source)
    tried(campaign)
    found, [following] = campaign.recommend(), tried(campaign)
    assert (found.trial, found.point, found.mean, found.sd) == (LACKING, COLD, 7.5, None)
    asked = following.proposal.provenance.asked
    assert (following.proposal.generator, asked.stand_in) == ("sobol", "sobol")
    for why in (found.without_model, asked.away):
        assert "a point without a value of `heat`" in why
    assert {(each.verdict, each.why) for each in replay(events_in(source), Path())} == {("same", "")}


def test_a_recorded_proposal_that_lacks_a_parameter_differs_from_the_one_that_is_made_again(source):
    events = [
        e.model_copy(update={"point": COLD}) if isinstance(e, TrialProposed) and e.trial == 2 else e
        for e in events_in(source)
    ]
    verdicts = {each.trial: each.verdict for each in replay(events, Path())}
    assert [verdicts[trial] for trial in (1, 2)] == ["same", "different"]


def test_tables_and_queries_leave_its_cell_empty(source):
    tried(AskTell(source))
    table = trial_table(History.from_events(events_in(source))).select(["trial", "x", "warm", "heat", "score"])
    answer = query(ledger_of(source), 'select trial, x, warm, heat, "score" from trials order by trial')
    assert answer.rows == [tuple(row.values()) for row in table.to_pylist()]
    assert answer.rows[LACKING - 1] == (LACKING, 0.4, False, None, 7.5)
    assert None not in answer.rows[0]


def test_it_lies_outside_of_a_revised_space_in_which_the_parameter_is_active(source):
    revised(source, parameters=PARAMETERS | {"x": {"kind": "float", "low": 0, "high": 2}})
    campaign = AskTell(source)
    assert campaign.history.trials[LACKING].status == "abandoned"
    [following] = tried(campaign)
    assert (following.id, following.proposal.generator) == (LACKING + 1, "model")
    assert campaign.recommend().without_model is None
