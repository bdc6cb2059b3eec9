"""The suspects: trials whose results look like glitches, because a model of all others cannot believe them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from overnight.bo_core.data.encoding import PointKey, key_of
from overnight.bo_core.data.state import Observed
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.search.bfgs import Array
from overnight.bo_core.surrogate.hyperparameters import theta_of_record
from overnight.bo_core.suspects.pursuit import Pursuit
from overnight.campaign import ModelView
from overnight.campaign.errors import ModelFailed
from overnight.campaign.history.provenance import FittedModel, Provenance

# Among fewer readings, none is suspicious. More are looked at in interleaved parts of about equal size.
_FEWEST, _MOST_AT_ONCE = 8, 256


@dataclass(frozen=True)
class Suspect:
    """A trial whose result is `off` by so many standard deviations; above 0 it is too good."""

    trial: int
    off: float


def suspects_among(
    observed: Observed, results: int, proposer: BayesianProposer, last: Provenance | None
) -> tuple[Suspect, ...]:
    """Return the trials whose results look like glitches, in the order of their ids.

    The first `results` observations are results, and the others estimates. There are no suspects if the proposer
    believes everything, if results are exact, by definition or by all their standard errors, or if the campaign has a
    model of its own. The suspects of the `last` proposal are kept as long as its hyperparameters explain all results;
    otherwise they are looked for without it. A pure function of its arguments (docs/decisions/0035-glitches.md).
    """
    exact = observed.exact or all(measured.sem == 0 for measured in observed.measured)
    if not proposer.doubts or exact or results < _FEWEST:
        return ()
    before = _recorded(last, observed)
    found = [suspect for rows in _parts(observed) for suspect in _among(observed, rows, results, proposer, before)]
    return tuple(sorted(found, key=lambda suspect: suspect.trial))


def without(view: ModelView, trials: Collection[int]) -> ModelView:
    """Return the view without the results of some trials; the same view if there are none."""
    if not trials:
        return view
    return replace(view, observed=tuple(trial for trial in view.observed if trial.id not in trials))


@dataclass(frozen=True)
class _Before:
    """The suspects of the last proposal, and the hyperparameters [h] of its model, without warping."""

    suspects: frozenset[int]
    theta: Array


def _recorded(last: Provenance | None, observed: Observed) -> _Before | None:
    g = observed.groups.count
    model: FittedModel | None = None if last is None else last.models.metrics.get(observed.objective.metric)
    sets = None if model is None else theta_of_record(model.hyperparameters, g)
    if model is None or sets is None or not bool(sets.isfinite().all()):
        return None
    return _Before(frozenset(model.suspects), sets.mean(0)[: g + 1].numpy())


def _parts(observed: Observed) -> list[list[int]]:
    """Return the rows of each part; readings of one point are in the same one."""
    numbers: dict[PointKey, int] = {}
    of_row = [numbers.setdefault(key_of(trial.point), len(numbers)) for trial in observed.trials]
    count = -(-len(observed.trials) // _MOST_AT_ONCE)
    return [[i for i, number in enumerate(of_row) if number % count == part] for part in range(count)]


def _among(
    observed: Observed, rows: list[int], results: int, proposer: BayesianProposer, before: _Before | None
) -> list[Suspect]:
    """Return the suspects among these rows, of which those below `results` are results."""
    part = observed if len(rows) == len(observed.trials) else observed.part(rows)
    places = [key_of(observed.trials[i].point) for i in rows if i < results]
    pursuit = Pursuit(part, proposer, places)
    doubted = [] if before is None else [i for i in range(len(places)) if part.trials[i].id in before.suspects]
    known = sorted({*doubted, *_checked(part, places)})
    try:
        found = None if before is None else pursuit.holds(doubted, before.theta)
        found = found or pursuit.best(known, None if before is None else before.theta)
    except ModelFailed:
        return []
    return [Suspect(part.trials[i].id, off) for i, off in zip(found.doubted, found.off.tolist(), strict=True)]


def _checked(observed: Observed, places: Sequence[PointKey]) -> list[int]:
    """Return the rows of the results that a checking trial has measured again."""
    checks = {i for i in range(len(places)) if observed.trials[i].proposal.generator == "checking"}
    again = {places[i] for i in checks}
    return [i for i, place in enumerate(places) if place in again and i not in checks]
