"""The changes of search or recommendation that the gate judges, one named entry each."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.quality.cells import Cell
from benchmarks.quality.contestants import OwnContestant
from overnight.bo_core import BayesianProposer


def _everywhere(_: Cell) -> bool:
    return True


@dataclass(frozen=True)
class Change:
    """Two contestants; the gate asks whether `changed` is better than `base`.

    They are the same in a cell in which the change does not act, so the gate runs nothing there.
    """

    base: OwnContestant
    changed: OwnContestant
    acts_in: Callable[[Cell], bool] = _everywhere

    @property
    def shares_search(self) -> bool:
        """Return whether both run the same campaign and differ at most in the point that they recommend."""
        return (self.base.proposer, self.base.file) == (self.changed.proposer, self.changed.file)

    @property
    def described(self) -> str:
        """Return both sides as JSON, by which stored results recognise them."""
        return json.dumps([_described(self.base), _described(self.changed)], sort_keys=True)


def _has_categories(cell: Cell) -> bool:
    return any(parameter.kind == "categorical" for parameter in cell.problem.space.tuned().values())


def _described(side: OwnContestant) -> dict[str, object]:
    settings = side.proposer.model_dump(mode="json", exclude_defaults=True) | {"kind": side.proposer.kind}
    return {"proposer": settings, "anywhere": side.anywhere, "file": dict(side.file)}


# `anywhere` is the product's default, with caution (docs/decisions/0033-confirming.md).
_USUAL = OwnContestant(anywhere=True)

CHANGES = {
    "anywhere": Change(OwnContestant(anywhere=False), _USUAL),
    "averaged": Change(_USUAL, OwnContestant(BayesianProposer(hyperparameters="average"), anywhere=True)),
    "confirm": Change(_USUAL, OwnContestant(anywhere=True, file={"confirm": "auto"})),
    # It has passed, and is the product's default.
    "hamming": Change(OwnContestant(BayesianProposer(categories="one_hot"), anywhere=True), _USUAL, _has_categories),
    # So has this one.
    "robust": Change(OwnContestant(BayesianProposer(outliers="believe"), anywhere=True), _USUAL),
}
