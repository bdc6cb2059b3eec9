"""A surface on the allowed part of a space, with a wall along its constraints."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from overnight.bo_core.data.region import Region
from overnight.bo_core.search.surface import Surface

_BISECTIONS = 30


@dataclass(frozen=True)
class Wall:
    """A logarithmic barrier along constraints (Nocedal and Wright 2006, chapter 19), of a `height` in nats.

    Closer to a constraint than `bend`, in units of its spread, the barrier is the parabola that touches the logarithm
    there. It is finite outside, so that a step that is too long is shortened well.
    """

    height: float
    bend: float

    def over(self, surface: Surface, region: Region) -> Surface:
        """Return the surface for climbs: what follows from other features is calculated, and constraints are walls."""

        def both(X: Tensor) -> tuple[Tensor, Tensor]:
            with torch.inference_mode(False), torch.enable_grad():
                free = X.clone().requires_grad_()
                settled, excess = region.settled_with_excess(free)
                wall = self._values(-excess / region.spreads)
            value, by_settled = surface.value_and_gradient(settled.detach())
            outputs, by_outputs = [settled], [by_settled]
            if wall.requires_grad:
                outputs, by_outputs = [settled, wall], [by_settled, torch.ones_like(wall)]
            with torch.inference_mode(False):
                [gradient] = torch.autograd.grad(outputs, free, [each.clone() for each in by_outputs])
            return value + wall.detach(), gradient

        return replace(surface, value=lambda X: both(X)[0], value_and_gradient=both)

    def _values(self, slack: Tensor) -> Tensor:
        """Return the sum of the barriers [b] at distances [b, c] from constraints."""
        beyond = (slack - self.bend) / self.bend
        near = torch.log(torch.full_like(slack, self.bend)) + beyond - 0.5 * beyond.square()
        far = slack.clamp(min=self.bend).log()
        return self.height * torch.where(slack > self.bend, far, near).sum(1)


def pulled_inside(region: Region, inside: Tensor, X: Tensor) -> Tensor:
    """Return the points X [b, d], or the last allowed ones on the way to them from points inside [b, d]."""
    low, high = torch.zeros(len(X), 1, dtype=X.dtype), torch.ones(len(X), 1, dtype=X.dtype)
    allowed = region.contains(X)
    if bool(allowed.all()):
        return X
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        fine = region.contains(inside + middle * (X - inside)).unsqueeze(1)
        low, high = torch.where(fine, middle, low), torch.where(fine, high, middle)
    return torch.where(allowed.unsqueeze(1), X, inside + low * (X - inside))
