"""Time appends of one event and print the figures as JSON, for all storage peers."""

import json
import time
from collections.abc import Callable
from statistics import median

NEAR = 100


def tell(append: Callable[[str], None], read: Callable[[], int], commits: int) -> None:
    """Append the given number of events, read them back, and print the times."""
    taken = []
    for number in range(commits):
        body = json.dumps(
            {"kind": "trial_observed", "trial": number, "metrics": {"loss": number / 7}, "padding": "x" * 300}
        )
        began = time.perf_counter()
        append(body)
        taken.append(time.perf_counter() - began)
    figures = {
        f"append of one event, median of the {NEAR} before commit {commit:,}": (
            f"{1e3 * median(taken[max(commit - NEAR, 0) : commit]):.1f} ms"
        )
        for commit in (100, 1_000, 10_000)
        if commit <= commits
    }
    began = time.perf_counter()
    count = read()
    figures[f"reading {count:,} events in as many commits"] = f"{time.perf_counter() - began:.2f} s"
    print(json.dumps(figures))
