"""Run what the gate needs of a change, resumably, and collect what is stored."""

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.quality.cells import Cell
from benchmarks.quality.changes import Change
from benchmarks.quality.gate.code import fingerprint
from benchmarks.quality.gate.pair import Pair, read_pairs, store_pair
from benchmarks.quality.gate.seeds import DEVELOPMENT, FreshBlock, FreshBlocks
from benchmarks.quality.gate.verdict import Block, block_of
from benchmarks.quality.results import Row
from benchmarks.quality.run import commit, now, results_of


class CannotConfirm(Exception):
    """The change cannot be confirmed now; the text is the reason."""


@dataclass(frozen=True)
class Gate:
    """The gate of one change: its cells, and the folder with its results and the record of fresh blocks."""

    name: str
    change: Change
    cells: Mapping[str, Cell]
    folder: Path

    @cached_property
    def blocks(self) -> FreshBlocks:
        """Return the record of fresh blocks."""
        return FreshBlocks(self.folder)

    @property
    def path(self) -> Path:
        """Return the file of the change's pairs."""
        return self.folder / f"{self.name}.parquet"

    @property
    def same(self) -> list[str]:
        """Return the cells in which the change does not act, so that nothing is run there."""
        return [name for name, cell in self.cells.items() if not self.change.acts_in(cell)]

    def development(self) -> Block:
        """Return the results on the development block, of the code and sides of its newest pair."""
        made_by = self._developed_by()
        rows = [] if made_by is None else _made_by(read_pairs(self.path), *made_by)
        return block_of(rows, list(self.cells), DEVELOPMENT, self.same)

    def confirms(self, block: FreshBlock) -> bool:
        """Return whether a fresh block has the code and sides of the development block."""
        return (block.sides, block.code) == self._developed_by()

    def _developed_by(self) -> tuple[str, str] | None:
        """Return the sides and the code of the newest pair of the development block."""
        rows = [row for row in read_pairs(self.path) if row["seed"] in DEVELOPMENT]
        newest = max(rows, key=lambda row: row["date"], default=None)
        return None if newest is None else (newest["sides"], newest["code"])

    def fresh(self, block: FreshBlock) -> Block:
        """Return the results on a fresh block."""
        rows = _made_by(read_pairs(self.path), block.sides, block.code)
        return block_of(rows, list(self.cells), block.seeds, self.same)

    def develop(self, cells: Collection[str], seeds: Collection[int], jobs: int) -> int:
        """Run the missing pairs of the development block; return how many failed."""
        return self._run(cells, [seed for seed in DEVELOPMENT if seed in seeds], jobs, shown=True)

    def confirm(self, cells: Collection[str], jobs: int, again: str | None) -> int:
        """Run the missing pairs of a fresh block without showing a result; return how many failed.

        A block whose last pair this was counts as looked at. Raises CannotConfirm.
        """
        block = self._block_to_confirm(again)
        failed = self._run(cells, block.seeds, jobs, shown=False)
        if not self.fresh(block).missing:
            self.blocks.mark_looked(block, now())
        return failed

    def _block_to_confirm(self, again: str | None) -> FreshBlock:
        """Return the block to run: the one that is not finished yet, or the next one."""
        given = self.blocks.of(self.name)
        spent = self._spent(given[-1]) if given else None
        if given and spent is None:
            return given[-1]
        if given and not again:
            raise CannotConfirm(f"{spent} Another look needs `--again WHY` and takes the next block.")
        self._must_be_developed()
        return self.blocks.open(self.name, self.change.described, fingerprint(), now(), again if given else None)

    def _spent(self, block: FreshBlock) -> str | None:
        """Return the reason why a block is not fresh for this change any more; None if it is."""
        name = f"The block {block.seeds[0]}–{block.seeds[-1]} of `{self.name}`"
        if block.looked is not None:
            return f"{name} was looked at on {block.looked}."
        if (block.sides, block.code) != (self.change.described, fingerprint()):
            return f"{name} was opened on {block.opened} for other settings or by other code."
        return None

    def _must_be_developed(self) -> None:
        rows = _made_by(read_pairs(self.path), self.change.described, fingerprint())
        found = block_of(rows, list(self.cells), DEVELOPMENT, self.same)
        if found.missing:
            raise CannotConfirm(
                f"Expected a complete development block by this code, found {found.missing} pairs missing."
            )
        if found.standing == "not better":
            raise CannotConfirm("The change is refused on the development block, so that there is nothing to confirm.")

    def _run(self, cells: Collection[str], seeds: Sequence[int], jobs: int, *, shown: bool) -> int:
        """Run the pairs that this code has not stored; seeds are the outermost loop, so that rounds are complete."""
        stored = _made_by(read_pairs(self.path), self.change.described, fingerprint())
        done = {(row["cell"], row["seed"]) for row in stored}
        wanted = [(name, seed) for seed in seeds for name in self.cells if name in cells and name not in self.same]
        pairs = [Pair(self.change, self.cells[name], seed) for name, seed in wanted if (name, seed) not in done]
        print(f"{len(pairs)} pairs to run, {len(wanted) - len(pairs)} stored", flush=True)
        failed = 0
        for count, (pair, result) in enumerate(results_of(pairs, jobs), start=1):
            what = f"[{count}/{len(pairs)}] {pair.cell.name} seed {pair.seed}"
            if isinstance(result, str):
                failed += 1
                print(f"{what} FAILED\n{result}", file=sys.stderr, flush=True)
                continue
            store_pair(self.path, {**result, "code": fingerprint(), "commit": commit(), "date": now()})
            regrets = f" {result['base_regret']:.4g} → {result['changed_regret']:.4g}" if shown else ""
            print(f"{what}:{regrets} ({result['seconds']:.1f} s)", flush=True)
        return failed


def _made_by(rows: Sequence[Row], sides: str, code: str) -> list[Row]:
    return [row for row in rows if (row["sides"], row["code"]) == (sides, code)]
