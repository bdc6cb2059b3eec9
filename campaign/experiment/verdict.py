"""The verdict of an A/B test: the statements about each candidate that fresh traffic alone allows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from overnight.campaign.space import Point

State = Literal[
    "exploring", "ramping", "confirmed", "better, not shown feasible", "not confirmed", "rolled back", "no candidate"
]


@dataclass(frozen=True)
class Judged:
    """A look at a candidate: its difference to the status quo over the stages so far, turned so that more is better.

    At the results of a stage there is no `step`. `fraction` is the share of the planned information, and `boundary` the
    number of standard errors from which the candidate is called better; it is infinite if the look was skipped.
    """

    stage: int
    trial: int
    step: int | None
    difference: float
    sem: float
    fraction: float
    boundary: float

    @property
    def better(self) -> bool:
        """Return whether the candidate is called better than the status quo at this look."""
        return self.difference >= self.boundary * self.sem


@dataclass(frozen=True)
class Interval:
    """The newest estimate of a number with its error, and an interval; unbounded before the first look.

    The interval is the part that the intervals of all looks share. These hold the truth at once with a probability of
    at least `level`, so the shared part does, too. The newest estimate may lie outside. If no part is shared, `low` is
    above `high`.
    """

    value: float
    sem: float
    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Guarded:
    """A constraint and the probability that the candidate meets it, by its fresh traffic; None if that is unknown.

    `value` and `limits` are the newest ones: the metric of the candidate, and the ends of the constraint, given the
    status quo of the same batch.
    """

    constraint: str
    value: float | None
    limits: tuple[float, float] | None
    probability: float | None

    @property
    def low(self) -> float | None:
        """Return the lower end; None if it is unknown."""
        return None if self.limits is None else self.limits[0]

    @property
    def high(self) -> float | None:
        """Return the upper end; None if it is unknown."""
        return None if self.limits is None else self.limits[1]


@dataclass(frozen=True)
class CandidateVerdict:
    """The statements about one candidate.

    `error` is the greatest probability with which it is called better although it is not. `looks` were the
    opportunities to call it so, and `better_at` is the first at which that happened. `effect` is in the metric's unit,
    and `relative` is a share of the status quo's mean. Each end of their intervals is right at all looks at once with a
    probability of 1 − `error`, so the level of the intervals is 1 − 2 · `error`. `p_value` is the least `error` with
    which it would have been called better. `why` is the reason for a state that is no success. `units` of fresh traffic
    were measured in the batches of its `trials`, those of the status quo among them.
    """

    number: int
    trials: tuple[int, ...]
    point: Point
    state: State
    stage: int
    stages: int
    error: float
    looks: tuple[Judged, ...] = ()
    better_at: Judged | None = None
    effect: Interval | None = None
    relative: Interval | None = None
    p_value: float | None = None
    guardrails: tuple[Guarded, ...] = ()
    why: str | None = None
    units: int = 0


@dataclass(frozen=True)
class Verdict:
    """How an A/B test stands, and each candidate so far; units are those of all arms, and `unit` names them.

    With a probability of at least `at_least`, no candidate of the test is called better although it is not. This is no
    probability that a certain candidate is better: it counts false statements over many tests.
    """

    state: State
    metric: str
    at_least: float
    candidates: tuple[CandidateVerdict, ...] = field(default=())
    units_exploring: int = 0
    units_fresh: int = 0
    unit: str = "units"

    @property
    def candidate(self) -> CandidateVerdict | None:
        """Return the confirmed candidate, or else the newest one; None before the first."""
        confirmed = [each for each in self.candidates if each.state == "confirmed"]
        return next(reversed(confirmed or self.candidates), None)

    def __str__(self) -> str:
        return " ".join(_sentences(self))


def state_of(candidates: Sequence[CandidateVerdict], finished: bool) -> State:
    """Return how an A/B test stands, given its candidates and whether the campaign is finished."""
    if any(each.state == "confirmed" for each in candidates):
        return "confirmed"
    if candidates:
        return candidates[-1].state
    return "no candidate" if finished else "exploring"


def _sentences(verdict: Verdict) -> list[str]:
    found = verdict.candidate
    if found is None:
        over = verdict.state == "no candidate"
        return ["No arm was tried on fresh traffic." if over else "Arms are still explored; nothing is concluded yet."]
    name, stage = f"Trial {found.trials[-1]}", f"stage {found.stage} of {found.stages} of the ramp-up"
    if found.state == "rolled back":
        return [f"{name} was rolled back in {stage}: {found.why}."]
    said = {
        "confirmed": f"{name} is better than the status quo ({_error(verdict)}).",
        "better, not shown feasible": f"{name} is better than the status quo ({_error(verdict)}), but {found.why}.",
        "ramping": f"{name} is in {stage}; nothing is concluded yet.",
    }
    first = said.get(found.state, f"{name} was not confirmed as better than the status quo: {found.why}.")
    return [first, *_traffic(verdict, found), _difference(verdict.metric, found), *_guardrails(found)]


def _error(verdict: Verdict) -> str:
    return f"such a statement is false in at most {100 * (1 - verdict.at_least):.4g} % of tests"


def _traffic(verdict: Verdict, found: CandidateVerdict) -> list[str]:
    """Return the traffic on which a conclusion rests; there is none while the candidate is in the ramp-up."""
    if found.state == "ramping" or not found.units:
        return []
    *others, last = [str(trial) for trial in found.trials]
    trials = f"trials {', '.join(others)} and {last}" if others else f"trial {last}"
    return [f"This rests on {found.units:,} {verdict.unit} of fresh traffic, in {trials}."]


def _difference(metric: str, found: CandidateVerdict) -> str:
    if found.effect is None:
        return f"Its effect on {metric} is not known yet."
    effect, form = (found.effect, "+.4g") if found.relative is None else (found.relative, "+.2%")
    value, low, high = (_as_text(each, form) for each in (effect.value, effect.low, effect.high))
    said = f"Its effect on {metric} is {value}"
    if math.isinf(effect.low):
        return f"{said} so far, and it is too early for an interval."
    if effect.low > effect.high:
        return f"{said} by the newest look, but the looks contradict each other: no effect fits all of their intervals."
    outside = not effect.low <= effect.value <= effect.high
    level = f"confidence {100 * effect.level:.4g} %, for all looks together"
    between = f"between {low} and {high} ({level})"
    return f"{said} by the newest look, but {between} by all of them." if outside else f"{said}, {between}."


def _guardrails(found: CandidateVerdict) -> list[str]:
    """Return a sentence for each guardrail whose probability is known."""
    known = [(each.constraint, each.probability) for each in found.guardrails if each.probability is not None]
    return [f"The probability that `{text}` holds is {_in_per_cent(probability)}." for text, probability in known]


def _in_per_cent(probability: float) -> str:
    """Return a probability, never claiming more than 99.9 or less than 0.1 per cent."""
    if probability > 0.999:
        return "more than 99.9 %"
    if probability < 0.001:
        return "less than 0.1 %"
    return _as_text(probability, ".0%" if 0.01 <= probability <= 0.99 else ".1%")


def _as_text(value: float, form: str) -> str:
    return f"{value:{form}}".replace("%", " %").replace("-", "−")
