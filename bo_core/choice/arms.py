"""The arms of the next batch of an A/B test: how exactly their traffic measures them, and how it is divided."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from overnight.bo_core.choice.asked import Asked
from overnight.bo_core.data.encoding import PointKey, key_of
from overnight.bo_core.model import Model
from overnight.campaign.experiment.phase import stopped_points
from overnight.campaign.experiment.settings import Traffic

# A promising arm that is measured again may get this many times the traffic of a new arm.
MULTIPLES = (1, 2, 4)


@dataclass(frozen=True)
class Arms:
    """The `count` arms of a batch, the status quo among them, and the `traffic` that they share.

    Points that are `chosen` are in the batch already, and those that were `stopped` because of a guardrail or harm, or
    whose results show the same, are not tried again. `of_unit` is the variance of one unit of traffic, in standardised
    outcomes.
    """

    traffic: Traffic
    count: int
    chosen: frozenset[PointKey]
    stopped: frozenset[PointKey]
    of_unit: float

    @classmethod
    def of(cls, asked: Asked, model: Model) -> "Arms | None":
        """Return the arms of a batch with the points that were chosen and q more; None unless it is an A/B test."""
        traffic = asked.campaign.traffic
        if traffic is None:
            return None
        chosen = frozenset(key_of(point) for point in asked.chosen)
        against = [*stopped_points(asked.everything.stopped), *asked.breached]
        stopped = frozenset(key_of(point) for point in against)
        return cls(traffic, len(chosen) + asked.q, chosen, stopped, _variance_of_unit(traffic, model))

    @property
    def status_quo(self) -> float:
        """Return the share of the status quo."""
        return self.traffic.share_of_status_quo(self.count - 1)

    @property
    def share_of_each(self) -> float:
        """Return the share of each other arm if all get the same."""
        return (1.0 - self.status_quo) / (self.count - 1)

    def shares(self, again: Sequence[bool], multiple: int) -> list[float]:
        """Return the shares of the last arms, of which those measured `again` get `multiple` times that of a new one.

        Arms that were chosen before them are new.
        """
        before = self.count - 1 - len(again)
        each = [multiple if repeated else 1 for repeated in again]
        rest = (1.0 - self.status_quo) / (before + sum(each))
        return [rest * times for times in each]

    def noise_of(self, share: float) -> float:
        """Return the variance of the difference between an arm with this share and the status quo, standardised.

        Only the difference counts, because the shift of the batch is unknown.
        """
        return self.of_unit / self.traffic.per_batch * (1.0 / share + 1.0 / self.status_quo)


def _variance_of_unit(traffic: Traffic, model: Model) -> float:
    """Return the median over the results of the variance of a result times the units that it is of.

    Without reported units, they are those that were planned.
    """
    variances = model.posterior.replicate_noise(model.data).mean(0).cpu()
    units = variances.new_tensor([_units(traffic, model, i) for i in range(len(variances))])
    return float((variances * units).median())


def _units(traffic: Traffic, model: Model, i: int) -> float:
    reported, planned = model.observed.measured[i].n, model.observed.trials[i].proposal.weight
    return float(reported) if reported is not None else (planned or 1.0) * traffic.per_batch


def first_of_each(X: Tensor, rows: Tensor) -> Tensor:
    """Return those of the rows [c] of features X [n, d] that hold a point which no row before them holds."""
    same = (X[rows].unsqueeze(1) == X[rows]).all(2)
    return rows[same.to(rows.dtype).argmax(1) == rows.new_tensor(range(len(rows)))]
