"""`overnight explain` says why a point was tried."""

from pathlib import Path

from rich.console import Console

from bo_core.encoding import Encoding
from campaign import History
from campaign.errors import LedgerError
from flows.campaign_file import load_campaign_file
from flows.commands.past import read_events
from report.evaluator_versions import version_sentence
from report.explanation import explanation


def explain(trial: int, path: Path) -> None:
    """Print what was known when a trial was proposed, what was expected of it, and what it turned out to be."""
    file = load_campaign_file(path)
    events = read_events(file, path)
    now = History.from_events(events)
    if trial not in now.trials:
        raise LedgerError(f"{path}: expected a trial up to {now.next_trial - 1}, found no trial {trial}.")
    provenance = now.trials[trial].proposal.provenance
    seen = provenance.events_seen if provenance else None
    then = now if seen is None else History.from_events(events[:seen])
    features = Encoding(then.definition.parameters).slices
    measured = version_sentence(now, now.trials[trial])
    for line in [*explanation(then, now.trials[trial], features), *([measured] if measured else [])]:
        Console(highlight=False, markup=False).print(line, soft_wrap=True)
