"""Ask SMAC3 on the unit cube, as a space of as many floats."""

from dataclasses import dataclass

from native import smac_space
from native.space_told import Point, SpaceTold
from told import Fit, Told

PACKAGES = smac_space.PACKAGES


@dataclass(frozen=True)
class SmacCubeSession:
    """A session in named parameters, whose points are lists here."""

    named: smac_space.SmacSession

    def ask(self, q: int) -> tuple[list[list[float]], Fit | None]:
        """Ask q times; earlier asks are running trials."""
        points, fit = self.named.ask(q)
        return [list(point.values()) for point in points], fit

    def recommend(self) -> list[int]:
        """Return the best measured point."""
        return self.named.recommend()


def rebuild(told: Told) -> SmacCubeSession:
    """Tell every trial to a new facade."""
    parameters = {f"x{i}": {"kind": "float", "low": 0.0, "high": 1.0} for i in range(told.d)}

    def named(rows: list[list[float]]) -> list[Point]:
        return [dict(zip(parameters, row, strict=True)) for row in rows]

    X, pending, failed = named(told.X), named(told.pending), named(told.failed)
    space = SpaceTold(parameters, [], X, told.y, pending, failed, {}, told.seed, told.exact)
    return SmacCubeSession(smac_space.rebuild(space))
