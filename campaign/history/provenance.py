"""The provenance of a proposal, in parts: everything needed to make it again.

When a proposal is made again, each of its parts is compared in its own way: word for word, except for rounding (in sums
and in the ends of climbs), as a stack, or not at all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign.parameters import Value
from overnight.campaign.space import Point
from overnight.campaign.values.printed import Printed, uncertain_words
from overnight.campaign.values.read_only import ReadOnly, ReadOnlyDict

StandIn = Literal["sobol", "thompson"]
Compared = Literal["word for word", "except for rounding", "as a stack", "not at all"]
_Value = tuple[str, object, Compared]
# Versions 1 and 2 had one objective and did not name it; a history fills in the name.
UNNAMED_OBJECTIVE = ""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    compared: ClassVar[Compared]


class MadeBy(_Part):
    """The seed of all random numbers of a batch, and the class that proposed, if it is a third party's."""

    compared = "word for word"

    seed: int
    proposer: str | None = None


class Stack(_Part):
    """The libraries and the hardware of the computation; a point of the Sobol sequence needs no threads."""

    compared = "as a stack"

    device: str | None = None
    threads: int | None = None
    libraries: ReadOnly[dict[str, str]] = Field(default_factory=ReadOnlyDict)

    def changes(self, now: "Stack") -> list[str]:
        """Return the names of the recorded properties that differ in another stack."""
        others = [name for name, version in self.libraries.items() if now.libraries.get(name) != version]
        found = [f"libraries ({', '.join(others)})"] if others else []
        numbers = {"threads": (self.threads, now.threads), "device": (self.device, now.device)}
        return found + [name for name, (before, after) in numbers.items() if before not in (None, after)]


class Knew(_Part):
    """The trials that a proposal knew of.

    `observed` includes stopped trials if their reports are learnt from. `probability_of_approval` is the probability
    that a parked trial would be approved; None if none was parked under a policy.
    """

    compared = "word for word"

    observed: int = 0
    pending: tuple[int, ...] = ()
    probability_of_approval: float | None = None


class ModelCode(_Part):
    """The code of a campaign's own model: its function, the class of the returned model, and the function's file.

    `source` is the SHA-256 of that file.
    """

    compared = "word for word"

    function: str
    model: str
    source: str


class FittedModel(_Part):
    """The model of one quantity.

    `hyperparameters` are bit-exact and serve as the next fit's warm start; for a model of the campaign's own, `code`
    identifies the code. `jitter` belongs to the hyperparameters, and `starts` records how each start of the fit ended.
    `tail_width` is the width, in robust spreads, over which bad outcomes were drawn together; None if they were not, or
    if no width was chosen. `suspects` are the trials whose results the model did not believe, and did not know.
    """

    compared = "except for rounding"

    hyperparameters: ReadOnly[dict[str, tuple[float, ...]]]
    code: ModelCode | None = None
    jitter: float | None = None
    starts: ReadOnly[dict[str, str]] = Field(default_factory=ReadOnlyDict)
    tail_width: float | None = None
    suspects: tuple[int, ...] = ()


class Models(_Part):
    """The models with which a point was chosen: one for each metric by name, one of feasibility, one of cost.

    `feasibility` and `cost` are separate fields, since a metric may be called `cost`. Without a known failure there is
    no `feasibility`, and no `cost` if costs did not count. `opinions` holds the second models of metrics, which
    recognise hopeless points, as far as they were asked.
    """

    compared = "except for rounding"

    metrics: ReadOnly[dict[str, FittedModel]] = Field(default_factory=ReadOnlyDict)
    opinions: ReadOnly[dict[str, FittedModel]] = Field(default_factory=ReadOnlyDict)
    feasibility: FittedModel | None = None
    cost: FittedModel | None = None


class Prediction(Printed, _Part):
    """The prediction of one metric at the point, in the metric's own unit.

    `mean` is the median if bad outcomes are drawn together. The metric was expected to lie between `low` and `high`
    with a probability of 90 %.
    """

    compared = "except for rounding"

    mean: float
    sd: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        return uncertain_words(self.mean, self.sd)


class Chosen(_Part):
    """Why this point: its value under an acquisition.

    `expected_gain` is how much a new point was expected to improve on the best, in the unit of the improved metric.
    `instead_of` is the new point over which a repetition was preferred. `jitter` is the larger one of the draws' and
    the model's. `floor` is the value of the objective, in its own unit, that had to be beaten in draws without a
    feasible point; None if there were none, or if there was no other draw, so that feasibility alone counted. With
    several objectives, `expected_gain` is in the product of their units, and `worst` is the reference of hypervolumes,
    in each metric's own unit.
    """

    compared = "except for rounding"

    acquisition: str | None = None
    value: float | None = None
    expected_gain: float | None = None
    instead_of: Point | None = None
    jitter: float | None = None
    floor: float | None = None
    worst: ReadOnly[dict[str, float]] = Field(default_factory=ReadOnlyDict)


class Weights(_Part):
    """The factors by which the acquisition's value was weighted.

    `probability_feasible` is the predicted probability that the point gives a result. `constraints` holds the one that
    its true values meet a constraint, by the constraint's text. `predicted_cost` is the expected cost, in the unit that
    evaluations report, or in seconds if they report none.
    """

    compared = "except for rounding"

    probability_feasible: float | None = None
    constraints: ReadOnly[dict[str, float]] = Field(default_factory=ReadOnlyDict)
    predicted_cost: float | None = None


class Asked(_Part):
    """Facts that the caller of `propose` adds, because `propose` itself has no clock.

    `unseen` is how many results arrived while the proposal was made. If the campaign's own proposer was unavailable,
    `stand_in` names the fallback that made the proposal, and `away` the reason. `points` is how many points were asked
    for: a batch may have fewer, and the first of two points that are chosen jointly is not that of one. `context` holds
    the values of the context that the caller asked for; None if it asked for none. `proposer` holds the settings of the
    proposer if they are not those of the history: another process may have recorded its own since the caller began.
    """

    compared = "not at all"

    events_seen: int | None = None
    seconds: float | None = None
    commit: str | None = None
    unseen: int | None = None
    stand_in: StandIn | None = None
    away: str | None = None
    # The following are not dumped if they are unknown, so that earlier records stay as they are.
    points: Annotated[int | None, Field(exclude_if=lambda value: value is None)] = None
    context: Annotated[ReadOnly[dict[str, Value]] | None, Field(exclude_if=lambda value: value is None)] = None
    proposer: Annotated[ReadOnly[dict[str, Any]] | None, Field(exclude_if=lambda value: value is None)] = None


@dataclass(frozen=True)
class Difference:
    """The path of a recorded value that differs when the proposal is made again, and how its part is compared."""

    path: str
    compared: Compared


class Provenance(BaseModel):
    """How a proposal was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_by: MadeBy
    stack: Stack = Field(default_factory=Stack)
    knew: Knew = Field(default_factory=Knew)
    models: Models = Field(default_factory=Models)
    predicted: ReadOnly[dict[str, Prediction]] = Field(default_factory=ReadOnlyDict)
    chosen: Chosen = Field(default_factory=Chosen)
    weights: Weights = Field(default_factory=Weights)
    asked: Asked = Field(default_factory=Asked)

    def differences(self, now: "Provenance") -> list[Difference]:
        """Return the recorded values that differ; values that an older version did not record are not compared."""
        again = {path: repr(value) for path, value, _ in _values(now, recorded=False)}
        found = [Difference(path, how) for path, value, how in _values(self) if again.get(path) != repr(value)]
        return [each for each in found if each.compared in ("word for word", "except for rounding")]


def _values(part: BaseModel, above: str = "", *, recorded: bool = True) -> Iterator[_Value]:
    """Yield the path of each value (or of each recorded value), the value, and how it is compared."""
    compared: Compared = getattr(part, "compared", "except for rounding")
    for name in type(part).model_fields:
        if recorded and name not in part.model_fields_set:
            continue
        path, value = f"{above}{name}", getattr(part, name)
        parts = _parts_of(value)
        if not isinstance(value, BaseModel):
            yield path, tuple(parts) or value, compared
        for key, each in parts.items():
            yield from _values(each, f"{path}.{key}." if key else f"{path}.", recorded=recorded)


def _parts_of(value: object) -> dict[str, BaseModel]:
    """Return the parts in a value by name: those of a mapping, or the value itself under an empty name."""
    by_name = value if isinstance(value, Mapping) else {"": value}
    return {name: part for name, part in by_name.items() if isinstance(part, BaseModel)}
