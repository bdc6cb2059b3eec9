"""The part of the unit cube that conditions, calculations and constraints leave of a space."""

from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor

from overnight.bo_core.data.calculations import excess_of, holds, of_tensors
from overnight.bo_core.data.columns import Column, ConditionalColumn
from overnight.bo_core.data.columns.scaled import ScaledFeature
from overnight.campaign.parameters import DerivedParameter
from overnight.campaign.parameters.condition import Condition, OneOf
from overnight.campaign.space import Space
from overnight.campaign.space.dependencies import needed_by
from overnight.campaign.space.space import with_slack
from overnight.campaign.values.comparison import Comparison

_SAMPLED = 256


class Region:
    """Which parameters are active at features [b, d], the features that follow from others, and the constraints.

    All of it is computed for many points at once and can be differentiated. Rounding is that of features, so whether a
    point is allowed is decided by `Space` in the end.
    """

    def __init__(self, space: Space, columns: Mapping[str, Column], slices: Mapping[str, slice]) -> None:
        self.space, self.columns, self.slices = space, columns, slices
        always = [name for name in columns if space.root[name].when is None and name not in space.solved]
        self._order = tuple(dict.fromkeys((*always, *space.solved, *space.parameters.in_order)))
        self._derived = [n for n, p in space.items() if isinstance(p, DerivedParameter)]
        # Those with numbers as values. A whole number may have more levels than anybody can go through.
        self._numeric = {n for n, p in space.items() if not any(isinstance(value, str) for value in p.listed)}

    @property
    def is_limited(self) -> bool:
        """Return whether some combinations of values are not allowed."""
        return bool(self.space.constraints) or bool(self._derived)

    def deciding(self) -> set[str]:
        """Return the parameters on which conditions, calculations and constraints depend."""
        names = {name for constraint in self.space.constraints for name in constraint.names}
        return names.union(*map(needed_by, self.space.root.values()))

    def limited(self) -> set[str]:
        """Return the parameters in inequalities, in bounds, and in equalities of whole numbers.

        Those from which a derived one in them is calculated are among them.
        """
        names = {name for constraint in self.space.limits for name in constraint.names}
        determined = self.space.solved.items()
        names.update(*(of.weights for name, of in determined if self.space.root[name].geometry == "whole"))
        derived = {n: p for n, p in self.space.items() if isinstance(p, DerivedParameter)}
        names |= {name for name, parameter in derived.items() if (parameter.low, parameter.high) != (None, None)}
        for name in reversed(self.space.parameters.in_order):
            names |= {*derived[name].value.names} if name in derived and name in names else set()
        return names

    def settled(self, X: Tensor) -> Tensor:
        """Return features X [b, d] with those of inactive parameters and those that follow from others replaced."""
        return self._settle(X)[0]

    def settled_with_excess(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the settled features [b, d], and by how much each constraint is exceeded [b, c]: not, up to 0."""
        settled, numbers, active = self._settle(X)
        return settled, self._excess(X, numbers, active)

    @cached_property
    def spreads(self) -> Tensor:
        """Return the typical size [c] of what the constraints are exceeded by, up or down."""
        u = torch.rand(_SAMPLED, len(self.slices), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        at = zip(self.columns.values(), u.unbind(1), strict=True)
        _, excess = self.settled_with_excess(torch.cat([column.spread(each) for column, each in at], 1))
        size = excess.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).abs().median(0).values
        return torch.where(size > 0.0, size, 1.0)

    def contains(self, X: Tensor) -> Tensor:
        """Return which of the points [b] at features X [b, d] are allowed."""
        return (self.settled_with_excess(X)[1] <= 0.0).all(1)

    def violation_and_branch(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum [b] of what the constraints are exceeded by, and which constraints count [b, c].

        The sum is infinite if a constraint has no value.
        """
        _, numbers, active = self._settle(X)
        violation = self._excess(X, numbers, active).clamp(min=0.0).nan_to_num(nan=torch.inf).sum(1)
        always = torch.ones(len(X), dtype=torch.bool)
        counts = [always, *(active[name] for name in self._derived)]
        return violation, torch.stack([*counts, *(_all_of(active, each.names, X) for each in self.space.limits)], 1)

    def _excess(self, X: Tensor, numbers: Mapping[str, Tensor], active: Mapping[str, Tensor]) -> Tensor:
        excess = [*self._beyond_bounds(numbers, active)]
        without = [active[name] & ~numbers[name].isfinite() for name in self._derived]
        excess += [torch.where(each, torch.inf, X.new_full((len(X),), -1.0)) for each in without]
        for limit in self.space.limits:
            counts = _all_of(active, limit.names, X)
            excess += [torch.where(counts, excess_of(pair, numbers), -1.0) for pair in limit.pairs]
        return torch.stack(excess, 1) if excess else X.new_zeros(len(X), 0)

    def _settle(self, X: Tensor) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Return the settled features [b, d], and by name the numbers [b] and the rows [b] with each parameter."""
        features = {name: X[:, self.slices[name]] for name in self.columns}
        numbers, active = dict[str, Tensor](), dict[str, Tensor]()
        for name in self._order:
            parameter = self.space.root[name]
            active[name] = self._is_active(parameter.when, features, numbers, active, X)
            if isinstance(parameter, DerivedParameter):
                active[name] = active[name] & _all_of(active, parameter.value.names, X)
                numbers[name] = of_tensors(parameter.value, numbers, X)
            elif not parameter.is_tuned:
                value = parameter.fixed_value
                if value is not None and not isinstance(value, str):
                    numbers[name] = X.new_full((len(X),), float(value))
            else:
                column = self.columns[name]
                if name in self.space.fixed:
                    features[name] = X.new_tensor(column.features(self.space.fixed[name])).expand(len(X), -1)
                if (determined := self.space.solved.get(name)) is not None:
                    assert isinstance(column, ScaledFeature), "expected an equality to determine a number"
                    found = determined.value(numbers)
                    # Equalities may leave a parameter a single value, which is then no tensor.
                    features[name] = column.places(found if isinstance(found, Tensor) else X.new_full((len(X),), found))
                if isinstance(column, ConditionalColumn):
                    features[name] = column.where(active[name], features[name])
                if name in self._numeric:
                    numbers[name] = _without_rounding(column, column.numbers(features[name]))
        return torch.cat([features[name] for name in self.columns], 1), numbers, active

    def _is_active(
        self,
        when: Condition | None,
        features: Mapping[str, Tensor],
        numbers: Mapping[str, Tensor],
        active: Mapping[str, Tensor],
        X: Tensor,
    ) -> Tensor:
        found = torch.ones(len(X), dtype=torch.bool, device=X.device)
        if when is None:
            return found
        found = _all_of(active, when.names, X)
        for part in when.parts:
            found = found & (self._is_one_of(part, features, X) if isinstance(part, OneOf) else _hold(part, numbers, X))
        return found

    def _is_one_of(self, part: OneOf, features: Mapping[str, Tensor], X: Tensor) -> Tensor:
        column = self.columns.get(part.name)
        if column is None:
            return torch.full((len(X),), part.holds({part.name: self.space.root[part.name].fixed_value}))
        parameter, snapped = self.space.root[part.name], column.snap(features[part.name])
        wanted = snapped.new_tensor([column.features(parameter.canonical(value)) for value in part.values])
        return torch.isclose(snapped.unsqueeze(1), wanted).all(2).any(1)

    def _beyond_bounds(self, numbers: Mapping[str, Tensor], active: Mapping[str, Tensor]) -> list[Tensor]:
        """Return how far determined and derived parameters are beyond their bounds [b]."""
        excess = list[Tensor]()
        for name, parameter in self.space.items():
            ends: tuple[float | None, float | None] = (None, None)
            if isinstance(parameter, DerivedParameter):
                ends = (parameter.low, parameter.high)
            elif name in self.space.solved and parameter.bounds is not None:
                ends = with_slack(*parameter.bounds)
            if ends[0] is not None:
                excess.append(torch.where(active[name], ends[0] - numbers[name], -1.0))
            if ends[1] is not None:
                excess.append(torch.where(active[name], numbers[name] - ends[1], -1.0))
        return excess


def _all_of(active: Mapping[str, Tensor], names: tuple[str, ...], X: Tensor) -> Tensor:
    """Return in which rows [b] all of these parameters are active."""
    every = [active[name] for name in names]
    return torch.stack(every).all(0) if every else torch.ones(len(X), dtype=torch.bool, device=X.device)


def _hold(comparison: Comparison, numbers: Mapping[str, Tensor], X: Tensor) -> Tensor:
    """Return in which rows [b] a comparison holds."""
    return torch.stack([holds(pair, numbers, X) for pair in comparison.pairs]).all(0)


def _without_rounding(column: Column, numbers: Tensor) -> Tensor:
    """Return numbers [b] without what the rounding of features added to whole ones and choices."""
    if column.levels is None:
        return numbers
    return numbers + (numbers.detach().mul(1e9).round().div(1e9) - numbers.detach())
