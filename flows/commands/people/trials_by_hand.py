"""`overnight suggest`, `report-result` and `abandon`: requests about single trials."""

import json
from pathlib import Path
from typing import Any

from overnight.campaign import Trial
from overnight.campaign.errors import Refused
from overnight.campaign.history.trial import Observation
from overnight.flows.commands.people.append import append_request, say_written
from overnight.flows.host.terminal import terminal
from overnight.flows.people import trials_by_hand


def suggest(path: Path, point: str, metrics: str | None, why: str) -> None:
    """Add a trial of a point that a person gives; with `metrics`, the point has already been measured."""
    values = _mapping("--point", point, '{"x": 0.3}')
    if metrics is None:
        history = append_request(path, lambda h, who, now: trials_by_hand.suggest(h, who, why, now, values))
        what = "to be tried before the model's own points"
    else:
        measured = _mapping("--metrics", metrics, '{"loss": 0.1}')
        history = append_request(
            path, lambda h, who, now: trials_by_hand.suggest_measured(h, who, why, now, values, measured)
        )
        what = "with its result"
    say_written(history, f"trial {history.next_trial - 1} added, {what}", path)
    _print_notes(history.trials[history.next_trial - 1])


def report_result(path: Path, trial: int, metrics: str, why: str) -> None:
    """Record the result of a trial that was measured elsewhere."""
    measured = _mapping("--metrics", metrics, '{"loss": 0.1}')
    history = append_request(path, lambda h, who, now: trials_by_hand.report_result(h, who, why, now, trial, measured))
    say_written(history, f"trial {trial} observed", path)
    _print_notes(history.trials[trial])


def abandon(path: Path, trial: int, why: str) -> None:
    """End a trial without a result."""
    history = append_request(path, lambda h, who, now: trials_by_hand.abandon(h, who, why, now, trial))
    say_written(history, f"trial {trial} abandoned", path)


def _print_notes(trial: Trial) -> None:
    """Print the notes about the result of a trial, such as the lack of a constraint's metric."""
    for note in trial.outcome.notes if isinstance(trial.outcome, Observation) else ():
        terminal().print(f"note: {note}", soft_wrap=True, markup=False)


def _mapping(option: str, text: str, example: str) -> dict[str, Any]:
    """Return the JSON object in the text of an option; raises Refused for anything else."""
    try:
        found = json.loads(text)
    except ValueError as problem:
        raise Refused(f"{option}: expected JSON such as '{example}', got {text!r} ({problem}).") from None
    if not isinstance(found, dict):
        raise Refused(f"{option}: expected a JSON object such as '{example}', got {text!r}.")
    return found
