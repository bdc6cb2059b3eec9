"""Measure ours alone at n = 5000, at which the peers would take too long: seconds and peak memory of one ask."""

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.speed.contestants import ours
from benchmarks.speed.origin import Origin
from benchmarks.speed.problem import Cell, problem_of
from benchmarks.speed.results import Row
from benchmarks.speed.rounds import unjudged
from benchmarks.speed.seat import seated


def measure_large(names: Sequence[str], n: int, threads: int, limit_seconds: float) -> list[Row]:
    """Ask each of ours once, in a new process, and print its time and memory."""
    rows = []
    problem = problem_of(Cell(n, 20, 8, 1), seed=0)
    for name in names:
        with seated([ours(name, threads=threads)], threads, limit_seconds) as (seat,):
            row = replace(unjudged(problem, seat.ask(problem), seat, Origin.here()), suite="large")
        taken = row.error if row.seconds is None else f"{row.seconds:.1f} s"
        print(f"{name}, {row.cell}: {taken}, peak RSS {(row.peak_rss or 0) / 2**20:.0f} MiB", flush=True)
        rows.append(row)
    return rows
