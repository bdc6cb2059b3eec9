"""Measure false and missed claims of A/B tests, minutes on two cores: `python -m benchmarks.experiments`.

Campaigns run in virtual time, with the product's own rules at each daily look. Arms drift from batch to batch and from
day to day. False claims come from campaigns in which no arm differs from the status quo. A campaign counts as powerful
if it calls an arm better that is. The rules that it is compared with have the same number of batches.
"""

import argparse
import math
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from benchmarks.experiments.design import DESIGNS, OTHERS, Design
from benchmarks.experiments.rare import RARE, ended
from benchmarks.experiments.rivals import claimed, rivals, z_values
from benchmarks.experiments.virtual import VirtualTest

_RESULTS = Path(__file__).parents[1] / "results" / "experiments" / "tables.md"
_MANY = 20_000
_CANDIDATES = 3


@dataclass(frozen=True)
class World:
    """True effects of the arms, in standard deviations of one unit: the same for `good` of them, or all `spread`."""

    name: str
    good: float = 0.0
    spread: float = 0.0

    def effects(self, random: np.random.Generator) -> NDArray[np.float64]:
        """Return the effects of the arms other than the status quo."""
        if self.spread:
            return self.spread * random.standard_normal(OTHERS)
        return np.array([self.good, *[0.0] * (OTHERS - 1)])


_NO_EFFECT = World("no arm differs")
_WORLDS = (
    *(World(f"one arm is better by {size:g}", good=size) for size in (0.006, 0.009, 0.012, 0.018, 0.024)),
    *(World(f"effects of all arms ~ N(0, {size:g}²)", spread=size) for size in (0.004, 0.008, 0.016)),
)


def main() -> None:
    """Measure, print and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--campaigns", type=int, default=1000, help="campaigns in which no arm differs, for each design"
    )
    parser.add_argument("--powerful", type=int, default=200, help="campaigns for each design and effect")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, default=_RESULTS, help="the file of the tables")
    asked = parser.parse_args()
    began = time.monotonic()
    lines = []
    with ProcessPoolExecutor(asked.jobs) as pool:
        parts = _false(pool, asked.campaigns), _rare(pool, asked.campaigns), _power(pool, asked.powerful)
        for line in chain(parts[0], [""], parts[1], [""], parts[2]):
            print(line, flush=True)
            lines.append(line)
    print(f"\n{time.monotonic() - began:.0f} s")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text("\n".join(["# A/B tests: false and missed claims", "", *lines, ""]))


def ours(seed: int, design: Design, world: World, candidates: int) -> tuple[bool, bool, bool]:
    """Return whether a campaign calls an arm better that is, and one that is not: as the product does, and at all.

    The product tries the next candidate only if the one before was rolled back.
    """
    random = np.random.default_rng([seed, design.total])
    effects = np.concatenate([[0.0], world.effects(random)])
    tried = VirtualTest(design, effects, random).run(candidates).candidates
    product = [*takewhile(lambda each: each.state == "rolled back", tried)]
    product += tried[len(product) : len(product) + 1]
    true, false = (
        [each for each in tried if each.better_at is not None and (effects[int(each.point["arm"])] > 0) == wanted]
        for wanted in (True, False)
    )
    return any(each in product for each in true), any(each in product for each in false), bool(false)


def _run(
    pool: ProcessPoolExecutor, design: Design, world: World, campaigns: int, candidates: int
) -> NDArray[np.float64]:
    """Return the share of campaigns with each kind of claim, as `ours` lists them."""
    one = partial(ours, design=design, world=world, candidates=candidates)
    return np.array(list(pool.map(one, range(campaigns), chunksize=20))).mean(0)


def _rivals(design: Design, world: World) -> list[tuple[float, float]]:
    """Return each rival's shares of campaigns with a true and with a false claim."""
    random = np.random.default_rng(design.total)
    effects = np.array([world.effects(random) for _ in range(_MANY)])
    found = [(0, 0)] * len(rivals(design))
    for part in np.array_split(effects, 40):
        z = z_values(part, design, random)
        for place, rival in enumerate(rivals(design)):
            better = claimed(rival, z)
            true, false = found[place]
            found[place] = (
                true + int((better & (part > 0)).any(1).sum()),
                false + int((better & (part <= 0)).any(1).sum()),
            )
    return [(true / _MANY, false / _MANY) for true, false in found]


def _false(pool: ProcessPoolExecutor, campaigns: int) -> Iterator[str]:
    yield f"False claims where no arm differs: {campaigns} campaigns of each design, 95 % intervals (Clopper-Pearson)."
    yield "The product tries the next candidate only if the one before was rolled back. In the second column, three"
    yield f"candidates are tried to their end, whatever they give. Simpler rules: {_MANY} campaigns."
    yield ""
    names = [rival.name for rival in rivals(DESIGNS[0])]
    yield _row("design", "ours", f"ours, always {_CANDIDATES} candidates", *names)
    yield _row(*["---"] * (3 + len(names)))
    for design in DESIGNS:
        _, *shares = _run(pool, design, _NO_EFFECT, campaigns, _CANDIDATES)
        own = (_with_interval(round(share * campaigns), campaigns) for share in shares)
        others = (f"{false:.1%}" for _, false in _rivals(design, _NO_EFFECT))
        yield _row(design.name, *own, *others)


def _rare(pool: ProcessPoolExecutor, campaigns: int) -> Iterator[str]:
    yield f"Rare events: {campaigns} candidates that differ in nothing, with seven looks in each stage."
    yield ""
    yield _row("rate, traffic and stages", "falsely called better", "stopped by a look or by a result")
    yield _row(*["---"] * 3)
    for rare in RARE:
        states = list(pool.map(partial(ended, rare=rare), range(campaigns), chunksize=20))
        counts = states.count("confirmed"), states.count("rolled back")
        yield _row(rare.name, *(_with_interval(count, campaigns) for count in counts))


def _power(pool: ProcessPoolExecutor, campaigns: int) -> Iterator[str]:
    yield f"True claims at equal traffic: the share of {campaigns} campaigns that call an arm better that is, with one"
    yield "candidate each; in brackets the standard error."
    yield ""
    names = [rival.name for rival in rivals(DESIGNS[0])][:2]
    yield _row("design", "effects, in standard deviations of one unit", "ours", *names)
    yield _row(*["---"] * (3 + len(names)))
    for design in DESIGNS:
        for world in _WORLDS:
            share = _run(pool, design, world, campaigns, 1)[0]
            error = math.sqrt(share * (1 - share) / campaigns)
            others = (f"{true:.0%}" for true, _ in _rivals(design, world)[: len(names)])
            yield _row(design.name, world.name, f"{share:.0%} ({error:.1%})", *others)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _with_interval(count: int, of: int) -> str:
    low = 0.0 if count == 0 else float(beta.ppf(0.025, count, of - count + 1))
    high = 1.0 if count == of else float(beta.ppf(0.975, count + 1, of - count))
    return f"{count / of:.1%} [{low:.1%}, {high:.1%}]"


if __name__ == "__main__":
    main()
