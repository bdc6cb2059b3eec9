"""Compare ours and BoTorch on the same CUDA device, up to n = 20,000; print a notice if there is no device."""

import sys
from collections.abc import Sequence
from dataclasses import replace

import torch

from benchmarks.speed.contestants import BOTORCH, MAP_COLD, MAP_WARM, Contestant, ours
from benchmarks.speed.origin import Origin
from benchmarks.speed.problem import Cell, problem_of
from benchmarks.speed.results import Row
from benchmarks.speed.rounds import measured
from benchmarks.speed.seat import seated

_D, _PENDING, _THREADS = 20, 8, 2


def measure_gpu(sizes: Sequence[int], limit_seconds: float) -> list[Row]:
    """Ask each contestant in turn at each size; return an empty list if no CUDA device is found."""
    if not torch.cuda.is_available():
        print("No CUDA device was found; the table says `not yet measured`.")
        return []
    origin = replace(Origin.here(), machine=torch.cuda.get_device_name())
    rival = Contestant(BOTORCH, (sys.executable, "-m", "benchmarks.speed.botorch_on_cuda"))
    names = [ours(MAP_COLD, "cuda"), ours(MAP_WARM, "cuda"), rival]
    rows = []
    with seated(names, _THREADS, limit_seconds) as seats:
        for n in sizes:
            problem = problem_of(Cell(n, _D, _PENDING, 1), seed=0)
            for seat in seats:
                row = replace(measured(seat, problem, origin), suite="gpu")
                print(f"n = {n}, {row.contestant}: {row.error or f'{row.seconds:.2f} s'}", flush=True)
                rows.append(row)
    return rows
