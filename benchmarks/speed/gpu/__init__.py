"""One command that measures everything that needs a GPU: `python -m benchmarks.speed gpu --out DIR`."""

from benchmarks.speed.gpu.command import measure_gpu
from benchmarks.speed.gpu.setting import Setting

__all__ = ["Setting", "measure_gpu"]
