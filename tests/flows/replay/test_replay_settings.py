"""Proposals of a process whose settings another one has replaced in the ledger are made again to the last bit."""

import asyncio
from pathlib import Path
from typing import Any

from read_ledgers import events_of

from overnight import AskTell
from overnight.bo_core.proposer import BayesianProposer, SobolProposer, settings_of
from overnight.campaign.history.events import CampaignRevised, Event, TrialProposed
from overnight.flows.replay.again import replay
from overnight.storage import open_ledger

QUICK = BayesianProposer(initial=2, draws=32, raw_points=64, restarts=2)


def loop(folder: Path, proposer: Any) -> AskTell:
    return AskTell(
        {
            "name": "walk",
            "ledger": str(folder / "ledger"),
            "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
            "minimize": "loss",
            "budget": {"trials": 20},
            "proposer": settings_of(proposer),
        }
    )


def try_once(campaign: AskTell) -> None:
    trial = campaign.ask()
    campaign.tell(trial, (float(str(trial.point["x"])) - 0.3) ** 2)


def events_in(folder: Path) -> list[Event]:
    return asyncio.run(events_of(open_ledger(str(folder / "ledger"), "walk", folder)))


def test_a_loop_keeps_its_proposer_and_says_so_after_another_one_has_begun_with_its_own(tmp_path: Path) -> None:
    first = loop(tmp_path, QUICK)
    for _ in range(3):
        try_once(first)
    second = loop(tmp_path, SobolProposer())
    for campaign in (second, first, second, first):
        try_once(campaign)
    events = events_in(tmp_path)
    assert sum(isinstance(event, CampaignRevised) for event in events) == 1
    made = [event.provenance for event in events if isinstance(event, TrialProposed)]
    kinds = [None if each is None or each.asked.proposer is None else each.asked.proposer["kind"] for each in made]
    assert kinds == [None, None, None, None, "bayesian", None, "bayesian"]
    assert {each.verdict for each in replay(events, tmp_path)} == {"same"}


def test_the_proposer_of_the_ledger_is_not_repeated_in_each_proposal(tmp_path: Path) -> None:
    try_once(loop(tmp_path, QUICK))
    [made] = [event.provenance for event in events_in(tmp_path) if isinstance(event, TrialProposed)]
    assert made is not None
    assert "proposer" not in made.model_dump(mode="json")["asked"]
