"""`overnight revise`: hand a changed campaign file to the running controller."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from overnight.campaign import Campaign, History
from overnight.campaign.definition import lies_in
from overnight.campaign.history.events import CampaignRevised, Event, TrialAbandoned
from overnight.evaluators import OwnLoop
from overnight.flows.commands.people.append import append_to, say_written
from overnight.flows.definition.at_lines import at_lines_of
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.host.terminal import terminal
from overnight.flows.people.revising import revise as revised
from overnight.report.story.revisions import changes_of


def revise(path: Path, why: str) -> None:
    """Append the file's current definition, and report the trials outside its space."""
    file = load_campaign_file(path)
    with at_lines_of(path):
        if isinstance(file.evaluator, OwnLoop):
            file.check_without_evaluator()
        else:
            asyncio.run(file.check(runs_here=False))
    written: list[CampaignRevised | TrialAbandoned] = []

    def request(history: History, who: str, now: datetime) -> Sequence[Event]:
        written[:] = revised(history, who, why, now, file.campaign, file.settings())
        return written

    history = append_to(file, path, request)
    say_written(history, "revised; it holds from the next proposal on", path)
    console = terminal()
    for change in changes_of(history.superseded[-1], history.definition):
        console.print(f"it {change}", soft_wrap=True, markup=False)
    for line in _outside(file.campaign, history, len(written) - 1):
        console.print(line, soft_wrap=True)
    if history.superseded[-1].window != file.campaign.window:
        console.print(
            "`window` has changed: if this campaign is deployed, deploy it again, because a deployment keeps its "
            f"schedule: overnight deploy {path}",
            soft_wrap=True,
        )


def _outside(campaign: Campaign, history: History, abandoned: int) -> list[str]:
    outside = [trial for trial in history.trials.values() if not lies_in(campaign, trial.point)]
    running = sum(trial.open_attempt is not None for trial in outside)
    lines = []
    if outside:
        lines.append(
            f"{len(outside)} of {len(history.trials)} trials lie outside its space: they stay in the ledger, but "
            "none of them is recommended"
        )
    if abandoned or running:
        lines.append(f"of these, abandoned because they were waiting: {abandoned}; running, and may finish: {running}")
    return lines
