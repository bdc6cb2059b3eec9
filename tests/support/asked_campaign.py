"""A campaign for a user's own loop, and its ledger."""

import asyncio
from pathlib import Path

from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.host.clock import SystemClock
from overnight.flows.people.revising import revise
from overnight.flows.session.journal import Journal
from overnight.storage import open_ledger

CAMPAIGN = {
    "name": "own-loop",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "maximize": "score",
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 9},
    "proposer": {"kind": "bayesian", "initial": 4},
}


def segments(source) -> int:
    return len(list(Path(source["ledger"]).rglob("*.parquet")))


def revised(source, **changes) -> None:
    """Revise the campaign as a user at another terminal would."""
    file = read_campaign(source | changes)
    journal = Journal(open_ledger(file.ledger, file.campaign.name, Path()))

    def decide(history):
        return revise(history, "ada@home", "", SystemClock().now(), file.campaign, file.settings())

    async def write() -> None:
        await journal.refresh()
        await journal.insist(decide)

    asyncio.run(write())
