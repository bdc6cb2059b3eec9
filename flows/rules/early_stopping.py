"""Apply the campaign's stopping rule to trials that have just reported."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from overnight.campaign import History
from overnight.campaign.history.events import MeasurementReported, TrialStopped
from overnight.campaign.history.trial import Failure, Withdrawal
from overnight.campaign.standing.curves import curves_of
from overnight.campaign.stopping import Curve, ImprobableRule, Reason
from overnight.flows.rules.improbable import believed, prospect


@dataclass(frozen=True)
class Decision:
    """The decision of a rule about a running trial, as `TrialStopped` records it."""

    rule: str
    metric: str
    step: int
    value: float
    threshold: float
    why: str


def not_yet_known(history: History, reports: Sequence[MeasurementReported]) -> list[MeasurementReported]:
    """Return the reports that the history does not hold; a controller that takes over receives all of them again."""
    known = {
        (r.trial, r.attempt, r.step) for trial in {r.trial for r in reports} for r in history.reports.get(trial, ())
    }
    return [report for report in reports if (report.trial, report.attempt, report.step) not in known]


def stops(history: History, heard: Sequence[MeasurementReported], now: datetime, actor: str) -> list[TrialStopped]:
    """Return the end of each trial that the campaign's rule stops after one of these reports, which the history holds.

    The history alone decides: the same step and the same events give the same answer.
    """
    steps: dict[tuple[int, int], set[int]] = {}
    for report in heard:
        steps.setdefault((report.trial, report.attempt), set()).add(report.step)
    if not steps or history.definition.stop_early is None:
        return []
    curves = _compared(history)
    found = (_stopped(history, curves, trial, attempt, at, now, actor) for (trial, attempt), at in steps.items())
    return [event for event in found if event is not None]


def decision(history: History, trial: int, step: int) -> Decision | None:
    """Return why the campaign's rule stops a trial that has reported at this step, given the history; None if not.

    A trial that confirms or checks is not stopped, because its end is what it is for.
    """
    return _decision(history, _compared(history), trial, step)


def _compared(history: History) -> dict[int, Curve]:
    """Return the curves of running, observed and stopped trials; failed and withdrawn trials do not count."""
    trials = (t for t in history.trials.values() if not isinstance(t.outcome, Failure | Withdrawal))
    return curves_of(history.definition.objective, trials, history.reports)


def _decision(history: History, curves: dict[int, Curve], trial: int, step: int) -> Decision | None:
    rule = history.definition.stop_early
    needed = history.trials[trial].proposal.generator in ("confirming", "checking")
    if rule is None or needed:
        return None
    if isinstance(rule, ImprobableRule):
        return _improbable(rule, history, trial, step)
    if trial not in curves:
        return None
    others = [curve for number, curve in sorted(curves.items()) if number != trial]
    reason = rule.should_stop(curves[trial], others, step)
    return None if reason is None else _behind(reason, history)


def _behind(reason: Reason, history: History) -> Decision:
    objective = history.definition.objective
    value, threshold = objective.turned(reason.value), objective.turned(reason.threshold)
    said = f"at step {reason.step} {reason.measured} of {objective.metric}, {value:g}, was worse than {threshold:g}"
    why = f"{said}, {reason.against} ({reason.rule.replace('_', ' ')} rule)"
    return Decision(reason.rule, objective.metric, reason.step, value, threshold, why)


def _improbable(rule: ImprobableRule, history: History, trial: int, step: int) -> Decision | None:
    goal, observed = history.goal, believed(history)
    front = [goal.turned(other.measured) for other in history.goals.front(observed)]
    found = prospect(history, observed, history.trials[trial], step) if front and step >= rule.after_step else None
    if found is None or found.results < rule.after_trials:
        return None
    probability = found.probability(goal, front)
    if probability >= rule.below:
        return None
    aim = "on the front" if goal.has_front else "the best"
    what = f"feasible and {aim}" if goal.constraints else aim
    said = f"at step {step} the probability that its result would be {what} was {probability:.2g}"
    why = f"{said}, less than {rule.below:g}, judged by {found.results} results (improbable rule)"
    return Decision(rule.rule, goal.objectives[0].metric, step, probability, rule.below, why)


def _stopped(
    history: History,
    curves: dict[int, Curve],
    number: int,
    attempt: int,
    steps: set[int],
    now: datetime,
    actor: str,
) -> TrialStopped | None:
    running = history.trials[number].open_attempt
    # An ended trial is not stopped, and reports of an attempt that was given up do not count for the current one.
    if running is None or running.number != attempt:
        return None
    decisions = (_decision(history, curves, number, step) for step in sorted(steps))
    found = next((each for each in decisions if each is not None), None)
    return (
        None if found is None else TrialStopped(time=now, actor=actor, trial=number, attempt=attempt, **asdict(found))
    )
