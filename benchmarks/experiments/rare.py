"""A candidate that differs in nothing, judged by how often a rare event happens, such as a purchase."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from benchmarks.experiments.design import Design
from benchmarks.experiments.virtual import VirtualTest, ab_test
from overnight.bo_core.experiment.verdicts import verdict
from overnight.campaign import Campaign, Measurement

_LOOKS = 7


@dataclass(frozen=True)
class Rare:
    """A rate that is to become higher or lower, on so many units a batch, and the stages of a candidate."""

    rate: float
    direction: str
    per_batch: int
    stages: tuple[float, ...]

    @property
    def name(self) -> str:
        """Return it in words."""
        stages = ", ".join(f"{stage:g}" for stage in self.stages)
        return f"{self.direction} a rate of {self.rate:g}, {self.per_batch:,} units, stages {stages}"


RARE = (
    Rare(0.01, "minimize", 10_000, (0.01, 0.1, 0.5)),
    Rare(0.01, "maximize", 10_000, (0.01, 0.1, 0.5)),
    Rare(0.001, "minimize", 100_000, (0.01, 0.1, 0.5)),
    Rare(0.001, "maximize", 100_000, (0.1, 0.5)),
)


class RareTest(VirtualTest):
    """The ramp-up of one candidate; every arm measures the rate with the error that it sees itself."""

    def __init__(self, rare: Rare, seed: int) -> None:
        """Prepare the campaign of a seed."""
        self.rare = rare
        design = Design(rare.name, 0, rare.stages)
        super().__init__(design, np.zeros(2), np.random.default_rng([seed, rare.per_batch]))

    def ended(self) -> str:
        """Return the state of the verdict after the stages; a candidate that is stopped goes through no other."""
        for share in self.rare.stages:
            self._batch((0, 1), (1 - share, share), "ramp_up")
            if verdict(self.history).state == "rolled back":
                break
        return verdict(self.history).state

    def _definition(self) -> Campaign:
        return ab_test(self.design, self.rare.per_batch, self.rare.direction)

    def _served(self, arms: Sequence[int], shares: Sequence[float]) -> list[list[Measurement]]:
        del arms
        units = np.round(np.array(shares) * self.rare.per_batch)
        upto = [np.round(units * look / _LOOKS).astype(int) for look in range(_LOOKS + 1)]
        counts, found = np.zeros(len(units), dtype=int), list[list[Measurement]]()
        for before, now in pairwise(upto):
            counts = counts + self.random.binomial(now - before, self.rare.rate)
            found.append([_rate(int(k), int(n)) for k, n in zip(counts, now, strict=True)])
        return found


def _rate(count: int, n: int) -> Measurement:
    p = count / n
    return Measurement(mean=p, sem=(p * (1 - p) / max(n - 1, 1)) ** 0.5, n=n)


def ended(seed: int, rare: Rare) -> str:
    """Return how the ramp-up of a seed ends."""
    return RareTest(rare, seed).ended()
