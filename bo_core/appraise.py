"""What is thought here of points that a model proposed elsewhere, with the hyperparameters that it recorded.

On another stack sums round differently. A fit climbs until little is left to win, so that two may end visibly apart,
and so may two searches; but with everything that was decided before held as it was recorded, a prediction or a score
is a short computation that rounding hardly moves, and what was chosen must be among the best that is found.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from overnight.bo_core.acquisitions import ACQUISITIONS
from overnight.bo_core.choice import Asked, Candidate, Choice, Repetitions
from overnight.bo_core.data.encoding import key_of
from overnight.bo_core.model import Model, last_made_by_model, on_this_machine
from overnight.bo_core.numerics.own_state import own_state
from overnight.bo_core.numerics.threads import threads_for
from overnight.bo_core.surrogate.fit import LEAST_JITTER
from overnight.bo_core.surrogate.hyperparameters import Record, theta_of_record
from overnight.bo_core.surrogates import ExactSurrogate
from overnight.bo_core.tail_width import TAIL_WIDTHS
from overnight.bo_core.user_code import Unusable
from overnight.bo_core.weights.second_opinion import SecondOpinion
from overnight.bo_core.weights.weighting import Weighting, costs_of
from overnight.campaign import Point, Proposal
from overnight.campaign.errors import OvernightError
from overnight.campaign.history.trial import Provenance

# What two stacks may differ by: relatively in a number, and in logarithms in how good a point two searches find.
AGREEMENT, MOST_AHEAD = 1e-6, 0.01
# Where that is more, a number may differ by so many times what rounding is seen to move it by, up to a limit.
_OF_ROUNDING, _MOST_OF_ROUNDING = 10.0, 1e-3
# Changes of log hyperparameters that no result would tell; after them everything is rounded anew.
_NUDGES = (1e-14, -1e-14, 2e-14, -2e-14)


class NotRecorded(OvernightError):
    """What it takes to appraise a proposal was not recorded with it, as by versions before this one."""


class Contradicted(OvernightError):
    """A proposal cannot have been made as was recorded with it."""


@dataclass(frozen=True)
class Figure:
    """One number as it was recorded and as it is here; relative is to their size or, where larger, the `unit`.

    `rounding` is how far, relatively, it moves here where everything is rounded anew.
    """

    name: str
    recorded: float
    here: float
    unit: float
    rounding: float

    @property
    def apart(self) -> float:
        """Return how far recorded and here are apart, relatively."""
        return _apart(self.recorded, self.here, self.unit)

    @property
    def agrees(self) -> bool:
        """Tell whether another stack explains how far they are apart."""
        return self.apart <= max(AGREEMENT, min(_OF_ROUNDING * self.rounding, _MOST_OF_ROUNDING))


@dataclass(frozen=True)
class Appraisal:
    """A recorded point here: prediction and score beside the recorded ones, and how far the best found is `ahead`.

    `better` is that best point. It is ahead in logarithms of the score; where scores have none, as those of an upper
    confidence bound, in standard deviations of the outcomes.
    """

    figures: tuple[Figure, ...]
    ahead: float
    better: Point

    @property
    def apart(self) -> float:
        """Return how far apart the figures are at most, relatively."""
        return max(figure.apart for figure in self.figures)

    @property
    def objections(self) -> list[str]:
        """Return what another stack does not explain, each with both values."""
        found = [f"{f.name} is recorded as {f.recorded!r}, here {f.here!r}" for f in self.figures if not f.agrees]
        if not self.ahead <= MOST_AHEAD:
            found.append(f"a point scores {self.ahead:.3g} more than the recorded one, {self.better}")
        return found


@own_state()
def appraise(asked: Asked, recorded: Sequence[Proposal]) -> list[Appraisal]:
    """Return what is thought of each proposal of a batch, the points before it in the batch taken as recorded.

    Nothing is fitted. On the stack that made the proposals the figures are the recorded ones but for rounding. Raises
    NotRecorded where what is recorded does not suffice, and Contradicted where it cannot be.

    How much rounding means is seen where the same is computed again from hyperparameters that differ in their last
    digits (Vignes 1993, stochastic arithmetic): where results were exact and points lie close, it is much.
    """
    batch = [_provenance(proposal) for proposal in recorded]
    records, jitter, width = _Records.of(batch, asked), _fit_jitter(batch[0], asked), _tail_width(batch)
    asked = replace(asked, proposer=on_this_machine(asked.proposer))
    with torch.inference_mode(), threads_for(len(asked.view.observed)):
        try:
            choices = [_choice(asked, records.nudged(nudge), jitter, width) for nudge in (0.0, *_NUDGES)]
            return [_appraised(asked, choices, proposal) for proposal in recorded]
        except Unusable as problem:
            raise Contradicted(str(problem)) from problem.__cause__


@dataclass(frozen=True)
class _Records:
    """What was recorded of the model, and the θ [1, h] of all else that counted."""

    model: Record
    feasibility: Tensor | None
    cost: Tensor | None
    opinion: Tensor | None

    @classmethod
    def of(cls, batch: Sequence[Provenance], asked: Asked) -> "_Records":
        """Return what a batch was chosen with."""
        feasibility, cost = _theta_of_feasibility(batch, asked), _theta_of_cost(batch, asked)
        return cls(_record(batch, asked), feasibility, cost, _theta_of_opinion(batch, asked))

    def nudged(self, nudge: float) -> "_Records":
        """Return the same with all of them moved by so much."""
        others = (self.feasibility, self.cost, self.opinion)
        model = {name: tuple(value + nudge for value in values) for name, values in self.model.items()}
        return _Records(model, *(None if theta is None else theta + nudge for theta in others))


def _choice(asked: Asked, records: _Records, jitter: float, width: float | None) -> Choice:
    generator = torch.Generator().manual_seed(asked.seed)
    last, recorded = last_made_by_model(asked.history), {"record": records.model, "jitter": jitter, "tail_width": width}
    beliefs = {
        metric: Model.recalled(observed, asked.proposer, generator, last, **recorded)
        for metric, observed in asked.situation.observed.items()
    }
    weighting = Weighting.recalled(asked.situation, asked.share_of_cost, records.feasibility, records.cost)
    observed, opinion = beliefs[asked.campaign.objective.metric].observed, None
    if records.opinion is not None:
        opinion = SecondOpinion.recalled(observed, asked.proposer, records.opinion)
    return Choice(asked, beliefs, generator, weighting, opinion)


def _appraised(asked: Asked, choices: Sequence[Choice], proposal: Proposal) -> Appraisal:
    """Return what the first of the choices thinks of one proposal, which joins them all."""
    point, provenance = asked.campaign.parameters.point(proposal.point), _provenance(proposal)
    prepared = [choice.prepared() for choice in choices]
    new = choices[0].searched(prepared[0])
    again = provenance.acquisition == "replication"
    if again:
        instead_of = asked.campaign.parameters.point(provenance.instead_of or new.point)
        scores = [_gain(choice, point, instead_of) for choice in choices]
        best = _best_beside_a_repetition(choices[0], point, (instead_of, new.point))
    else:
        _check_new(choices[0], point, provenance)
        scores = [choice.score(at, point) for choice, at in zip(choices, prepared, strict=True)]
        best = _best_beside_a_new_point(choices[0], point, scores[0], new)
    predicted = [choice.model.predicted(asked.encoding.encode([point])) for choice in choices]
    for choice in choices:
        choice.take(point)
    means, sds = zip(*predicted, strict=True)
    model = choices[0].model
    # A mean may be near 0 by accident of the metric's zero, and a logarithm where it is that of 1. A standard deviation
    # below that of the jitter is what cancellation left.
    spread, blur = model.observed.outcomes.scale, math.sqrt(model.posterior.jitter)
    figures = [
        _figure(provenance, "predicted_mean", means, spread),
        _figure(provenance, "predicted_sd", sds, blur * spread),
        _figure(provenance, "acquisition_value", scores, 0.0 if again else 1.0),
    ]
    x = asked.encoding.encode([point])
    for name in ("probability_feasible", "predicted_cost"):
        weights = [getattr(choice.weighting, name)(x) for choice in choices]
        if None not in weights:
            figures.append(_figure(provenance, name, weights, 0.0))
    return Appraisal(tuple(figures), *best)


def _check_new(choice: Choice, point: Point, provenance: Provenance) -> None:
    if provenance.acquisition != choice.proposer.acquisition:
        raise Contradicted(f"expected acquisition {choice.proposer.acquisition}, found {provenance.acquisition}")
    if key_of(point) in choice.taken:
        raise Contradicted(f"expected a new point, found {point}, which was tried or chosen before")


def _best_beside_a_new_point(choice: Choice, point: Point, score: float, new: Candidate) -> tuple[float, Point]:
    """Return how far the best that is found is ahead, a new point or a repetition, and which it is."""
    found = [(new.value - score, new.point)]
    repetitions = choice.repetitions(point)
    if repetitions is not None:
        found.append(_best_repetition(choice, repetitions, repetitions.of_new))
    return max(found, key=_ahead)


def _best_beside_a_repetition(choice: Choice, point: Point, others: Sequence[Point]) -> tuple[float, Point]:
    """Return how far the best that is found is ahead of a repetition: another one or a new point; and which it is."""
    found: list[tuple[float, Point]] = []
    for other in others:
        gain, repetitions = _gain(choice, point, other), choice.repetitions(other)
        assert repetitions is not None
        found += [_best_repetition(choice, repetitions, gain), (_log_ratio(repetitions.of_new, gain), other)]
    return max(found, key=_ahead)


def _best_repetition(choice: Choice, repetitions: Repetitions, gain: float) -> tuple[float, Point]:
    best = int(repetitions.gains.argmax())
    return _log_ratio(float(repetitions.gains[best]), gain), choice.tried_at(repetitions.X[best])


def _gain(choice: Choice, point: Point, instead_of: Point) -> float:
    """Return what a repetition is expected to gain where the other possibility is a new point."""
    repetitions = choice.repetitions(instead_of)
    gain = None if repetitions is None else repetitions.gain_at(choice.encoding.encode([point])[0])
    if gain is None:
        raise Contradicted(f"expected a repetition of what could be best, found {point}")
    return gain


def _ahead(found: tuple[float, Point]) -> float:
    return found[0]


def _log_ratio(a: float, b: float) -> float:
    """Return log a − log b of numbers that are not negative; nothing is ahead of nothing."""
    if a <= b:
        return 0.0
    return math.log(a) - math.log(b) if b > 0.0 else math.inf


def _provenance(proposal: Proposal) -> Provenance:
    if proposal.provenance is None:
        raise NotRecorded("how it was made is not recorded")
    return proposal.provenance


def _figure(provenance: Provenance, name: str, computed: Sequence[float], unit: float) -> Figure:
    """Return a recorded number beside what it is here, computed once and then again with other roundings."""
    recorded = getattr(provenance, name)
    if recorded is None:
        raise NotRecorded(f"{name} is not recorded")
    here, *nudged = computed
    return Figure(name, recorded, here, unit, max(_apart(here, other, unit) for other in nudged))


def _apart(a: float, b: float, unit: float) -> float:
    """Return how far b is from a, relative to the size of a or the unit."""
    if a == b:
        return 0.0
    size = max(abs(a), unit)
    apart = abs(a - b) / size if size > 0.0 else math.inf
    return math.inf if math.isnan(apart) else apart


def _tail_width(batch: Sequence[Provenance]) -> float | None:
    """Return the width over which bad outcomes were drawn together, the same in all of a batch."""
    found = {provenance.tail_width for provenance in batch}
    if len(found) > 1 or not found <= set(TAIL_WIDTHS):
        raise Contradicted(
            f"expected one tail width of {TAIL_WIDTHS} in all of a batch, found {sorted(map(str, found))}"
        )
    return found.pop()


def _record(batch: Sequence[Provenance], asked: Asked) -> Record:
    """Return the record of the model that a batch was chosen with."""
    record = _one_record([each.hyperparameters for each in batch])
    if isinstance(asked.proposer.surrogate, ExactSurrogate):
        _theta(record, asked.encoding.d)
    return record


def _theta_of_feasibility(batch: Sequence[Provenance], asked: Asked) -> Tensor | None:
    """Return the θ [1, h] of what was known of feasibility, None where nothing was or nobody asked."""
    if asked.proposer.feasibility == "ignore" or not len(asked.situation.failed):
        return None
    return _theta(_one_record([each.feasibility_hyperparameters for each in batch]), asked.encoding.d)


def _theta_of_cost(batch: Sequence[Provenance], asked: Asked) -> Tensor | None:
    """Return the θ [1, h] of what was known of costs, None where these did not weigh."""
    if costs_of(asked.situation, asked.share_of_cost) is None:
        return None
    return _theta(_one_record([each.cost_hyperparameters for each in batch]), asked.encoding.d)


def _theta_of_opinion(batch: Sequence[Provenance], asked: Asked) -> Tensor | None:
    """Return the θ [1, h] of the second opinion, None if there was none."""
    records = [each.opinion_hyperparameters for each in batch]
    if asked.proposer.hopeless == "ignore" or not any(records):
        return None
    return _theta(_one_record(records), asked.encoding.d)


def _one_record(records: Sequence[Mapping[str, tuple[float, ...]] | None]) -> Record:
    """Return what all of a batch recorded of a model."""
    record = records[0]
    if record is None:
        raise NotRecorded("hyperparameters are not recorded")
    if any(other != record for other in records):
        raise Contradicted("expected the same hyperparameters in all of a batch, found others")
    return dict(record)


def _theta(record: Record, d: int) -> Tensor:
    """Return the θ [M, h] of a record."""
    theta = theta_of_record(record, d)
    if theta is None or not bool(theta.isfinite().all()):
        raise Contradicted("expected hyperparameters of this space, found others")
    return theta


def _fit_jitter(provenance: Provenance, asked: Asked) -> float:
    """Return the jitter of the fit; where only the larger of two is known, it is the fit's if it is the least."""
    jitter = provenance.jitter if provenance.fit_jitter is None else provenance.fit_jitter
    if jitter is not None and not 0 <= jitter < math.inf:
        raise Contradicted(f"expected a jitter of 0 or more, found {jitter}")
    if provenance.fit_jitter is not None:
        return provenance.fit_jitter
    if jitter is None or (jitter > LEAST_JITTER and ACQUISITIONS[asked.proposer.acquisition].utility):
        raise NotRecorded("the jitter of its fit is not recorded")
    return jitter
