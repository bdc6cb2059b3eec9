"""Appraise points proposed elsewhere with the hyperparameters recorded there.

On another stack sums round differently. A fit stops climbing when little is left to gain, so two fits may end visibly
apart, and so may two searches. But if all earlier decisions are held as recorded, a prediction or a score is a short
computation that rounding hardly moves, and the chosen point must be among the best that are found.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from overnight.bo_core.appraisal.recorded import Contradicted, NotRecorded, RecordedModels, suspects_of
from overnight.bo_core.choice import Asked, Candidate, Choice, Repetitions
from overnight.bo_core.choice.candidate import Prepared
from overnight.bo_core.choice.choice import REPLICATION
from overnight.bo_core.choice.fidelities import GAIN_PER_COST
from overnight.bo_core.data.encoding import key_of
from overnight.bo_core.model import Model, last_made_by_model, on_this_machine
from overnight.bo_core.numerics.own_state import own_state
from overnight.bo_core.numerics.threads import threads_for
from overnight.bo_core.settings.user_code import Unusable
from overnight.bo_core.weights.second_opinion import SecondOpinion
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import Point, Proposal
from overnight.campaign.errors import SpaceExhausted
from overnight.campaign.history.provenance import Provenance

# The most by which two stacks may differ: relatively in a number, and in the logarithm of the score that a search
# reaches.
AGREEMENT, MOST_AHEAD = 1e-6, 0.01
# The relative rounding of a vast score.
_ROUNDING, _VAST = 1e-9, 1e6
# A number may also differ by this multiple of the observed effect of rounding, up to a limit.
_OF_ROUNDING, _MOST_OF_ROUNDING = 10.0, 1e-3
# Changes of log hyperparameters too small to affect any result, except that everything is rounded differently.
_NUDGES = (1e-14, -1e-14, 2e-14, -2e-14)


@dataclass(frozen=True)
class Figure:
    """One number as recorded and as computed here; relative means to its size or, if larger, the `unit`.

    `rounding` is how far the number moves here, relatively, if everything is rounded differently.
    """

    name: str
    recorded: float
    here: float
    unit: float
    rounding: float

    @property
    def apart(self) -> float:
        """Return the relative difference between the recorded number and the one here."""
        return _apart(self.recorded, self.here, self.unit)

    @property
    def agrees(self) -> bool:
        """Return whether a different stack explains the difference."""
        return self.apart <= max(AGREEMENT, min(_OF_ROUNDING * self.rounding, _MOST_OF_ROUNDING))


@dataclass(frozen=True)
class Appraisal:
    """A recorded point appraised here: its figures, and how far the best point found here is `ahead` of it.

    `better` is that best point. It is ahead in logarithms of the score; if scores have none, such as those of an upper
    confidence bound, it is ahead in standard deviations of the outcomes.
    """

    figures: tuple[Figure, ...]
    ahead: float
    better: Point

    @property
    def apart(self) -> float:
        """Return the largest relative difference of the figures."""
        return max(figure.apart for figure in self.figures)

    @property
    def objections(self) -> list[str]:
        """Return the differences that another stack does not explain, each with both values."""
        found = [f"{f.name} is recorded as {f.recorded!r}, here {f.here!r}" for f in self.figures if not f.agrees]
        if not self.ahead <= MOST_AHEAD:
            found.append(f"a point scores {self.ahead:.3g} more than the recorded one, {self.better}")
        return found


@own_state()
def appraise(asked: Asked, recorded: Sequence[Proposal]) -> list[Appraisal]:
    """Return an appraisal of each proposal of a batch, with the points before it in the batch as recorded.

    Nothing is fitted. On the stack that made the proposals, the figures equal the recorded ones up to rounding. Raises
    NotRecorded if the record does not suffice, and Contradicted if it cannot be true.

    The effect of rounding is measured by computing the same from hyperparameters that differ in their last digits
    (Vignes 1993, stochastic arithmetic). It is large if results were exact and points lie close together.
    """
    batch = [_provenance(proposal) for proposal in recorded]
    asked = replace(asked, proposer=on_this_machine(asked.proposer), recorded=suspects_of(batch, asked))
    models = RecordedModels.of(batch, asked)
    with torch.inference_mode(), threads_for(len(asked.view.observed)):
        try:
            choices = [_choice(asked, models.nudged(nudge)) for nudge in (0.0, *_NUDGES)]
            return [_appraised(asked, choices, proposal) for proposal in recorded]
        except Unusable as problem:
            raise Contradicted(str(problem)) from problem.__cause__


def _choice(asked: Asked, recorded: RecordedModels) -> Choice:
    generator, last = torch.Generator().manual_seed(asked.seed), last_made_by_model(asked.history)
    beliefs = {
        metric: Model.recalled(observed, asked.proposer, generator, last, **vars(recorded.metrics[metric]))
        for metric, observed in asked.situation.observed.items()
    }
    weighting = Weighting.recalled(asked.situation, asked.share_of_cost, recorded.feasibility, recorded.cost)
    observed, theta = beliefs[asked.campaign.objective.metric].observed, recorded.opinion
    opinion = None if theta is None else SecondOpinion.recalled(observed, asked.proposer, theta)
    return Choice(asked, beliefs, generator, weighting, opinion)


def _appraised(asked: Asked, choices: Sequence[Choice], proposal: Proposal) -> Appraisal:
    """Appraise one proposal with the first of the choices, and add its point to all of them."""
    point, provenance = asked.campaign.space.point(proposal.point), _provenance(proposal)
    prepared = [choice.prepared() for choice in choices]
    again = provenance.chosen.acquisition == REPLICATION
    new = _searched(choices[0], prepared[0], again=again)
    for_cost = provenance.chosen.acquisition == GAIN_PER_COST
    if for_cost:
        news = [each for each in (provenance.chosen.instead_of, new and new.point) if each is not None]
        scores = [_gain_for_cost(choice, point, news[0]) for choice in choices]
        best = _best_for_cost(choices[0], news, scores[0])
    elif again:
        found = None if new is None else new.point
        other = provenance.chosen.instead_of or found
        instead_of = None if other is None else asked.campaign.space.point(other)
        scores = [_gain(choice, point, instead_of) for choice in choices]
        best = _best_against_a_repetition(choices[0], point, (instead_of, found))
    else:
        assert new is not None, "expected an error if no new point is left"
        _check_new(choices[0], point, provenance)
        scores = [choice.score(at, point) for choice, at in zip(choices, prepared, strict=True)]
        best = _best_against_a_new_point(choices[0], point, scores[0], new)
    fidelity = asked.campaign.fidelity
    missing = 0.0 if fidelity is None else fidelity.missing(point)
    predicted = _predictions(choices, asked.encoding.encode([point]), provenance, missing, choices[0].run_of(point))
    weights = _weights(choices, asked.encoding.encode([point]), provenance)
    for choice in choices:
        choice.take(point)
    value = _figure("chosen.value", provenance.chosen.value, scores, 0.0 if again or for_cost else 1.0)
    return Appraisal((*predicted, value, *_worst(choices, provenance), *weights), *best)


def _searched(choice: Choice, at: Prepared, *, again: bool) -> Candidate | None:
    """Return the best new point; None if a finite space has none left and a point was measured `again`."""
    try:
        return choice.searched(at)
    except SpaceExhausted:
        if not again:
            raise
        return None


def _worst(choices: Sequence[Choice], provenance: Provenance) -> list[Figure]:
    """Return the figures of the reference of hypervolumes; none with one objective."""
    scales = {metric: model.observed.outcomes.sd_in_units(1.0) for metric, model in choices[0].beliefs.items()}
    return [
        _figure(
            f"chosen.worst.{metric}",
            provenance.chosen.worst.get(metric),
            [choice.aim.worst[metric] for choice in choices],
            scales[metric],
        )
        for metric in choices[0].aim.worst
    ]


def _predictions(
    choices: Sequence[Choice], x: Tensor, provenance: Provenance, missing: float, run: int
) -> list[Figure]:
    """Return the figures of all metrics' predictions."""
    return [
        figure
        for metric, model in choices[0].beliefs.items()
        for figure in _prediction(
            model,
            metric,
            provenance,
            [choice.beliefs[metric].predicted(x, missing=missing, run=run) for choice in choices],
        )
    ]


def _prediction(
    model: Model, metric: str, provenance: Provenance, computed: Sequence[tuple[float, float]]
) -> list[Figure]:
    """Return the figures of a metric's predicted mean and standard deviation."""
    recorded = provenance.predicted.get(metric)
    if recorded is None:
        raise NotRecorded(f"the prediction of {metric} is not recorded")
    means, sds = zip(*computed, strict=True)
    # A mean may be near 0 merely because of the metric's zero, and a logarithm because its number is near 1. A standard
    # deviation below that of the jitter is a remainder of cancellation.
    spread, blur = model.observed.outcomes.scale, math.sqrt(model.posterior.jitter)
    return [
        _figure(f"predicted.{metric}.mean", recorded.mean, means, spread),
        _figure(f"predicted.{metric}.sd", recorded.sd, sds, blur * spread),
    ]


def _weights(choices: Sequence[Choice], x: Tensor, provenance: Provenance) -> list[Figure]:
    """Return the figures of the weights of the value, as far as they counted."""
    recorded = provenance.weights
    computed = {
        "probability_feasible": [choice.weighting.probability_feasible(x) for choice in choices],
        "predicted_cost": [choice.weighting.predicted_cost(x) for choice in choices],
    }
    known = {name: [value for value in values if value is not None] for name, values in computed.items()}
    found = [
        _figure(f"weights.{name}", getattr(recorded, name), values, 0.0) for name, values in known.items() if values
    ]
    of_constraints = [choice.probabilities_of_constraints(x) for choice in choices]
    return found + [
        _figure(
            f"weights.constraints.{text}", recorded.constraints.get(text), [each[text] for each in of_constraints], 1.0
        )
        for text in of_constraints[0]
    ]


def _check_new(choice: Choice, point: Point, provenance: Provenance) -> None:
    found = provenance.chosen.acquisition
    if found != choice.called:
        raise Contradicted(f"expected acquisition {choice.called}, found {found}")
    if key_of(point) in choice.taken:
        raise Contradicted(f"expected a new point, found {point}, which was tried or chosen before")


def _best_against_a_new_point(choice: Choice, point: Point, score: float, new: Candidate) -> tuple[float, Point]:
    """Return how far the best new point or repetition found is ahead of a new point, and that best point."""
    # Far from all limits, scores are vast, and so is their rounding.
    rounding = _ROUNDING * abs(score) if abs(score) > _VAST else 0.0
    found = [(new.value - score - rounding, new.point)]
    repetitions = choice.repetitions(point)
    if repetitions is not None:
        found.append(_best_repetition(choice, repetitions, repetitions.of_new))
    return max(found, key=_ahead)


def _best_against_a_repetition(choice: Choice, point: Point, others: Sequence[Point | None]) -> tuple[float, Point]:
    """Return how far the best new point or repetition found is ahead of a repetition, and that best point."""
    found: list[tuple[float, Point]] = []
    for other in others:
        gain, repetitions = _gain(choice, point, other), choice.repetitions(other)
        assert repetitions is not None
        found += [_best_repetition(choice, repetitions, gain), (_log_ratio(repetitions.of_new, gain), other or point)]
    return max(found, key=_ahead)


def _best_repetition(choice: Choice, repetitions: Repetitions, gain: float) -> tuple[float, Point]:
    best = int(repetitions.gains.argmax())
    return _log_ratio(float(repetitions.gains[best]), gain), choice.tried_at(repetitions.X[best])


def _gain(choice: Choice, point: Point, instead_of: Point | None) -> float:
    """Return the expected gain of a repetition if the alternative is a new point, or without an alternative."""
    repetitions = choice.repetitions(instead_of)
    gain = None if repetitions is None else repetitions.gain_at(choice.encoding.encode([point])[0])
    if gain is None:
        raise Contradicted(f"expected a repetition of a point that could be best, found {point}")
    return gain


def _gain_for_cost(choice: Choice, point: Point, new: Point) -> float:
    """Return the gain for its cost of measuring a point at its fidelity, if the alternative is a new point."""
    at = key_of(point)
    value = next((option.value for option in choice.options(new) if key_of(option.point) == at), None)
    if value is None:
        raise Contradicted(f"expected a point and a fidelity that could be measured, found {point}")
    return value


def _best_for_cost(choice: Choice, news: Sequence[Point], gain: float) -> tuple[float, Point]:
    """Return how far the best measurement found here is ahead of one with this gain for its cost, and that best one."""
    options = [option for new in news for option in choice.options(new)]
    best = max(options, key=lambda option: option.value)
    return _log_ratio(best.value, gain), best.point


def _ahead(found: tuple[float, Point]) -> float:
    return found[0]


def _log_ratio(a: float, b: float) -> float:
    """Return log a − log b of numbers that are not negative; 0 if a is not larger."""
    if a <= b:
        return 0.0
    return math.log(a) - math.log(b) if b > 0.0 else math.inf


def _provenance(proposal: Proposal) -> Provenance:
    if proposal.provenance is None:
        raise NotRecorded("its provenance is not recorded")
    return proposal.provenance


def _figure(name: str, recorded: float | None, computed: Sequence[float], unit: float) -> Figure:
    """Return the figure of a recorded number, from its value here and its values with other roundings."""
    if recorded is None:
        raise NotRecorded(f"{name} is not recorded")
    here, *nudged = computed
    return Figure(name, recorded, here, unit, max(_apart(here, other, unit) for other in nudged))


def _apart(a: float, b: float, unit: float) -> float:
    """Return the distance of b from a, relative to the size of a or the unit."""
    if a == b:
        return 0.0
    size = max(abs(a), unit)
    apart = abs(a - b) / size if size > 0.0 else math.inf
    return math.inf if math.isnan(apart) else apart
