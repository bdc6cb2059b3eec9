"""Stop arms of an A/B test that break a guardrail or do harm, at each look."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from overnight.bo_core.experiment.breaches import breach_at
from overnight.campaign import History, Trial
from overnight.campaign.experiment.effects import at_step, measured_by
from overnight.campaign.experiment.status_quo import is_status_quo
from overnight.campaign.history.events import MeasurementReported, TrialStopped
from overnight.campaign.history.trial import Observation
from overnight.flows.rules.early_stopping import Decision, stops


def stops_by_rules(
    history: History, heard: Sequence[MeasurementReported], now: datetime, actor: str
) -> list[TrialStopped]:
    """Return the end of each trial that a rule of the campaign stops after one of these reports."""
    rule = arm_stops if history.definition.is_ab_test else stops
    return rule(history, heard, now, actor)


def arm_stops(history: History, heard: Sequence[MeasurementReported], now: datetime, actor: str) -> list[TrialStopped]:
    """Return the end of each running arm that one of these reports, which the history holds, gives a reason for.

    An arm breaks a guardrail if it exceeds a bound of a constraint, and does harm if its objective is worse than that
    of its status quo. Both are judged at each look that the arm and its status quo have reported, with bounds that hold
    at all looks at once: a harmless arm that breaks no guardrail is stopped with a probability of at most 2 (1 −
    `at_least`), half for each reason. The status quo ends when no other arm of its batch runs or has a result.

    The history alone decides: the same step and the same events give the same answer.
    """
    if not history.definition.is_ab_test:
        return []
    steps: dict[int, set[int]] = {}
    for report in heard:
        trial = history.trials[report.trial]
        if trial.attempts and trial.attempts[-1].number == report.attempt:
            steps.setdefault(trial.id if trial.batch is None else trial.batch, set()).add(report.step)
    batches = history.batches()
    found = (_stopped(history, batches.get(batch, ()), sorted(at)) for batch, at in sorted(steps.items()))
    return [_event(trial, decision, now, actor) for each in found for trial, decision in each]


def arm_decision(history: History, trial: Trial, step: int) -> Decision | None:
    """Return why an arm is stopped that has reported at this step, given the history; None if it continues."""
    found = breach_at(history, trial, step)
    return None if found is None else Decision(found.rule, found.metric, step, found.value, found.threshold, found.why)


def _stopped(history: History, trials: Sequence[Trial], steps: Sequence[int]) -> Iterator[tuple[Trial, Decision]]:
    """Yield the arms of a batch that are stopped at one of these steps, and the status quo if it would be alone."""
    ended = {trial.id for trial in trials if trial.outcome is not None}
    for trial in trials:
        decisions = (arm_decision(history, trial, step) for step in steps if trial.open_attempt is not None)
        decision = next((each for each in decisions if each is not None), None)
        if decision is not None:
            ended.add(trial.id)
            yield trial, decision
    others = [trial for trial in trials if not is_status_quo(trial)]
    needed = any(trial.id not in ended or isinstance(trial.outcome, Observation) for trial in others)
    for trial in trials:
        if trial not in others and trial.open_attempt is not None and not needed:
            alone = next((found for step in reversed(steps) if (found := _alone(history, trial, step))), None)
            if alone is not None:
                yield trial, alone


def _alone(history: History, trial: Trial, step: int) -> Decision | None:
    goal = history.definition.goal
    measured = measured_by(goal, goal.objectives[0].metric, at_step(history, trial, step))
    if measured is None:
        return None
    why = f"at look {step} no other arm of its batch was left to compare with"
    return Decision("alone", goal.objectives[0].metric, step, measured.mean, measured.mean, why)


def _event(trial: Trial, decision: Decision, now: datetime, actor: str) -> TrialStopped:
    return TrialStopped(
        time=now,
        actor=actor,
        trial=trial.id,
        attempt=trial.attempts[-1].number,
        rule=decision.rule,
        metric=decision.metric,
        step=decision.step,
        value=decision.value,
        threshold=decision.threshold,
        why=decision.why,
    )
