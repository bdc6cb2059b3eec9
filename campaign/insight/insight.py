"""The insight of a model: its lessons about the metrics of a campaign, in their own units."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign.insight.contour import Contour
from overnight.campaign.insight.importance import Importance
from overnight.campaign.insight.left_out import LeftOut
from overnight.campaign.insight.slices import Slice
from overnight.campaign.parameters import Value
from overnight.campaign.space import Point
from overnight.campaign.values.read_only import ReadOnly


class InsightOfMetric(BaseModel):
    """The lessons of the model about one metric.

    `importance` has the parameters with the highest total index first; it is empty if it is not known. `slices` are
    those of the parameters that can be varied at the point, in the same order, or those along which the mean changes
    most first. The `contour` is over the first two of these, and `pairs` are over other pairs of the first ones.
    `left_out` are predictions of results that the model has not seen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str
    importance: tuple[Importance, ...] = ()
    slices: tuple[Slice, ...]
    contour: Contour | None = None
    pairs: tuple[Contour, ...] = ()
    left_out: LeftOut | None = None


class InsightOfContext(BaseModel):
    """The insight of one context, by its `given` values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    given: ReadOnly[dict[str, Value]]
    insight: "Insight"


class Insight(BaseModel):
    """The lessons of the model about each objective; the slices go through `point`, the recommended one.

    In a campaign with contexts, each has an insight of its own in `contexts`, and `metrics` is empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    point: ReadOnly[Point]
    metrics: tuple[InsightOfMetric, ...]
    contexts: Annotated[tuple[InsightOfContext, ...], Field(exclude_if=lambda value: not value)] = ()

    def in_context(self, given: Mapping[str, Value]) -> "Insight | None":
        """Return the insight of a context; None if it has none."""
        return next((each.insight for each in self.contexts if each.given == given), None)
