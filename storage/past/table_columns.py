"""Assign the columns of a table to parameters, metrics and standard errors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from overnight.campaign import Campaign
from overnight.campaign.columns import (
    AFTER,
    BEFORE,
    BETWEEN,
    CONSTRAINED,
    FRONT,
    OF_ARMS,
    Names,
    columns,
    columns_of_arms,
    judged_columns,
    own_columns,
    trial_columns,
)


@dataclass(frozen=True)
class TableColumns:
    """The columns of the parameters and of the metrics' means, standard errors and counts, by the campaign's names."""

    parameters: Mapping[str, str]
    means: Mapping[str, str]
    sems: Mapping[str, str]
    counts: Mapping[str, str]

    @classmethod
    def of(cls, campaign: Campaign, names: Sequence[str]) -> "TableColumns":
        """Find the columns by their place in a table written by Overnight, and by their names in any other table."""
        sections = _sections(names)
        return _by_name(campaign, names) if sections is None else _by_place(campaign, *sections)


def _sections(names: Sequence[str]) -> tuple[tuple[str, ...], list[str], list[str]] | None:
    """Return the columns of a table of trials: its own, those of the metrics, and the parameters; else None.

    A metric may have the name of another metric's standard error, so names alone do not suffice, but places do.
    """
    if not {*BEFORE, *BETWEEN} <= set(names):
        return None
    begin, end = names.index(BETWEEN[0]), names.index(BETWEEN[0]) + len(BETWEEN)
    measured, asked = list(names[len(BEFORE) : begin]), list(names[end:])
    if tuple(names[: len(BEFORE)]) != BEFORE or tuple(names[begin:end]) != BETWEEN:
        return None
    if tuple(asked[-len(AFTER) :]) == AFTER:
        asked = asked[: -len(AFTER)]
    special = tuple[str, ...]()
    for last in (FRONT, CONSTRAINED):
        # The columns of no metric end like this.
        if tuple(measured[-len(last) :]) == last:
            measured, special = measured[: -len(last)], (*last, *special)
    # Nor do they begin like this.
    if tuple(measured[: len(OF_ARMS)]) == OF_ARMS:
        measured, special = measured[len(OF_ARMS) :], (*OF_ARMS, *special)
    return None if _means(measured) is None else (own_columns(special), measured, asked)


def _means(measured: list[str]) -> dict[str, str | None] | None:
    """Return the columns of the means, each with the column of its counts if there is one; None in another table.

    After a mean and its standard error, a column that ends with `_n` holds the counts, unless the rest can only be read
    if that column is itself a mean.
    """
    # From the end: the number of columns that belong to the mean at each place, if the rest can be read.
    widths: dict[int, int] = {len(measured): 0}
    for place in reversed(range(len(measured))):
        mean = measured[place]
        expected = [mean, f"{mean}_sem", f"{mean}_n"]
        for width in (2, 3):
            if place + width in widths and measured[place : place + width] == expected[:width]:
                widths[place] = width
    if 0 not in widths:
        return None
    found, place = {}, 0
    while (width := widths[place]) > 0:
        found[measured[place]] = measured[place + 2] if width == 3 else None
        place += width
    return found


def _by_place(campaign: Campaign, own: tuple[str, ...], measured: list[str], asked: Sequence[str]) -> TableColumns:
    there = _means(measured) or {}
    means = _metric_columns(campaign, own, there)
    parameters = _parameter_columns(campaign, (), (*own, *measured), asked)
    return TableColumns(
        _found(parameters, asked),
        means,
        {metric: f"{column}_sem" for metric, column in means.items()},
        {metric: count for metric, column in means.items() if (count := there[column]) is not None},
    )


def _parameter_columns(
    campaign: Campaign, metrics: Iterable[str], own: Sequence[str], there: Sequence[str]
) -> dict[str, str]:
    """Return the columns of the parameters, in the order of names that explains more of the columns that are there.

    Of names that differ only in case, the first one has a column without a prefix. The campaign that wrote the table
    may have declared them in another order.
    """
    names = [*campaign.parameters_of_point.root]
    orders = (names, sorted(names, key=lambda name: name not in there))
    called = [columns(metrics, order, own)[1] for order in orders]
    return max(called, key=lambda found: len({*found.values()} & {*there}))


def _metric_columns(campaign: Campaign, own: Iterable[str], there: Mapping[str, str | None]) -> dict[str, str]:
    """Return the columns of the means; a metric with counts gets another name if the name of any column is taken."""
    names, found = Names(own), {}
    for metric in campaign.recorded_metrics:
        plain, counted = (names.of_metric(metric, counted=it_is) for it_is in (False, True))
        has_count = there.get(counted.name) is not None and (plain.name == counted.name or plain.name not in there)
        column = names.take(counted if has_count else plain)
        if column in there or metric in there:
            found[metric] = column if column in there else metric
    return found


def _by_name(campaign: Campaign, names: Sequence[str]) -> TableColumns:
    """Return the columns named as `overnight export` names them, or else as the campaign does.

    A column with the name of a metric of the campaign is never another metric's standard error or count.
    """
    special = (*columns_of_arms(campaign), *judged_columns(campaign.goal))
    called, _ = trial_columns(campaign.recorded_metrics, (), special=special)
    asked = _parameter_columns(campaign, campaign.recorded_metrics, own_columns(special), names)
    means = _found(called, names)
    means_used = set(means.values())
    free = {*names} - means_used
    sems = {metric: f"{column}_sem" for metric, column in means.items() if f"{column}_sem" in free}
    counts = {
        metric: f"{column}_n"
        for metric, column in means.items()
        if f"{column}_n" in free - set(campaign.parameters_of_point.root)
    }
    others = [name for name in names if name not in {*means_used, *sems.values(), *counts.values()}]
    return TableColumns(_found(asked, others), means, sems, counts)


def _found(called: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the column of each name that has one: the column expected in a table, or else one with the same name."""
    there = set(names)
    choices = {own: (column, own) for own, column in called.items()}
    return {own: next(name for name in both if name in there) for own, both in choices.items() if there & set(both)}
