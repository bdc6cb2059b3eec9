"""The fidelity of a campaign's evaluations, and the points that differ in nothing else."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from overnight.campaign.experiment.contradictions import AB_TEST
from overnight.campaign.goal.objective import metrics_named
from overnight.campaign.parameters import FidelityParameter
from overnight.campaign.problems import Problem, shown
from overnight.campaign.space import Parameters, Point
from overnight.campaign.values.read_only import ReadOnly, ReadOnlyDict


class Fidelity(
    RootModel[
        Annotated[
            ReadOnly[dict[Annotated[str, Field(min_length=1)], FidelityParameter]], Field(min_length=1, max_length=1)
        ]
    ]
):
    """The one fidelity under `fidelity` in a campaign's file, by its name (docs/how-to/fidelities.md)."""

    model_config = ConfigDict(frozen=True)

    @property
    def name(self) -> str:
        """Return the name, under which evaluators receive the value."""
        return next(iter(self.root))

    @property
    def parameter(self) -> FidelityParameter:
        """Return the values and their costs."""
        return self.root[self.name]

    def of(self, point: Point) -> float:
        """Return the fidelity of a point; the full one if it has none, such as results of before."""
        return self.parameter.canonical(point.get(self.name, self.parameter.high))

    def missing(self, point: Point) -> float:
        """Return how much of the full fidelity is missing at a point: 0 to 1."""
        return self.parameter.missing(self.of(point))

    def is_full(self, point: Point) -> bool:
        """Return whether a point is at full fidelity."""
        return self.of(point) == self.parameter.high

    def at(self, point: Point, value: float | None = None) -> Point:
        """Return the same point at another fidelity, by default the full one."""
        return {**point, self.name: self.parameter.high if value is None else value}

    def without(self, point: Point) -> Hashable:
        """Return the key that points share if only their fidelities differ."""
        return frozenset((name, value) for name, value in point.items() if name != self.name)

    def begun(self, point: Point, ended: Iterable[Point]) -> float | None:
        """Return the highest lower fidelity at which the same point has `ended`; None if it has not."""
        mine, value = self.without(point), self.of(point)
        lower = [self.of(each) for each in ended if self.without(each) == mine and self.of(each) < value]
        return max(lower, default=None)

    def cost(self, point: Point, ended: Iterable[Point]) -> float:
        """Return the cost of evaluating a point, in full evaluations, given the points that have `ended`."""
        return self.parameter.cost(self.of(point), self.begun(point, ended) if self.parameter.resume else None)


def of_points(parameters: Parameters, fidelity: Fidelity | None) -> Parameters:
    """Return the parameters of a point: those of a campaign, and its fidelity."""
    if fidelity is None:
        return parameters
    return Parameters.model_construct(root=ReadOnlyDict({**parameters.root, **fidelity.root}))


_TOGETHER = {
    "objectives": "only one objective can be measured at several fidelities",
    "stop_early": "the fidelity of a trial decides how long it runs",
    "context": "a campaign at several fidelities knows one context only",
    "solutions": "only the recommended point is measured at full fidelity",
}


def contradictory_fidelity(campaign: Mapping[str, Any], parameters: Parameters) -> Iterator[Problem]:
    """Yield the contradictions between a fidelity and the rest of a definition."""
    for name, parameter in parameters.items():
        if parameter.kind == "fidelity":
            text = f"expected a fidelity under `fidelity: {{{name}: …}}`, found it among the parameters"
            yield Problem(("parameters", name, "kind"), text)
    if (fidelity := readable_fidelity(campaign.get("fidelity"))) is None:
        return
    if fidelity.name in parameters.root:
        yield Problem(("fidelity", fidelity.name), "expected a name that no parameter has, found that of a parameter")
    elif fidelity.name in metrics_named(campaign):
        yield Problem(("fidelity", fidelity.name), "expected a name that no metric has, found that of a metric")
    if fidelity.parameter.when is not None:
        text = "expected a fidelity without a condition, because every evaluation has one"
        yield Problem(("fidelity", fidelity.name, "when"), f"{text}, found `{fidelity.parameter.when}`")
    if campaign.get("kind") == AB_TEST:
        yield Problem(("fidelity",), "expected no `fidelity` in an A/B test, whose arms share the traffic, found one")
    if unlimited(campaign.get("budget")):
        text = (
            f"expected `cost` or `wall_clock` with a `fidelity`, because a trial may cost as little as "
            f"{fidelity.parameter.cost(fidelity.parameter.levels[0]):.2g} of a full evaluation, found neither. "
            "`cost: 30` pays for as much as 30 full evaluations"
        )
        yield Problem(("budget",), text)
    baseline = campaign.get("baseline")
    if (
        isinstance(baseline, Mapping)
        and fidelity.name in baseline
        and baseline[fidelity.name] != fidelity.parameter.high
    ):
        text = "expected a baseline at full fidelity, to which others are compared"
        value = shown(baseline[fidelity.name])
        yield Problem(
            ("baseline", fidelity.name), f"{text}: leave it out or write {fidelity.parameter.high:g}; got {value}"
        )
    for key, why in _TOGETHER.items():
        if campaign.get(key) not in (None, (), []):
            text = f"expected no `{key}` with a `fidelity`, because {why}"
            yield Problem((key,), f"{text}; got {shown(campaign[key])}")


def unlimited(budget: Any) -> bool:
    """Return whether a budget, as written or as the field of a model, limits neither the cost nor the time."""
    written = budget if isinstance(budget, Mapping) else dict(budget) if isinstance(budget, BaseModel) else None
    return written is not None and written.get("cost") is None and written.get("wall_clock") is None


def readable_fidelity(written: Any) -> Fidelity | None:
    """Return the fidelity as written in a file or as the field of a model; None if it is invalid or missing."""
    try:
        return Fidelity.model_validate(written)
    except ValidationError:
        return None
