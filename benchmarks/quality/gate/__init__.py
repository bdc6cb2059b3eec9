"""The gate for changes of search or recommendation (docs/decisions/0032-a-gate-that-luck-cannot-pass.md).

It may import the rest of the quality benchmark.
"""

from benchmarks.quality.gate.gate import CannotConfirm, Gate
from benchmarks.quality.gate.report import report

__all__ = ["CannotConfirm", "Gate", "report"]
