"""`overnight import`: take past results as the first observations of a new campaign."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from overnight.campaign import Campaign
from overnight.campaign.errors import CannotImport
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file
from overnight.flows.definition.receipts import receipts_of
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.terminal import terminal
from overnight.flows.past_results.importing import refuse_if_it_has_trials, write_observations
from overnight.flows.past_results.matching import Fitted, fitted
from overnight.flows.session.journal import Journal
from overnight.flows.session.newest_receipt import check_newest_receipt
from overnight.storage import ledger_location, open_ledger
from overnight.storage.past.results import PastResults
from overnight.storage.past.source import read_past_results

_MOST_NAMED = 10


def import_results(source: str, path: Path, study: str | None, *, skip_misfits: bool) -> None:
    """Check the whole source, append its results, and print how many were imported and which were left out."""
    file = load_campaign_file(path)
    found, taken = asyncio.run(_import(file, source, study, skip_misfits=skip_misfits))
    console = terminal()
    for line in _summary(file.campaign, found, taken):
        console.print(line, soft_wrap=True)
    console.print(f"ledger: {ledger_location(file.ledger, file.campaign.name, Path())}", soft_wrap=True)


async def _import(
    file: CampaignFile, source: str, study: str | None, *, skip_misfits: bool
) -> tuple[PastResults, Fitted]:
    ledger = open_ledger(file.ledger, file.campaign.name, Path())
    await check_newest_receipt(ledger, receipts_of(file))
    journal = Journal(ledger)
    await journal.refresh()
    refuse_if_it_has_trials(file.campaign, journal.history)
    found = read_past_results(source, file.campaign, study)
    taken = fitted(file.campaign, found)
    _refuse_misfits(file.campaign, found, taken, skip_misfits=skip_misfits)
    await write_observations(journal, file.campaign, file.settings(), SystemClock(), taken.observations)
    return found, taken


def _refuse_misfits(campaign: Campaign, found: PastResults, taken: Fitted, *, skip_misfits: bool) -> None:
    if taken.misfits and not skip_misfits:
        raise CannotImport(
            f"{found.source}: {taken.misfits} of {len(found.rows)} results do not fit campaign `{campaign.name}`. "
            "Nothing was written: correct them or the campaign, or leave them out with --skip-misfits.\n"
            + "\n".join(_first(taken.problems))
        )
    if not taken.observations:
        raise CannotImport(
            f"{found.source}: expected results that fit campaign `{campaign.name}`, found none among "
            f"{len(found.rows)} rows. Nothing was written.\n"
            + "\n".join([*_left_out(campaign, found, taken), *_first(taken.problems)])
        )


def _summary(campaign: Campaign, found: PastResults, taken: Fitted) -> Iterator[str]:
    yield (
        f"imported: {len(taken.observations)} results of {found.source} into campaign `{campaign.name}`; they leave "
        f"the budget of {campaign.budget.trials} trials as it was"
    )
    yield from _left_out(campaign, found, taken)
    yield from _first(taken.problems)
    for metric in campaign.goal.limited:
        if lacking := sum(metric not in each.metrics for each in taken.observations):
            yield f"not counted as feasible: {lacking} without a value of `{metric}`, which a constraint limits"
    if found.unused:
        yield f"not used: {', '.join(found.unused)}"


def _left_out(campaign: Campaign, found: PastResults, taken: Fitted) -> list[str]:
    counts = dict(found.left_out)
    measured = " or ".join(f"`{objective.metric}`" for objective in campaign.goal.objectives)
    counts[f"without a value of {measured}"] = taken.unmeasured
    counts["that do not fit"] = taken.misfits
    parts = [f"{count} {why}" for why, count in counts.items() if count]
    return [f"left out: {', '.join(parts)}"] if parts else []


def _first(problems: Sequence[str]) -> list[str]:
    """Return the first few problems, and a line that counts the others."""
    more = len(problems) - _MOST_NAMED
    return [*problems[:_MOST_NAMED], *([f"… and {more} more"] if more > 0 else [])]
