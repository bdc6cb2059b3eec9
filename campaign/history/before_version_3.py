"""The name of the objective and the batch of a trial, which ledgers of versions 1 and 2 did not record."""

from collections.abc import Mapping
from typing import TypeVar

from overnight.campaign.history.events import TrialProposed, TrialStopped
from overnight.campaign.history.provenance import UNNAMED_OBJECTIVE, Provenance
from overnight.campaign.history.trial import Proposal
from overnight.campaign.values.read_only import ReadOnlyDict

T = TypeVar("T")


def metric_of(event: TrialStopped, objective: str) -> str:
    """Return the metric that a rule compared."""
    return objective if event.metric == UNNAMED_OBJECTIVE else event.metric


def with_names(made: Provenance | None, objective: str) -> Provenance | None:
    """Return the provenance of a proposal, with the objective's name filled in if none was recorded."""
    if made is None or not (UNNAMED_OBJECTIVE in made.predicted or UNNAMED_OBJECTIVE in made.models.metrics):
        return made
    models = made.models.model_copy(
        update={
            "metrics": _named(made.models.metrics, objective),
            "opinions": _named(made.models.opinions, objective),
        }
    )
    return made.model_copy(update={"predicted": _named(made.predicted, objective), "models": models})


def _named(of_metrics: Mapping[str, T], objective: str) -> dict[str, T]:
    return ReadOnlyDict({name or objective: value for name, value in of_metrics.items()})


def batch_of(event: TrialProposed, last: Proposal | None, batch_of_last: int | None) -> int | None:
    """Return the batch of a trial; without a recorded one, trials with the same events seen and seed are a batch."""
    if event.batch is not None:
        return event.batch
    asked = _asked(event.provenance)
    if asked is None:
        return None
    together = last is not None and batch_of_last is not None and _asked(last.provenance) == asked
    return batch_of_last if together else event.trial


def _asked(made: Provenance | None) -> tuple[int, int] | None:
    return None if made is None or not made.asked.events_seen else (made.asked.events_seen, made.made_by.seed)
