"""Unambiguous column names for tables of trials, for any names of parameters and metrics."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from overnight.campaign.definition import Campaign
from overnight.campaign.experiment.own_batch import Goals
from overnight.campaign.goal import Goal, Measured
from overnight.campaign.history.trial import Trial
from overnight.campaign.parameters import FidelityParameter, IntParameter, Parameter

# The columns that are neither a parameter nor a metric: those before, between and after parameters and metrics.
BEFORE = ("trial", "status", "generator")
# Those of an A/B test, before its metrics.
OF_ARMS = ("batch", "weight")
# Those of a campaign with constraints, after its metrics, and then those of a campaign with several objectives.
CONSTRAINED = ("feasible", "unmet")
FRONT = ("on_front",)
BETWEEN = ("attempts", "seconds", "cause", "message", "predicted_mean", "predicted_sd")
AFTER = ("proposed", "ended")
# What follows an unmet constraint whose metric was not measured.
MISSING = " (missing)"


def judged_columns(goal: Goal | None) -> tuple[str, ...]:
    """Return the columns that compare results with each other and with limits, if the goal asks for that."""
    if goal is None:
        return ()
    return (*(CONSTRAINED if goal.constraints else ()), *(FRONT if goal.has_front else ()))


def columns_of_arms(campaign: Campaign | None) -> tuple[str, ...]:
    """Return the columns that only the arms of an A/B test have."""
    return OF_ARMS if campaign is not None and campaign.is_ab_test else ()


def judged_cells(goals: Goals, trials: Sequence[Trial]) -> list[tuple[bool | str | None, ...]]:
    """Return the cells of `judged_columns` for each trial; those of a trial without a result are None.

    A trial is on the front if its result is feasible, and no other feasible result dominates it.
    """
    goal = goals.pooled
    on_front = {id(trial) for trial in goals.front(trials)} if goal.has_front else set[int]()
    return [
        (
            *(feasibility_of(goals.of(trial), trial.measured) if goal.constraints else ()),
            *((id(trial) in on_front if trial.measured else None,) if goal.has_front else ()),
        )
        for trial in trials
    ]


def parameter_names(campaign: Campaign | None, points: Iterable[Iterable[str]]) -> list[str]:
    """Return the parameters in the order of the campaign's file, whether or not they were ever active.

    Those that only points have follow in the order of their first use.
    """
    defined = () if campaign is None else campaign.parameters_of_point.root
    return list(dict.fromkeys([*defined, *(name for point in points for name in point)]))


def types_of(parameter: Parameter | None) -> set[type]:
    """Return the types of a parameter's values, which decide the type of a column without any."""
    if parameter is None:
        return set()
    whole = parameter.is_whole if isinstance(parameter, FidelityParameter) else isinstance(parameter, IntParameter)
    return {*map(type, parameter.listed)} or {int if whole else float}


def own_columns(special: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the columns of the `trials` table that are neither a parameter nor a metric.

    The `special` ones are those that only some campaigns have: `judged_columns` and `columns_of_arms`.
    """
    return (*BEFORE, *special, *BETWEEN, *AFTER)


def trial_columns(
    metrics: Iterable[str], parameters: Iterable[str], counted: Container[str] = (), *, special: Iterable[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the columns of the `trials` table that hold the means of these metrics, and those of these parameters."""
    return columns(metrics, parameters, own_columns(special), counted)


def feasibility_of(goal: Goal, measured: Measured) -> tuple[bool | None, str | None]:
    """Return the cells of the columns `feasible` and `unmet` for a trial with these results, if it has any.

    Constraints whose limits are unknown are not called unmet.
    """
    if not measured:
        return None, None
    unmet = (f"{each}{'' if each.metric in measured else MISSING}" for each in goal.judged.unmet(measured))
    return goal.verdict(measured), "; ".join(unmet) or None


def columns(
    metrics: Iterable[str], parameters: Iterable[str], own: Iterable[str], counted: Container[str] = ()
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the columns that hold the means of these metrics and the values of these parameters, by name.

    A name that is taken, ignoring case, gets the prefix `metric_` or `parameter_`, repeated if necessary. `own` names
    are taken from the start. Each metric also takes a column with the suffix `_sem`, and each `counted` one takes `_n`.
    """
    names = Names(own)
    means = {name: names.take(names.of_metric(name, counted=name in counted)) for name in metrics}
    return means, {name: names.take(names.of_parameter(name)) for name in parameters}


@dataclass(frozen=True)
class Column:
    """A column that may be taken, with the suffixes of the columns that come with it."""

    name: str
    endings: tuple[str, ...] = ("",)


class Names:
    """The column names that are taken; names that differ only in case are the same name to SQL."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {name.casefold() for name in taken}

    def of_metric(self, name: str, *, counted: bool) -> Column:
        """Return the column of a metric's mean, with those of its standard error and, if `counted`, its count."""
        return self._free(name, "metric_", ("", "_sem", "_n") if counted else ("", "_sem"))

    def of_parameter(self, name: str) -> Column:
        """Return the column of a parameter."""
        return self._free(name, "parameter_", ("",))

    def take(self, column: Column) -> str:
        """Mark a column as taken and return its name."""
        self._taken |= {(column.name + ending).casefold() for ending in column.endings}
        return column.name

    def _free(self, name: str, prefix: str, endings: tuple[str, ...]) -> Column:
        """Return the name, prefixed until it is free with each of the endings."""
        while not name or any((name + ending).casefold() in self._taken for ending in endings):
            name = prefix + name
        return Column(name, endings)
