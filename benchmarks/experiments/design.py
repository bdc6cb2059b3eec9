"""The simulated experiments: their arms, traffic, noise and drift."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DAYS = 14
ARMS = 8
PER_BATCH = 140_000
AT_LEAST = 0.95
# Standard deviations of one unit, of the drift from batch to batch, and of that from day to day.
UNIT, BATCH_DRIFT, DAY_DRIFT = 1.0, 0.05, 0.02
# The status quo of `ARMS` arms has √k times the share of each of the k others (Dunnett 1955).
OTHERS = ARMS - 1
STATUS_QUO_SHARE = math.sqrt(OTHERS) / (OTHERS + math.sqrt(OTHERS))


@dataclass(frozen=True)
class Design:
    """So many batches of all arms, then the candidate's stages; each is a batch of `DAYS` days."""

    name: str
    batches: int
    stages: tuple[float, ...]

    @property
    def total(self) -> int:
        """Return how many batches a campaign with one candidate has."""
        return self.batches + len(self.stages)


DESIGNS = (
    Design("1 batch, then a stage of 0.5", 1, (0.5,)),
    Design("2 batches, then stages of 0.1 and 0.5", 2, (0.1, 0.5)),
)


def daily_means(
    effects: NDArray[np.float64], units: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Return the mean of each day so far and arm [DAYS, arms], since the batch's start, of so many `units` an arm."""
    drift = BATCH_DRIFT * random.standard_normal() + DAY_DRIFT * random.standard_normal((DAYS, 1))
    noise = UNIT * random.standard_normal((DAYS, len(effects))) / np.sqrt(units / DAYS)
    days = np.arange(1, DAYS + 1)[:, None]
    return 10.0 + effects + np.cumsum(drift + noise, axis=0) / days
