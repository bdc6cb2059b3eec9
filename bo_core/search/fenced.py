"""A surface on the allowed part of a space, with a wall along its constraints."""

from dataclasses import replace

import torch
from torch import Tensor

from overnight.bo_core.data.region import Region
from overnight.bo_core.search.surface import Surface

# The height of the wall in nats, for a distance of e from a constraint. The maximum beside a constraint is missed by
# about as much.
_WALL = 1e-3


def fenced(surface: Surface, region: Region) -> Surface:
    """Return the surface for climbs: what follows from other features is calculated, and constraints are walls.

    The wall is a logarithmic barrier, −∞ where a constraint is exceeded (Nocedal and Wright 2006, chapter 19).
    """

    def both(X: Tensor) -> tuple[Tensor, Tensor]:
        with torch.inference_mode(False), torch.enable_grad():
            free = X.clone().requires_grad_()
            settled, excess = region.settled_with_excess(free)
            inside = (excess < 0.0).all(1)
            wall = _WALL * torch.where(excess < 0.0, -excess, 1.0).log().sum(1)
        value, by_settled = surface.value_and_gradient(settled.detach())
        outputs, by_outputs = [settled], [by_settled]
        if wall.requires_grad:
            outputs, by_outputs = [settled, wall], [by_settled, torch.ones_like(wall)]
        with torch.inference_mode(False):
            [gradient] = torch.autograd.grad(outputs, free, [each.clone() for each in by_outputs])
        return torch.where(inside, value + wall.detach(), -torch.inf), gradient

    return replace(surface, value=lambda X: both(X)[0], value_and_gradient=both)
