"""`overnight revise`: a changed campaign file is taken by the running controller."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bo_core.inside import lies_in
from campaign import Campaign, History
from campaign.events import CampaignRevised, Event, TrialAbandoned
from flows.campaign_file import load_campaign_file
from flows.commands.people import append_to, say_written
from flows.revising import revise as revised
from flows.terminal import terminal


def revise(path: Path, why: str) -> None:
    """Append the definition as the file has it now, and say what becomes of trials outside of its bounds."""
    file = load_campaign_file(path)
    asyncio.run(file.check())
    written: list[CampaignRevised | TrialAbandoned] = []

    def request(history: History, who: str, now: datetime) -> Sequence[Event]:
        written[:] = revised(history, who, why, now, file.campaign, file.settings())
        return written

    history = append_to(file, path, request)
    say_written(history, "revised; it holds from the next proposal on", path)
    console = terminal()
    for line in _outside(file.campaign, history, len(written) - 1):
        console.print(line, soft_wrap=True)
    console.print(
        "a deployment of this campaign goes on with the revised definition, from the ledger; its schedule is the one "
        "that was deployed, so deploy again after another `window`",
        soft_wrap=True,
    )


def _outside(campaign: Campaign, history: History, abandoned: int) -> list[str]:
    outside = [trial for trial in history.trials.values() if not lies_in(campaign, trial.point)]
    running = sum(trial.open_attempt is not None for trial in outside)
    lines = []
    if outside:
        lines.append(
            f"{len(outside)} of {len(history.trials)} trials lie outside of its bounds: they stay in the ledger, and "
            "the model learns nothing from them"
        )
    if abandoned or running:
        lines.append(f"of these, {abandoned} waited and are abandoned, {running} run and are left to end")
    return lines
