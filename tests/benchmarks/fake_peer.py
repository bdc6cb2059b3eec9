"""A peer without a library: it speaks the protocol, and fails or hangs on request."""

import sys
import time

from told import Fit, Told

PACKAGES = ("pytest",)


class FakeSession:
    def __init__(self, told: Told):
        self.told = told

    def ask(self, q: int) -> tuple[list[list[float]], Fit | None]:
        sys.stdout.write("noise that a library prints\n")
        if self.told.seed == 13:
            raise ValueError("no luck")
        if self.told.seed == 14:
            time.sleep(60)
        if self.told.seed == 15:
            raise SystemExit(3)
        points = [*self.told.pending, *self.told.failed]
        return [points[i % len(points)] for i in range(q)], Fit([0.5] * self.told.d, 0.01, 0.0)

    def recommend(self) -> list[int]:
        return self.told.best_measured()


def rebuild(told: Told) -> FakeSession:
    return FakeSession(told)
