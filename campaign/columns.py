"""Column names for tables of trials, unambiguous for any parameter and metric names."""

from collections.abc import Container, Iterable

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
    taken = _Names(own)
    counts = {name: ("_n",) if name in counted else () for name in metrics}
    means = {name: taken.free(name, "metric_", "", "_sem", *count) for name, count in counts.items()}
    return means, {name: taken.free(name, "parameter_", "") for name in parameters}


class _Names:
    """Names of columns, which differ for SQL only if they do so in lower case."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = {name.casefold() for name in taken}

    def free(self, name: str, prefix: str, *endings: str) -> str:
        """Return the name, behind as many prefixes as it takes to be free with each of the endings, and take these."""
        while not name or any((name + ending).casefold() in self.taken for ending in endings):
            name = prefix + name
        self.taken |= {(name + ending).casefold() for ending in endings}
        return name
