"""Column names for tables of trials, unambiguous for any parameter and metric names."""

from collections.abc import Container, Iterable
from dataclasses import dataclass

# The columns that are no parameter and no metric, in three groups: before, between and after these.
BEFORE = ("trial", "status", "generator")
BETWEEN = ("attempts", "seconds", "cause", "message", "predicted_mean", "predicted_sd")
AFTER = ("proposed", "ended")


def trial_columns(
    metrics: Iterable[str], parameters: Iterable[str], counted: Container[str] = ()
) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the columns of `trials` are called that hold the means of these metrics and these parameters."""
    return columns(metrics, parameters, (*BEFORE, *BETWEEN, *AFTER), counted)


def columns(
    metrics: Iterable[str], parameters: Iterable[str], own: Iterable[str], counted: Container[str] = ()
) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the columns of the means of these metrics and of these parameters are called beside its own.

    One whose name is taken, whatever its case, gets `metric_` or `parameter_` before it, twice if need be. Each metric
    has another column, with `_sem` behind its name, and each that is `counted` has one with `_n`.
    """
    names = Names(own)
    means = {name: names.take(names.of_metric(name, counted=name in counted)) for name in metrics}
    return means, {name: names.take(names.of_parameter(name)) for name in parameters}


@dataclass(frozen=True)
class Column:
    """A column that may be taken, with those that come with it and have these endings behind its name."""

    name: str
    endings: tuple[str, ...] = ("",)


class Names:
    """The names of columns that are taken; SQL only tells them apart if they differ in lower case."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {name.casefold() for name in taken}

    def of_metric(self, name: str, *, counted: bool) -> Column:
        """Return the column of a metric's mean, which comes with its standard error and perhaps its count."""
        return self._free(name, "metric_", ("", "_sem", "_n") if counted else ("", "_sem"))

    def of_parameter(self, name: str) -> Column:
        """Return the column of a parameter."""
        return self._free(name, "parameter_", ("",))

    def take(self, column: Column) -> str:
        """Take a column, and return its name."""
        self._taken |= {(column.name + ending).casefold() for ending in column.endings}
        return column.name

    def _free(self, name: str, prefix: str, endings: tuple[str, ...]) -> Column:
        """Return the name, behind as many prefixes as it takes to be free with each of the endings."""
        while not name or any((name + ending).casefold() in self._taken for ending in endings):
            name = prefix + name
        return Column(name, endings)
