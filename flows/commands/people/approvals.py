"""`overnight approvals`, `approve` and `reject`: the trials that wait for a person."""

from pathlib import Path

from overnight.flows.commands.people.append import append_request, say_written
from overnight.flows.commands.read.past import read_past
from overnight.flows.host.terminal import terminal
from overnight.flows.people import approval
from overnight.report.numbers import with_uncertainty
from overnight.report.trial_facts import point_text


def approvals(path: Path) -> None:
    """Print a line for each trial that awaits approval: its point, its predicted outcome, and why it waits."""
    _, history = read_past(path)
    console = terminal()
    names, metrics = history.definition.shown_parameters, [each.metric for each in history.goal.objectives]
    for trial in approval.awaiting_approval(history):
        point = point_text(trial, names)
        predicted = {metric: found for metric in metrics if (found := trial.proposal.prediction(metric)) is not None}
        texts = [f"{metric} {with_uncertainty(found.mean, found.sd)}" for metric, found in predicted.items()]
        expected = f"; {' and '.join(texts)} expected" if texts else ""
        because = "" if trial.parked_because is None else f"; waits because {trial.parked_because}"
        console.print(f"trial {trial.id} ({trial.proposal.generator}): {point}{expected}{because}", soft_wrap=True)
    if not history.awaiting:
        console.print(f"{history.definition.name}: nothing awaits approval", soft_wrap=True)


def approve(path: Path, trial: int, why: str) -> None:
    """Let a trial start."""
    history = append_request(path, lambda h, who, now: approval.approve(h, who, why, now, trial))
    say_written(history, f"trial {trial} approved", path)


def reject(path: Path, trial: int, why: str) -> None:
    """End a trial that awaits approval."""
    history = append_request(path, lambda h, who, now: approval.reject(h, who, why, now, trial))
    say_written(history, f"trial {trial} rejected", path)
