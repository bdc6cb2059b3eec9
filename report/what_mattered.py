"""The parameters that mattered to the model that proposed a point, by their length scales."""

import math
from collections.abc import Iterable, Iterator, Mapping

from overnight.campaign import History, Trial
from overnight.report.numbers import number

# A parameter whose length scale is this long, in widths of its range, hardly bends the model.
_LONG = 2.0


def what_mattered(then: History, known: Iterable[Trial], trial: Trial, features: Mapping[str, slice]) -> Iterator[str]:
    """Yield the parameters that bent each objective's model; a category with several scales counts by its shortest.

    Parameters that could not matter are left out: their length scales mean nothing.
    """
    goal, provenance, able = then.definition.goal, trial.proposal.provenance, _able_to_matter(then, known, trial)
    if provenance is None:
        return
    for objective in goal.objectives:
        model = provenance.models.metrics.get(objective.metric)
        shortest = {} if model is None else _shortest_scales(model.hyperparameters, features)
        order = sorted((name for name in shortest if name in able), key=lambda name: shortest[name])
        to = f" to {objective.metric}" * goal.has_front
        if bend := [f"{name} ({number(shortest[name], 2)})" for name in order if shortest[name] < _LONG]:
            yield f"Parameters that mattered{to}, by length scale in widths of the range: {', '.join(bend)}."
        if flat := [name for name in order if shortest[name] >= _LONG]:
            yield f"Parameters that hardly mattered{to}: {', '.join(flat)}."


def _able_to_matter(then: History, known: Iterable[Trial], trial: Trial) -> set[str]:
    """Return the parameters of a proposed point that were free, and whose value differs between known points."""
    points, space = [each.point for each in known], then.definition.space
    free = [name for name in trial.point if name in space.tuned() and name not in space.fixed]
    return {name for name in free if any(point.get(name) != points[0].get(name) for point in points)}


def _shortest_scales(
    hyperparameters: Mapping[str, tuple[float, ...]], features: Mapping[str, slice]
) -> dict[str, float]:
    """Return the shortest length scale of each parameter, averaged over the sets; none if they are of another space."""
    recorded, sets = hyperparameters.get("log_length_scales", ()), len(hyperparameters.get("log_noise_variance", ()))
    d, count = max((where.stop for where in features.values()), default=0), len(recorded) // max(sets, 1)
    if not count or len(recorded) != sets * count or count not in (d, len(features)):
        return {}
    # A length scale for each feature, or one for each parameter.
    places = features if count == d else {name: slice(i, i + 1) for i, name in enumerate(features)}
    scales = [math.exp(sum(recorded[j::count]) / sets) for j in range(count)]
    return {name: min(scales[where]) for name, where in places.items() if scales[where]}
