"""How an A/B test stands: its verdict, and every arm beside the status quo of its batch."""

import importlib

from overnight.campaign import History, Point, Trial
from overnight.campaign.experiment.arms import is_status_quo, units_of
from overnight.campaign.experiment.effects import newest_effect
from overnight.campaign.experiment.verdict import State, Verdict
from overnight.campaign.history.trial import Generator, Status, Stopped
from overnight.report.story.section import Known, Section


class ArmOfBatch(Section):
    """An arm with the difference of its objective to the status quo of its batch, by its result or its newest look.

    The difference is in the metric's unit, and `relative` is it as a share of the status quo's mean. `units` were
    measured, or else are planned. `stopped` is why a look ended the arm, and `unknown` why there is no difference.
    """

    trial: int
    batch: int
    generator: Generator
    status: Status
    share: float
    units: int
    look: int | None
    difference: Known
    sem: Known
    relative: Known
    relative_sem: Known
    stopped: str | None
    unknown: str | None


class Experiment(Section):
    """An A/B test: `verdict` in words, the arms other than the status quo, and the units used so far.

    With a probability of `at_least`, no arm of the test is falsely called better. The `candidate` is the point that the
    verdict is about, absent before the ramp-up.
    """

    state: State
    verdict: str
    at_least: float
    candidate: Point | None
    unit: str
    batches: int
    arms: tuple[ArmOfBatch, ...]
    units_exploring: int
    units_fresh: int


def experiment_of(history: History) -> Experiment | None:
    """Return how an A/B test stands; None for a campaign of another kind."""
    campaign = history.definition
    if campaign.traffic is None:
        return None
    # It needs NumPy, which other campaigns do not have to wait for.
    judged: Verdict = importlib.import_module("overnight.bo_core.experiment.verdicts").verdict(history)
    batches = history.batches().values()
    arms = (trial for batch in batches for trial in batch if not is_status_quo(trial))
    return Experiment(
        state=judged.state,
        verdict=str(judged),
        at_least=judged.at_least,
        candidate=None if judged.candidate is None else judged.candidate.point,
        unit=campaign.traffic.unit,
        batches=len(batches),
        arms=tuple(_arm(history, trial) for trial in arms),
        units_exploring=judged.units_exploring,
        units_fresh=judged.units_fresh,
    )


def _arm(history: History, trial: Trial) -> ArmOfBatch:
    campaign = history.definition
    found = newest_effect(history, trial, campaign.objective.metric)
    counted = None if found.arm is None else found.arm.n
    return ArmOfBatch(
        trial=trial.id,
        batch=found.batch,
        generator=trial.proposal.generator,
        status=trial.status,
        share=trial.proposal.weight or 0.0,
        units=counted or units_of(campaign, trial),
        look=found.step,
        difference=found.value,
        sem=found.sem,
        relative=found.relative,
        relative_sem=found.relative_sem,
        stopped=trial.outcome.why if isinstance(trial.outcome, Stopped) else None,
        unknown=found.unknown,
    )
