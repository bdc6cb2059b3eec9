"""The models with which a batch was chosen, as recorded with its points."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from overnight.bo_core.choice import Asked
from overnight.bo_core.settings.acquisitions import ACQUISITIONS
from overnight.bo_core.settings.surrogates import ExactSurrogate
from overnight.bo_core.surrogate.fit import LEAST_JITTER
from overnight.bo_core.surrogate.hyperparameters import Record, theta_of_record
from overnight.bo_core.tail_width import TAIL_WIDTHS
from overnight.bo_core.weights.weighting import costs_of
from overnight.campaign.errors import OvernightError
from overnight.campaign.history.provenance import FittedModel, Provenance


class NotRecorded(OvernightError):
    """The record of a proposal lacks something that its appraisal needs; older versions recorded less."""


class Contradicted(OvernightError):
    """A proposal cannot have been made in the recorded way."""


@dataclass(frozen=True)
class RecordedMetric:
    """The record of one metric's model, its jitter and its tail width."""

    record: Record
    jitter: float
    tail_width: float | None


@dataclass(frozen=True)
class RecordedModels:
    """The models of the `metrics`, by name, and θ [1, h] of the other models that counted."""

    metrics: Mapping[str, RecordedMetric]
    feasibility: Tensor | None
    cost: Tensor | None
    opinion: Tensor | None

    @classmethod
    def of(cls, batch: Sequence[Provenance], asked: Asked) -> "RecordedModels":
        """Return the models with which a batch was chosen; raises NotRecorded and Contradicted."""
        metric, g = asked.campaign.objective.metric, asked.situation.groups.count
        return cls(
            {name: _of_metric(name, batch, asked) for name in asked.situation.observed},
            _theta(_one_record([each.models.feasibility for each in batch]), g)
            if _feasibility_counted(asked)
            else None,
            _theta(_one_record([each.models.cost for each in batch]), g) if _cost_counted(asked) else None,
            _opinion([each.models.opinions.get(metric) for each in batch], asked),
        )

    def nudged(self, nudge: float) -> "RecordedModels":
        """Return a copy with all hyperparameters moved by this much."""
        thetas = {name: getattr(self, name) for name in ("feasibility", "cost", "opinion")}
        moved = {name: theta + nudge for name, theta in thetas.items() if theta is not None}
        metrics = {name: replace(each, record=_nudged(each.record, nudge)) for name, each in self.metrics.items()}
        return replace(self, metrics=metrics, **moved)


def _nudged(record: Record, nudge: float) -> Record:
    return {name: tuple(value + nudge for value in values) for name, values in record.items()}


def _of_metric(metric: str, batch: Sequence[Provenance], asked: Asked) -> RecordedMetric:
    models = [each.models.metrics.get(metric) for each in batch]
    first, of_choice = models[0], batch[0].chosen.jitter
    return RecordedMetric(
        _record(models, asked),
        _jitter(None if first is None else first.jitter, of_choice, asked),
        _tail_width([model for model in models if model is not None]),
    )


def suspects_of(batch: Sequence[Provenance], asked: Asked) -> tuple[int, ...]:
    """Return the trials whose results the whole batch did not believe; raises Contradicted."""
    models = [each.models.metrics.get(asked.campaign.objective.metric) for each in batch]
    found, known = {() if model is None else model.suspects for model in models}, asked.everything.observed
    if (
        len(found) > 1
        or not set(*found) <= {trial.id for trial in known}
        or (set(*found) and not asked.proposer.doubts_in(asked.campaign))
    ):
        raise Contradicted(f"expected the same observed trials as suspects in the whole batch, found {sorted(found)}")
    return found.pop()


def _feasibility_counted(asked: Asked) -> bool:
    return asked.proposer.feasibility != "ignore" and len(asked.situation.failed) > 0


def _cost_counted(asked: Asked) -> bool:
    return costs_of(asked.situation, asked.share_of_cost) is not None


def _opinion(models: Sequence[FittedModel | None], asked: Asked) -> Tensor | None:
    """Return the θ [1, h] of the second opinion, None if there was none."""
    if asked.proposer.hopeless == "ignore" or not any(models):
        return None
    return _counted(models, asked.situation.groups.count)


def _tail_width(models: Sequence[FittedModel]) -> float | None:
    """Return the width over which bad outcomes were drawn together, the same in the whole batch."""
    found = {model.tail_width for model in models}
    if len(found) > 1 or not found <= set(TAIL_WIDTHS):
        raise Contradicted(
            f"expected one tail width of {TAIL_WIDTHS} for the whole batch, found {sorted(map(str, found))}"
        )
    return found.pop()


def _record(models: Sequence[FittedModel | None], asked: Asked) -> Record:
    """Return the record of a metric's model; a built-in one must have hyperparameters of this space."""
    record = _one_record(models)
    if isinstance(asked.proposer.surrogate, ExactSurrogate):
        _theta(record, asked.situation.groups.count)
    return record


def _one_record(models: Sequence[FittedModel | None]) -> Record:
    """Return the record of a model that all points of a batch share."""
    records = [None if model is None else model.hyperparameters for model in models]
    record = records[0]
    if record is None:
        raise NotRecorded("hyperparameters are not recorded")
    if any(other != record for other in records):
        raise Contradicted("expected the same hyperparameters in the whole batch, found different ones")
    return dict(record)


def _counted(models: Sequence[FittedModel | None], g: int) -> Tensor:
    return _theta(_one_record(models), g)


def _theta(record: Record, g: int) -> Tensor:
    """Return the θ [M, h] of a record for g groups of features."""
    theta = theta_of_record(record, g)
    if theta is None or not bool(theta.isfinite().all()):
        raise Contradicted("expected finite hyperparameters of this space, found others")
    return theta


def _jitter(of_fit: float | None, of_choice: float | None, asked: Asked) -> float:
    """Return the jitter of the fit; the larger of two jitters serves if it is the least possible one."""
    jitter = of_choice if of_fit is None else of_fit
    if jitter is not None and not 0 <= jitter < math.inf:
        raise Contradicted(f"expected a jitter of 0 or more, found {jitter}")
    if of_fit is not None:
        return of_fit
    if jitter is None or (jitter > LEAST_JITTER and ACQUISITIONS[asked.proposer.acquisition].utility):
        raise NotRecorded("the jitter of its fit is not recorded")
    return jitter
