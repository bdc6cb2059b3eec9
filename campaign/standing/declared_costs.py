"""The cost of an attempt by the definition of the fidelity, and the trial from which an evaluation continues."""

from overnight.campaign.fidelity import Fidelity
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Observation, Resumed, Trial
from overnight.campaign.space import Point


def declared_cost(fidelity: Fidelity, trial: Trial, attempt: int) -> float:
    """Return the cost of an attempt by the definition, without the part from which it continues."""
    resumed = next((each.resumed for each in trial.attempts if each.number == attempt), None)
    return fidelity.parameter.cost(fidelity.of(trial.point), None if resumed is None else resumed.fidelity)


def to_resume(history: History, point: Point) -> Resumed | None:
    """Return the trial from which an evaluation of a point continues; None if it begins from the start.

    It is the one that reached the highest lower fidelity, and the newest of several.
    """
    fidelity = history.definition.fidelity
    if fidelity is None or not fidelity.parameter.resume:
        return None
    ended = {each.id: each.point for each in history.trials.values() if may_be_resumed(each)}
    if (reached := fidelity.begun(point, ended.values())) is None:
        return None
    same = fidelity.at(point, reached)
    newest = max(number for number, point in ended.items() if fidelity.at(point, fidelity.of(point)) == same)
    return Resumed(trial=newest, fidelity=reached)


def may_be_resumed(trial: Trial) -> bool:
    """Return whether an evaluation can continue from this trial: it has a result that was not measured elsewhere."""
    return isinstance(trial.outcome, Observation) and trial.outcome.attempt > 0
