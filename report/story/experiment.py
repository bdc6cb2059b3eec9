"""How an A/B test stands: its verdict, and every arm compared with the status quo of its batch."""

import importlib

from overnight.campaign import History, Point, Trial
from overnight.campaign.experiment.arms import units_of
from overnight.campaign.experiment.effects import newest_effect
from overnight.campaign.experiment.status_quo import is_status_quo
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


class EffectOfCandidate(Section):
    """The newest estimate of an effect, and the part `low` to `high` that the intervals of all looks share.

    These hold the truth at once with a probability of at least `level`. If they share no part, `low` is above `high`.
    """

    value: Known
    sem: Known
    low: Known
    high: Known
    level: float


class GuardrailOfCandidate(Section):
    """A constraint with the probability that a candidate meets it; `low` and `high` are its ends in the newest batch.

    A number is absent if it is unknown, and an end if the constraint has none there.
    """

    constraint: str
    value: Known
    low: Known
    high: Known
    probability: Known


class CandidateOfTest(Section):
    """A point that went through the stages, with all statements about it that its fresh traffic allows.

    `trials` are its arms, and `units` the fresh traffic of their batches. `error` is the probability with which it
    would be called better although it is not. `effect` is in the metric's unit, and `relative` a share of the status
    quo's mean. `why` is the reason for a state that is no success.
    """

    trials: tuple[int, ...]
    point: Point
    state: State
    why: str | None
    stage: int
    stages: int
    units: int
    error: float
    p_value: Known
    effect: EffectOfCandidate | None
    relative: EffectOfCandidate | None
    guardrails: tuple[GuardrailOfCandidate, ...]


class Experiment(Section):
    """An A/B test: `verdict` in words, the arms other than the status quo, and the units used so far.

    With a probability of `at_least`, no arm of the test is falsely called better. The `candidate` is the point that the
    verdict is about, absent before the ramp-up. `candidates` are all of them in their order.
    """

    state: State
    verdict: str
    at_least: float
    candidate: Point | None
    candidates: tuple[CandidateOfTest, ...]
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
        # A section has what it shows of a verdict under the same names.
        candidates=tuple(CandidateOfTest.model_validate(each, from_attributes=True) for each in judged.candidates),
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
