"""The score of a candidate given each draw of all metrics, and its average over the draws."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from overnight.bo_core.acquisition.incumbents import best_in_each_draw
from overnight.bo_core.acquisition.joint_draws import Drawn, JointDraws
from overnight.bo_core.acquisition.utility import Evaluated, Utility
from overnight.bo_core.surrogate import Conditional

SCREENING_DRAWS = 32


@dataclass(frozen=True)
class Scored:
    """The score, or its logarithm, [M, b, S] and, by metric, its derivatives by the candidate's mean and sd there."""

    value: Tensor
    by_mean: Mapping[str, Tensor]
    by_sd: Mapping[str, Tensor]


# A function from all metrics at candidates, given each draw, to the candidates' scores.
Scoring = Callable[[Mapping[str, Conditional]], Scored]


class Score(Protocol):
    """The worth of a candidate given a draw of all metrics: one objective or several, with or without constraints.

    `logarithmic` means that scores are logarithms of the quantity that is averaged. All scores share averages,
    gradients and batches, so a factor such as the probability of a constraint belongs inside the score.
    """

    @property
    def logarithmic(self) -> bool:
        """Return whether scores are logarithms."""
        ...

    @property
    def screening_draws(self) -> int:
        """Return over how many draws a rough score is averaged, to pick starts of a search."""
        ...

    def against(self, drawn: Drawn) -> Scoring:
        """Return a function that scores candidates against each draw's incumbents, which are found here, once."""
        ...


@dataclass(frozen=True)
class OneObjective:
    """The utility of one metric against its best in each draw."""

    metric: str
    utility: Utility
    screening_draws: int = SCREENING_DRAWS

    @property
    def logarithmic(self) -> bool:
        """Return whether the utility is a logarithm."""
        return self.utility.logarithmic

    def against(self, drawn: Drawn) -> Scoring:
        """Return a function that scores candidates against the best of each draw."""
        best = best_in_each_draw(drawn.values[self.metric], drawn.eligible)

        def scored(at: Mapping[str, Conditional]) -> Scored:
            here = at[self.metric]
            found: Evaluated = self.utility.evaluate(here.mean, here.sd, best)
            return Scored(found.value, {self.metric: found.by_mean}, {self.metric: found.by_sd})

        return scored


class AverageScore:
    """The average of a score over the present draws and all sets of hyperparameters."""

    def __init__(self, draws: JointDraws, score: Score) -> None:
        self.draws, self.score, self._scored = draws, score, score.against(draws.drawn)

    def value(self, X: Tensor) -> Tensor:
        """Return the average, or its log, [b] at candidates X [b, d]."""
        at = {name: metric.at(X) for name, metric in self.draws.metrics.items()}
        return self._averaged(self._scored(at).value)

    def screened(self, X: Tensor) -> Tensor:
        """Return a rough average over fewer draws."""
        count = max(self.score.screening_draws // self.draws.set_count, 4)
        at = {name: metric.at(X, count) for name, metric in self.draws.metrics.items()}
        return self._averaged(self.score.against(self.draws.drawn.first(count))(at).value)

    def value_and_gradient(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the average, or its log, [b] and its gradient [b, d] at candidates X [b, d]."""
        found = {name: metric.at_with_pull_back(X) for name, metric in self.draws.metrics.items()}
        scored = self._scored({name: at for name, (at, _) in found.items()})
        value = self._averaged(scored.value)
        share = self._share(scored.value, value)
        parts = [
            pull_back(share * scored.by_mean[name], (share * scored.by_sd[name]).sum(2))
            for name, (_, pull_back) in found.items()
            if name in scored.by_mean
        ]
        return value, sum(parts[1:], parts[0])

    def _averaged(self, value: Tensor) -> Tensor:
        """Return the mean over sets and draws of values [M, b, S], or the log of the mean of their exponentials."""
        if not self.score.logarithmic:
            return value.mean((0, 2))
        return torch.logsumexp(value, (0, 2)) - math.log(value.shape[0] * value.shape[2])

    def _share(self, value: Tensor, average: Tensor) -> Tensor:
        """Return the derivative [M, b, S] of the average by each of the values."""
        one = (value - average.unsqueeze(1)).exp_() if self.score.logarithmic else torch.ones_like(value)
        return one.div_(value.shape[0] * value.shape[2])
