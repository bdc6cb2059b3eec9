"""A batch of an A/B test on real work: requests for pages, each compressed with the settings of its arm.

The pages are sources of Python's standard library. Requests come in random order, so all arms work at the same time.
"""

import random
import sysconfig
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOOKS = 4
# Python's zlib does not name the first one.
STRATEGIES = {"default": 0, "filtered": zlib.Z_FILTERED, "rle": zlib.Z_RLE}


def run(arms: list[dict[str, Any]], seed: int, report: Callable[[int, Any], None]) -> dict[str, Any]:
    """Serve the traffic of a batch; report the metrics of all arms four times on the way, and return them."""
    pages = _pages()
    chance = random.Random(seed)
    requests = [arm for arm in arms for _ in range(arm["traffic"])]
    chance.shuffle(requests)
    served: dict[str, dict[str, list[float]]] = {str(arm["trial"]): {"cpu_ms": [], "size_ratio": []} for arm in arms}
    for count, arm in enumerate(requests, start=1):
        began = time.process_time_ns()
        page = chance.choice(pages)
        size = _compressed(page, **arm["parameters"])
        found = served[str(arm["trial"])]
        found["cpu_ms"].append((time.process_time_ns() - began) / 1e6)
        found["size_ratio"].append(size / len(page))
        if count % -(-len(requests) // LOOKS) == 0:
            report(count * LOOKS // len(requests), {"arms": _measured(served)})
    return {"arms": _measured(served)}


def _pages() -> list[bytes]:
    sources = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    return [source.read_bytes()[:30_000] for source in sources if source.stat().st_size > 5_000]


def _compressed(page: bytes, level: int, mem_level: int, strategy: str) -> int:
    packer = zlib.compressobj(level, zlib.DEFLATED, 15, mem_level, STRATEGIES[strategy])
    return len(packer.compress(page)) + len(packer.flush())


def _measured(served: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Return the mean of each metric over the requests of each arm, with its standard error."""
    return {arm: {name: _mean(values) for name, values in found.items()} for arm, found in served.items()}


def _mean(values: list[float]) -> dict[str, float]:
    n = len(values)
    mean = sum(values) / n
    variance = sum((value - mean) ** 2 for value in values) / max(n - 1, 1)
    return {"mean": mean, "sem": (variance / n) ** 0.5, "n": n}
