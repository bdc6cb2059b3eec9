"""`overnight explain` says why a point was tried."""

from pathlib import Path

from bo_core.encoding import Encoding
from campaign import History
from campaign.errors import LedgerError
from campaign.events import TrialProposed
from flows.campaign_file import load_campaign_file
from flows.commands.past import read_events
from flows.terminal import terminal
from report.evaluator_versions import version_sentence
from report.explanation import explanation


def explain(trial: int, path: Path) -> None:
    """Print what was known when a trial was proposed, what was expected of it, and what it turned out to be."""
    file = load_campaign_file(path)
    events = read_events(file, path)
    asked = next((event for event in events if isinstance(event, TrialProposed) and event.trial == trial), None)
    seen = asked.provenance.events_seen if asked is not None and asked.provenance is not None else None
    # Folded once: what the proposal saw, and then what came after.
    then = History.from_events(events[:seen])
    now = then.extended([] if seen is None else events[seen:])
    if trial not in now.trials:
        raise LedgerError(f"{path}: expected a trial up to {now.next_trial - 1}, found no trial {trial}.")
    features = Encoding(then.definition.parameters).slices
    measured = version_sentence(now, now.trials[trial])
    for line in [*explanation(then, now.trials[trial], features), *([measured] if measured else [])]:
        terminal().print(line, soft_wrap=True)
