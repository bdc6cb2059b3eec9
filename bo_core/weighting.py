"""What a score is weighted by, beside what a result would be worth: whether there will be one."""

from dataclasses import dataclass, replace

from torch import Tensor

from bo_core.encoding import Encoding
from bo_core.feasibility import Feasibility
from bo_core.proposer import BayesianProposer
from bo_core.search import Surface
from bo_core.state import failed_points
from campaign import ModelView

# P counts squared. A trial that fails costs as much as one that does not and teaches nothing of the objective; and of
# all candidates the one of highest score often has an overestimated P (docs/decisions/0012-feasibility.md).
_CAUTION = 2.0


@dataclass(frozen=True)
class Weighting:
    """The logarithm that is added to every score, 2 log P; without what weighs, scores stay as they are, bit for bit.

    Scores that are no logarithms are in standard deviations of the outcomes: there one nat counts as one of these.
    Everything is on the CPU, where the search works.
    """

    feasibility: Feasibility | None = None

    @classmethod
    def fitted(cls, view: ModelView, proposer: BayesianProposer, encoding: Encoding) -> "Weighting":
        """Learn from what a view holds what the proposer asks for."""
        if proposer.feasibility == "ignore":
            return cls()
        return cls(Feasibility.fitted(*_worked_and_failed(view, encoding)))

    @classmethod
    def recalled(cls, view: ModelView, encoding: Encoding, feasibility: Tensor | None) -> "Weighting":
        """Return what was fitted, from the θ [1, h] that were recorded."""
        if feasibility is None:
            return cls()
        return cls(Feasibility.recalled(*_worked_and_failed(view, encoding), feasibility))

    def log(self, X: Tensor) -> Tensor:
        """Return the logarithms [b] at features X [b, d]."""
        return X.new_zeros(len(X)) if self.feasibility is None else _CAUTION * self.feasibility.log_probability(X)

    def over(self, surface: Surface) -> Surface:
        """Return the surface with what is added to it."""
        feasibility = self.feasibility
        if feasibility is None:
            return surface

        def both(X: Tensor) -> tuple[Tensor, Tensor]:
            value, gradient = surface.value_and_gradient(X)
            more, more_gradient = feasibility.log_probability_and_gradient(X)
            return value + _CAUTION * more, gradient + _CAUTION * more_gradient

        return replace(
            surface,
            value=lambda X: surface.value(X) + self.log(X),
            value_and_gradient=both,
            screen=lambda X: surface.screen(X) + self.log(X),
        )

    def probability_feasible(self, x: Tensor) -> float | None:
        """Return how likely features x [1, d] are to give a result, None where nothing says that they may fail."""
        return None if self.feasibility is None else float(self.feasibility.log_probability(x).exp())


def _worked_and_failed(view: ModelView, encoding: Encoding) -> tuple[Tensor, Tensor]:
    """Return the features of the trials that worked, if only until they were stopped, and of those that failed."""
    worked = [t.point for t in (*view.observed, *view.stopped)]
    return encoding.encode(worked), encoding.encode([t.point for t in failed_points(view)])
