"""Which column of a table holds which parameter, metric and standard error."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from overnight.campaign import Campaign
from overnight.campaign.columns import AFTER, BEFORE, BETWEEN, columns, trial_columns


@dataclass(frozen=True)
class TableColumns:
    """The columns of the parameters, of the metrics' means and of their standard errors, by the campaign's names."""

    parameters: Mapping[str, str]
    means: Mapping[str, str]
    sems: Mapping[str, str]

    @classmethod
    def of(cls, campaign: Campaign, names: Sequence[str]) -> "TableColumns":
        """Find the columns by their place in a table that Overnight wrote, and by their names in any other."""
        sections = _sections(names)
        return _by_name(campaign, names) if sections is None else _by_place(campaign, *sections)


def _sections(names: Sequence[str]) -> tuple[list[str], list[str]] | None:
    """Return the columns of the means and of the parameters in a table of trials; None if it is another table.

    Names alone do not tell a standard error from a metric that is called like one, but their places do.
    """
    own = (*BEFORE, *BETWEEN)
    if not set(own) <= set(names):
        return None
    begin, end = names.index(BETWEEN[0]), names.index(BETWEEN[0]) + len(BETWEEN)
    measured, asked = list(names[len(BEFORE) : begin]), list(names[end:])
    if tuple(names[: len(BEFORE)]) != BEFORE or tuple(names[begin:end]) != BETWEEN:
        return None
    if measured[1::2] != [f"{mean}_sem" for mean in measured[::2]]:
        return None
    if tuple(asked[-len(AFTER) :]) == AFTER:
        asked = asked[: -len(AFTER)]
    return measured[::2], asked


def _by_place(campaign: Campaign, measured: Sequence[str], asked: Sequence[str]) -> TableColumns:
    called, _ = trial_columns(campaign.expected_metrics, ())
    means = _found(called, measured)
    taken = (*BEFORE, *BETWEEN, *AFTER, *measured, *(f"{mean}_sem" for mean in measured))
    _, parameters = columns((), campaign.parameters.root, taken)
    return TableColumns(_found(parameters, asked), means, {metric: f"{column}_sem" for metric, column in means.items()})


def _by_name(campaign: Campaign, names: Sequence[str]) -> TableColumns:
    """Return the columns that are called as `overnight export` calls them, else as the campaign does.

    A column that is called like a metric of the campaign is never the standard error of another.
    """
    called, asked = trial_columns(campaign.expected_metrics, campaign.parameters.root)
    means = _found(called, names)
    means_used = set(means.values())
    sems = {m: f"{c}_sem" for m, c in means.items() if f"{c}_sem" in names and f"{c}_sem" not in means_used}
    others = [name for name in names if name not in {*means_used, *sems.values()}]
    return TableColumns(_found(asked, others), means, sems)


def _found(called: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the column of each that has one: the name that it is expected to have in the table, else its own."""
    there = set(names)
    choices = {own: (column, own) for own, column in called.items()}
    return {own: next(name for name in both if name in there) for own, both in choices.items() if there & set(both)}
