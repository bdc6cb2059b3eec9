"""Convert an Optuna study to past results: its complete trials, with their values as the objective."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overnight.campaign import Campaign
from overnight.campaign.errors import CannotImport
from overnight.storage.past.results import PastResults, PastRow

_COMPLETE = "COMPLETE"
_SAID = {"FAIL": "failed", "PRUNED": "pruned", "RUNNING": "running", "WAITING": "waiting"}

# Told the names of all studies, returns the one to read.
Pick = Callable[[Sequence[str]], str]


@dataclass
class StudyTrial:
    """A trial as far as it has been read; parameters are decoded, attributes are those of users."""

    number: int
    state: str
    values: tuple[float, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    ended: str | None = None


@dataclass(frozen=True)
class Study:
    """A study: the directions of its objectives, in small letters, and its trials."""

    name: str
    directions: tuple[str, ...]
    trials: tuple[StudyTrial, ...]


def choice_of(file: Path, wanted: str | None) -> Pick:
    """Return what picks the study that is wanted, or the only one; it raises CannotImport naming those there are."""

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
    """Return a parameter's value from the number that Optuna keeps for it, with its distribution as JSON.

    Raises ValueError for a distribution that is none of Optuna's.
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
    raise ValueError(f"the distribution `{kind}` is not known")


def results_of(study: Study, file: Path, campaign: Campaign) -> PastResults:
    """Return a study's complete trials as past results.

    User attributes that are called like a metric of the campaign, or like one with `_sem`, are taken with them. Raises
    CannotImport where the study has not one objective of the campaign's direction.
    """
    source = f"{file}, study `{study.name}`"
    if study.directions != campaign.goal.directions:
        asked, found = (" and ".join(d).replace("_", " ") for d in (campaign.goal.directions, study.directions))
        raise CannotImport(
            f"{source}: expected a study whose one objective is to {asked}, as campaign `{campaign.name}` does with "
            f"`{campaign.objective.metric}`, found {found}. Change the campaign, or name another study."
        )
    complete = [trial for trial in study.trials if trial.state == _COMPLETE]
    names = tuple(dict.fromkeys(name for trial in complete for name in trial.parameters))
    others = Counter(_SAID.get(trial.state, trial.state) for trial in study.trials if trial.state != _COMPLETE)
    return PastResults(
        source,
        tuple(_row(trial, study, file, campaign) for trial in complete),
        names=(*names, campaign.objective.metric),
        unused=tuple(name for name in names if name not in campaign.parameters.root),
        left_out=others,
    )


def _row(trial: StudyTrial, study: Study, file: Path, campaign: Campaign) -> PastRow:
    metrics = campaign.expected_metrics
    means = {name: trial.attributes[name] for name in metrics if name in trial.attributes}
    if trial.values:
        means[campaign.objective.metric] = trial.values[0]
    origin: Mapping[str, Any] = {"source": file.name, "study": study.name, "trial": trial.number}
    return PastRow(
        f"trial {trial.number}",
        parameters={name: trial.parameters[name] for name in campaign.parameters.root if name in trial.parameters},
        means=means,
        sems={name: trial.attributes[f"{name}_sem"] for name in metrics if f"{name}_sem" in trial.attributes},
        counts={name: trial.attributes[f"{name}_n"] for name in metrics if f"{name}_n" in trial.attributes},
        origin=origin if trial.ended is None else {**origin, "ended": trial.ended},
    )
