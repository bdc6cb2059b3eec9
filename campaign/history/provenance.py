"""The provenance of a proposal, in parts: everything needed to make it again.

Each part knows how it is compared with the same part of the proposal that is made again: word for word, except for
rounding (sums and the ends of climbs decide it), as a stack, or not at all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign.space import Point
from overnight.campaign.values.read_only import ReadOnly, ReadOnlyDict

StandIn = Literal["sobol", "thompson"]
Compared = Literal["word for word", "except for rounding", "as a stack", "not at all"]
_Value = tuple[str, object, Compared]
# Versions 1 and 2 had one objective and did not name it; a history puts the name in its place.
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
    """The libraries and the hardware that computed; a point of the Sobol sequence needs no threads."""

    compared = "as a stack"

    device: str | None = None
    threads: int | None = None
    libraries: ReadOnly[dict[str, str]] = Field(default_factory=ReadOnlyDict)

    def changes(self, now: "Stack") -> list[str]:
        """Return what another stack has in its place, as far as this one was recorded."""
        others = [name for name, version in self.libraries.items() if now.libraries.get(name) != version]
        found = [f"libraries ({', '.join(others)})"] if others else []
        numbers = {"threads": (self.threads, now.threads), "device": (self.device, now.device)}
        return found + [name for name, (before, after) in numbers.items() if before not in (None, after)]


class Knew(_Part):
    """What a proposal knew of trials.

    `observed` counts those that were stopped where their reports are learnt from. `probability_of_approval` is how
    likely a parked trial was thought to be approved, None if none was parked under a policy.
    """

    compared = "word for word"

    observed: int = 0
    pending: tuple[int, ...] = ()
    probability_of_approval: float | None = None


class ModelCode(_Part):
    """The code that a model of the campaign's own came from: its function, the class of what that returned, its file.

    `source` is the SHA-256 of the function's file.
    """

    compared = "word for word"

    function: str
    model: str
    source: str


class FittedModel(_Part):
    """What was believed about one quantity.

    `hyperparameters` are bit-exact and serve as the next fit's warm start; those of a model of the campaign's own have
    a `code`. `jitter` goes with them, and `starts` says
    how each start of the fit ended. `tail_width` is the width, in robust spreads, over which bad outcomes were drawn
    together, None if they were not or if nothing was chosen.
    """

    compared = "except for rounding"

    hyperparameters: ReadOnly[dict[str, tuple[float, ...]]]
    code: ModelCode | None = None
    jitter: float | None = None
    starts: ReadOnly[dict[str, str]] = Field(default_factory=ReadOnlyDict)
    tail_width: float | None = None


class Models(_Part):
    """The models that a point was chosen with: one for each metric by its name, of feasibility, and of cost.

    The last two have a place of their own, since a metric may be called `cost`. They are None where nothing was known
    to fail, and where costs did not count. `opinions` are the second models of metrics, which find points hopeless, as
    far as they were asked.
    """

    compared = "except for rounding"

    metrics: ReadOnly[dict[str, FittedModel]] = Field(default_factory=ReadOnlyDict)
    opinions: ReadOnly[dict[str, FittedModel]] = Field(default_factory=ReadOnlyDict)
    feasibility: FittedModel | None = None
    cost: FittedModel | None = None


class Prediction(_Part):
    """What one metric was expected to be at the point, in its own unit.

    The mean is the median where bad outcomes are drawn together; 90 % were expected between `low` and `high`.
    """

    compared = "except for rounding"

    mean: float
    sd: float | None = None
    low: float | None = None
    high: float | None = None


class Chosen(_Part):
    """Why this point: its value under an acquisition.

    `expected_gain` is by how much a new point was expected to improve on the best, in the unit of what is improved. A
    repetition was preferred to measuring `instead_of`. `jitter` is the larger of the draws' and of the model's.
    """

    compared = "except for rounding"

    acquisition: str | None = None
    value: float | None = None
    expected_gain: float | None = None
    instead_of: Point | None = None
    jitter: float | None = None


class Weights(_Part):
    """What a value was weighted by.

    `probability_feasible` is how likely the point was thought to give a result. `predicted_cost` is what it was
    expected to cost, in the unit that evaluations report or in seconds if they report none.
    """

    compared = "except for rounding"

    probability_feasible: float | None = None
    predicted_cost: float | None = None


class Asked(_Part):
    """What the caller of `propose` adds, which itself has no clock.

    `unseen` is how many results came in while the proposal was made. `stand_in` made it while the campaign's own
    proposer was `away`, which says why.
    """

    compared = "not at all"

    events_seen: int | None = None
    seconds: float | None = None
    commit: str | None = None
    unseen: int | None = None
    stand_in: StandIn | None = None
    away: str | None = None


@dataclass(frozen=True)
class Difference:
    """The path of a recorded value that is not the same when it is made again, and how its part is compared."""

    path: str
    compared: Compared


class Provenance(BaseModel):
    """How a proposal was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_by: MadeBy
    stack: Stack = Stack()
    knew: Knew = Knew()
    models: Models = Models()
    predicted: ReadOnly[dict[str, Prediction]] = Field(default_factory=ReadOnlyDict)
    chosen: Chosen = Chosen()
    weights: Weights = Weights()
    asked: Asked = Asked()

    def differences(self, now: "Provenance") -> list[Difference]:
        """Return the recorded values that differ; a value that was not recorded, as by older versions, cannot."""
        again = {path: repr(value) for path, value, _ in _values(now, recorded=False)}
        found = [Difference(path, how) for path, value, how in _values(self) if again.get(path) != repr(value)]
        return [each for each in found if each.compared in ("word for word", "except for rounding")]


def _values(part: BaseModel, above: str = "", *, recorded: bool = True) -> Iterator[_Value]:
    """Return the path of each value, or of each recorded one, the value, and how it is compared."""
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
    """Return a part, or several by their names, in which there are values."""
    by_name = value if isinstance(value, Mapping) else {"": value}
    return {name: part for name, part in by_name.items() if isinstance(part, BaseModel)}
