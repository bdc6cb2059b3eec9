"""`overnight check`: validate a campaign, and describe what a run of it would do."""

import asyncio
from pathlib import Path

from rich.text import Text

from overnight.campaign import History
from overnight.campaign.errors import CampaignHeld, LedgerDamaged, LedgerError, LedgerTooNew
from overnight.evaluators.own_loop import OwnLoop
from overnight.evaluators.sources import SourceFiles
from overnight.flows.commands.start.describe import describe
from overnight.flows.controller.finished import is_over
from overnight.flows.definition.at_lines import at_lines_of
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file
from overnight.flows.definition.places import refuse_overlaps, refuse_unusable_places
from overnight.flows.definition.receipts import receipts_of
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.named_server import named_server
from overnight.flows.host.terminal import terminal
from overnight.flows.rules.evaluator_changes import note_on, refuse_changed
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import refuse_if_it_lives_here
from overnight.flows.session.newest_receipt import check_newest_receipt
from overnight.flows.session.opening import refuse_another, why_outdated
from overnight.storage import open_ledger


def check(path: Path) -> None:
    """Validate the file and its plug-ins, and print what a run would do; refuse what `overnight run` refuses."""
    file, console = load_campaign_file(path), terminal()
    if isinstance(file.evaluator, OwnLoop):
        # A loop of the user's own can run it, so what was understood is shown before the evaluator is missed.
        console.print(describe(file, SystemClock().now()))
    with at_lines_of(path):
        asyncio.run(file.check())
    next_run, history = _next_run(file, path)
    console.print(describe(file, SystemClock().now(), history))
    console.print(Text.assemble(("✓", "green"), f" {path} is valid{next_run}"), soft_wrap=True)


def _next_run(file: CampaignFile, path: Path) -> tuple[str, History]:
    """Return what a run would do next, and the history so far, which is empty if it cannot be read."""
    ledger = open_ledger(file.ledger, file.campaign.name, Path())
    journal = Journal(ledger)
    try:
        asyncio.run(check_newest_receipt(ledger, receipts_of(file)))
        asyncio.run(journal.refresh())
    except (LedgerDamaged, LedgerTooNew):
        raise
    except LedgerError as problem:
        with at_lines_of(path):
            refuse_unusable_places(file)
        unknown = f". Whether it has finished is unknown, because its ledger cannot be read from here: {problem}"
        return unknown, History()
    history = journal.history
    if history.defined is None:
        with at_lines_of(path):
            refuse_overlaps(file)
    refuse_another(history, file.campaign, str(path))
    if is_over(history, file.campaign, file.settings()):
        return f", and has finished. Its findings: overnight report {path}", history
    with at_lines_of(path):
        refuse_unusable_places(file)
    sources = SourceFiles(file.evaluator).hashes()
    if file.evaluator_changed == "refuse":
        refuse_changed(history, sources)
    # As `run` does, refuse a setting that is not the address of a server.
    named_server()
    try:
        refuse_if_it_lives_here(history)
    except CampaignHeld as held:
        return f". {held}", history
    next_trial = next((trial.id for trial in history.trials.open if trial.pending), history.next_trial)
    continues = f" and continues with trial {next_trial}" if history.trials else ""
    outdated = why_outdated(history, file.campaign)
    notes = "".join(f"\n{text}" for text in (outdated, note_on(history, sources)) if text is not None)
    return f"{continues}. Run it with: overnight run {path}{notes}", history
