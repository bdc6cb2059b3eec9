"""An objective: a metric, the direction in which it improves, and the worst value that is of any use."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, WithJsonSchema

from overnight.campaign.evaluation import Measurement
from overnight.campaign.goal.calculated import calculated_from
from overnight.campaign.goal.target import Target
from overnight.campaign.problems import shown, unknown_key
from overnight.campaign.values.expression import Expression, is_expression, read_expression
from overnight.campaign.values.may_be_revised import MayBeRevised
from overnight.campaign.values.numbers import Real

Direction = Literal["minimize", "maximize"]
_EXAMPLE = "`{minimize: latency_ms}` or `{maximize: accuracy, worst: 0.8}`"


class Objective(BaseModel):
    """A metric and the direction in which it improves; with several objectives, values beyond `worst` are of no use.

    The metric may be calculated from others: its name is then the calculation, such as `latency_ms + 0.1 * cost`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    direction: Direction
    worst: Annotated[Real | None, Field(allow_inf_nan=False), MayBeRevised.FREELY] = None

    def __str__(self) -> str:
        return f"{self.direction} {self.metric}"

    @property
    def expression(self) -> Expression | None:
        """Return the calculation that gives the metric, None if evaluations report it themselves.

        A text that cannot be read is a name; the reader of campaign files refuses it, but a ledger may hold it.
        """
        if not is_expression(self.metric):
            return None
        with suppress(ValueError):
            return read_expression(self.metric)
        return None

    @property
    def asked(self) -> tuple[str, ...]:
        """Return the metrics that an evaluation must report for this objective."""
        return (self.metric,) if self.expression is None else self.expression.names

    def found_in(self, measured: Mapping[str, Measurement]) -> Measurement | None:
        """Return the metric as calculated from measured ones, or else as measured itself; None if it is neither.

        A value that was measured itself and that the calculation cannot have does not count.
        """
        if self.expression is not None:
            with suppress(ValueError):
                return calculated_from(self.expression, measured)
        return None if self.contradiction(measured) else measured.get(self.metric)

    def contradiction(self, measured: Mapping[str, Measurement]) -> str | None:
        """Return what is wrong with a calculated metric that was measured itself: a distance is never below 0."""
        found = measured.get(self.metric)
        if found is None or found.mean >= 0 or self.expression is None or self.expression.outermost != "abs":
            return None
        return f"expected a distance of 0 or more as `{self.metric}`, found {found.mean!r}"

    @property
    def sign(self) -> float:
        """Return the factor that turns the metric into something to maximize."""
        return 1.0 if self.direction == "maximize" else -1.0

    def turned(self, value: float) -> float:
        """Return the value, negated if it is minimized, so that more is better; turned twice, it is the value again."""
        return self.sign * value

    def worsened(self, value: float, by: float) -> float:
        """Return the value made worse by this much."""
        return value - self.sign * by


def _distance_from(target: Target) -> Objective:
    return Objective(metric=target.distance, direction="minimize")


# The keys with which a mapping names one metric, each with the objective that its value stands for.
SHORT_FORMS: Mapping[str, Callable[[Any], Objective]] = {
    "minimize": lambda metric: Objective(metric=metric, direction="minimize"),
    "maximize": lambda metric: Objective(metric=metric, direction="maximize"),
    "target": _distance_from,
}
# The keys of a campaign's file, one of which holds its objectives.
WAYS_TO_AIM = (*SHORT_FORMS, "objectives")


def _fields(value: Any) -> Any:
    """Return the fields of the objective that a mapping such as `{minimize: latency_ms, worst: 400}` stands for.

    `{target: {metric: gain_db, value: 60}}` stands for a distance that is minimized.
    """
    if isinstance(value, Objective):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a mapping such as {_EXAMPLE}, got {shown(value)}")
    known = (*SHORT_FORMS, "worst")
    if unknown := [key for key in value if key not in known]:
        raise ValueError(unknown_key(str(unknown[0]), known))
    written = [key for key in SHORT_FORMS if value.get(key) is not None]
    if len(written) != 1:
        found = " and ".join(f"`{key}`" for key in written) or "none of them"
        raise ValueError(
            f"expected either `minimize` or `maximize` with the name of a metric, or a `target`, got {found}"
        )
    [form] = written
    wanted = _target(value[form]) if form == "target" else value[form]
    if form != "target" and (not isinstance(wanted, str) or not wanted):
        raise ValueError(f"expected the name of a metric after `{form}`, got {shown(wanted)}")
    objective = SHORT_FORMS[form](wanted)
    return {"metric": objective.metric, "direction": objective.direction, "worst": value.get("worst")}


def _target(written: Any) -> Target:
    try:
        return Target.model_validate(written)
    except ValidationError:
        text = "the name of a `metric` and its wanted `value`, such as `target: {metric: gain_db, value: 60}`"
        raise ValueError(f"expected {text}, got {shown(written)}") from None


def metrics_aimed_at(campaign: Mapping[str, Any]) -> list[Any]:
    """Return the metrics of all objectives of a definition, as far as they can be read."""
    named = {form: campaign.get(form) for form in SHORT_FORMS}
    with suppress(ValueError):
        named["target"] = _target(named["target"]).distance
    several = (objective.metric for _, objective in readable_objectives(campaign.get("objectives")))
    return [*named.values(), *several]


def metrics_named(campaign: Mapping[str, Any]) -> list[Any]:
    """Return the metrics of all objectives and those under `metrics`, as far as they can be read."""
    listed = campaign.get("metrics")
    return [*(listed if isinstance(listed, list | tuple) else ()), *metrics_aimed_at(campaign)]


def readable_objectives(objectives: Any) -> Iterator[tuple[int, Objective]]:
    """Yield those of a list that can be read, with their positions."""
    for position, objective in enumerate(objectives) if isinstance(objectives, list | tuple) else ():
        with suppress(ValueError):
            yield position, Objective.model_validate(_fields(objective))


def _written(objective: Objective) -> Mapping[str, Any]:
    worst = {} if objective.worst is None else {"worst": objective.worst}
    return {objective.direction: objective.metric, **worst}


# An objective as a campaign's file has it, e.g. `{minimize: latency_ms, worst: 400}`.
WrittenObjective = Annotated[
    Objective,
    BeforeValidator(_fields),
    PlainSerializer(_written),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                "minimize": {"type": "string", "minLength": 1},
                "maximize": {"type": "string", "minLength": 1},
                "target": Target.model_json_schema(),
                "worst": {
                    "type": ["number", "null"],
                    "description": "a value that is of no use, and neither is a worse one",
                },
            },
            "oneOf": [{"required": [key]} for key in SHORT_FORMS],
            "additionalProperties": False,
            "description": f"a metric and its direction, such as {_EXAMPLE}",
        }
    ),
]
