"""The fidelities at which a campaign measures, and the cost spent at each of them."""

import math

from overnight.campaign import History, Point, Trial
from overnight.campaign.history.trial import Observation
from overnight.report.story.section import Section


class Level(Section):
    """One fidelity: its trials, how many of them were observed, and the known costs of their attempts.

    `resumed` counts the trials that continued from a lower fidelity.
    """

    fidelity: float
    trials: int
    observed: int
    resumed: int
    cost: float


class Fidelities(Section):
    """The fidelity `name` of a campaign with its levels, the lowest first; results at `full` fidelity are compared.

    `observed` is how many of them there are, imported ones included. `measured_at` is the fidelity of the recommended
    point if that is a lower one, for lack of results at full fidelity.
    """

    name: str
    full: float
    observed: int
    measured_at: float | None
    levels: tuple[Level, ...]


def fidelities_of(history: History, recommended: Point | None) -> Fidelities | None:
    """Return the trials and the cost of each fidelity; None if the campaign has no fidelity."""
    fidelity = history.definition.fidelity
    if fidelity is None:
        return None
    at = dict[float, list[Trial]]({level: [] for level in fidelity.parameter.levels})
    for _, trial in sorted(history.trials.items()):
        at.setdefault(fidelity.of(trial.point), []).append(trial)
    reached = None if recommended is None or fidelity.is_full(recommended) else fidelity.of(recommended)
    return Fidelities(
        name=fidelity.name,
        full=fidelity.parameter.high,
        observed=sum(bool(trial.measured) for trial in at[fidelity.parameter.high]),
        measured_at=reached,
        levels=tuple(_level(value, trials) for value, trials in sorted(at.items())),
    )


def _level(value: float, trials: list[Trial]) -> Level:
    return Level(
        fidelity=value,
        trials=len(trials),
        observed=sum(bool(trial.measured) for trial in trials),
        resumed=sum(any(attempt.resumed is not None for attempt in trial.attempts) for trial in trials),
        cost=math.fsum(cost for trial in trials for cost in _costs(trial)),
    )


def _costs(trial: Trial) -> list[float]:
    costs = [attempt.failed.cost for attempt in trial.attempts if attempt.failed is not None]
    costs += [trial.outcome.cost] if isinstance(trial.outcome, Observation) else []
    return [cost for cost in costs if cost is not None]
