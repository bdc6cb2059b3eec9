"""Convert an Optuna study to past results: its complete trials, with their values as the objectives."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from overnight.campaign import Campaign, Goal
from overnight.campaign.errors import CannotImport
from overnight.storage.past.results import PastResults, PastRow

_COMPLETE = "COMPLETE"
_CONSTRAINTS = "constraints"
# The attribute of a study in which Optuna keeps the names of its objectives.
METRIC_NAMES = "study:metric_names"
_STATES = {"FAIL": "failed", "PRUNED": "pruned", "RUNNING": "running", "WAITING": "waiting"}

# Returns the study to read, given the names of all studies.
Pick = Callable[[Sequence[str]], str]


@dataclass
class StudyTrial:
    """A trial as far as it has been read, with decoded parameters and user attributes.

    `constrained` is whether Optuna holds values of constraints for it. They have neither metrics nor limits, so they
    are not read.
    """

    number: int
    state: str
    values: tuple[float, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    ended: str | None = None
    constrained: bool = False

    def note_system_attribute(self, key: str) -> None:
        """Remember whether a system attribute, as Optuna names it, holds values of constraints."""
        self.constrained |= key.partition(":")[0] == _CONSTRAINTS


@dataclass(frozen=True)
class Study:
    """A study: the directions of its objectives, in lower case, and its trials; `metrics` names the objectives.

    Optuna lets a study do without names, and `metrics` is then empty.
    """

    name: str
    directions: tuple[str, ...]
    trials: tuple[StudyTrial, ...]
    metrics: tuple[str, ...] = ()


def choice_of(file: Path, wanted: str | None) -> Pick:
    """Return a function that picks the wanted study, or the only one, or raises CannotImport with all names."""

    def pick(names: Sequence[str]) -> str:
        there = ", ".join(f"`{name}`" for name in names)
        if not names:
            raise CannotImport(f"{file}: expected an Optuna study, found none.")
        if wanted is None and len(names) > 1:
            raise CannotImport(f"{file}: expected one study, found {len(names)}: {there}. Name one with --study.")
        if wanted is not None and wanted not in names:
            raise CannotImport(f"{file}: expected the study `{wanted}`, found {there}.")
        return names[0] if wanted is None else wanted

    return pick


def decoded(internal: float, distribution: str) -> Any:
    """Return a parameter's value from Optuna's internal number and the parameter's distribution as JSON.

    Raises ValueError for an unknown distribution.
    """
    try:
        described = json.loads(distribution)
        kind = str(described.get("name") or described["type"]).lower()
        if "categorical" in kind:
            return described.get("attributes", described)["choices"][int(internal)]
        if "int" in kind or "float" in kind or "uniform" in kind:
            return round(internal) if "int" in kind else float(internal)
    except (KeyError, IndexError, TypeError, AttributeError) as problem:
        raise ValueError(f"{type(problem).__name__}: {problem}") from None
    raise ValueError(f"the distribution `{kind}` is unknown")


def results_of(study: Study, file: Path, campaign: Campaign) -> PastResults:
    """Return a study's complete trials as past results, with their values as those of the objectives.

    A user attribute with the name of a metric counts as its value; with `_sem` or `_n` after the name, it is the
    standard error or the count. Values of Optuna's own constraints are not used. Raises CannotImport if the study has
    other objectives than the campaign.
    """
    source = f"{file}, study `{study.name}`"
    places = _places(study, campaign.goal)
    if places is None:
        asked = ", ".join(f"`{objective}`" for objective in campaign.goal.objectives)
        named = zip_longest(study.directions, study.metrics, fillvalue="")
        found = ", ".join(f"{direction.replace('_', ' ')} {metric}".strip() for direction, metric in named)
        raise CannotImport(
            f"{source}: expected a study with the objectives of campaign `{campaign.name}` in their order, {asked}, "
            f"found {found}. Change the campaign, or name another study."
        )
    complete = [trial for trial in study.trials if trial.state == _COMPLETE]
    names = tuple(dict.fromkeys(name for trial in complete for name in trial.parameters))
    others = Counter(_STATES.get(trial.state, trial.state) for trial in study.trials if trial.state != _COMPLETE)
    return PastResults(
        source,
        tuple(_row(trial, places, study, file, campaign) for trial in complete),
        names=(*names, *(objective.metric for objective in campaign.goal.objectives)),
        unused=(*(name for name in names if name not in campaign.parameters_of_point.root), *_unread(complete)),
        left_out=others,
    )


def _places(study: Study, goal: Goal) -> list[int] | None:
    """Return the place of each objective in the study; None if the study has other ones.

    If the study names a metric of the campaign, its objectives are found by their names, otherwise by their order.
    """
    metrics, places = [objective.metric for objective in goal.objectives], [*range(len(study.directions))]
    if {*metrics} & {*study.metrics}:
        if sorted(metrics) != sorted(study.metrics):
            return None
        places = [study.metrics.index(metric) for metric in metrics]
    return places if tuple(study.directions[place] for place in places) == goal.directions else None


def _unread(complete: Sequence[StudyTrial]) -> list[str]:
    """Return what Optuna holds of its constraints, in words."""
    if count := sum(trial.constrained for trial in complete):
        return [f"the values of Optuna's constraints of {count} trials (only user attributes are read as metrics)"]
    return []


def _row(trial: StudyTrial, places: Sequence[int], study: Study, file: Path, campaign: Campaign) -> PastRow:
    metrics = dict.fromkeys((*campaign.expected_metrics, *campaign.goal.limited))
    means = {name: trial.attributes[name] for name in metrics if name in trial.attributes}
    for objective, place in zip(campaign.goal.objectives, places, strict=True):
        if place < len(trial.values):
            means[objective.metric] = trial.values[place]
    origin: Mapping[str, Any] = {"source": file.name, "study": study.name, "trial": trial.number}
    return PastRow(
        f"trial {trial.number}",
        parameters={
            name: trial.parameters[name] for name in campaign.parameters_of_point.root if name in trial.parameters
        },
        means=means,
        sems={name: trial.attributes[f"{name}_sem"] for name in metrics if f"{name}_sem" in trial.attributes},
        counts={name: trial.attributes[f"{name}_n"] for name in metrics if f"{name}_n" in trial.attributes},
        origin=origin if trial.ended is None else {**origin, "ended": trial.ended},
    )
