"""Misses of a page cache that keeps pages requested once apart from those requested again.

A page enters the probation segment. After `promote` more requests it moves to the protected one, which scans cannot
flush. A page that comes back soon after its eviction is remembered, and enters the protected segment at once. Requests
are drawn with fixed seeds, so the same parameters always give the same misses.
"""

import random
from bisect import bisect
from collections import OrderedDict
from itertools import accumulate, islice

PAGES, CACHE, REQUESTS = 3000, 300, 20_000


def evaluate(params: dict) -> float:
    """Return the share of requests that miss the cache, in per cent."""
    cache = Cache(params["probation"], params["promote"], params["remembered"])
    missed = sum(not cache.has(page) for page in islice(requests(params["workload"]), REQUESTS))
    return 100 * missed / REQUESTS


def requests(workload: str):
    """Yield the pages that a workload requests; those with small numbers are requested often."""
    drawn, often, moved = random.Random(workload), 0.8 if workload == "oltp" else 1.0, 0
    weights = [*accumulate(1 / rank**often for rank in range(1, PAGES + 1))]
    while True:
        if workload == "oltp":
            # Which rows are popular changes slowly.
            moved += drawn.random() < 0.01
        elif drawn.random() < 0.004:
            # A report reads a table from one end to the other.
            first = drawn.randrange(0, PAGES, 250)
            yield from range(first, first + 250)
        yield (bisect(weights, drawn.random() * weights[-1]) + moved) % PAGES


class Cache:
    """A segmented cache of least recently used pages."""

    def __init__(self, probation: float, promote: int, remembered: float) -> None:
        self.promote, self.places = promote, max(round(probation * CACHE), 1)
        self.once: OrderedDict[int, int] = OrderedDict()
        self.again: OrderedDict[int, None] = OrderedDict()
        self.gone: OrderedDict[int, None] = OrderedDict()
        self.most_gone = round(remembered * CACHE)

    def has(self, page: int) -> bool:
        """Return whether a page is cached, and take it in."""
        if page in self.again:
            self.again.move_to_end(page)
            return True
        if page in self.once:
            self.once[page] += 1
            self.once.move_to_end(page)
            if self.once[page] > self.promote:
                del self.once[page]
                self.protect(page)
            return True
        if self.gone.pop(page, page) is None:
            self.protect(page)
        else:
            self.once[page] = 1
        while len(self.once) + len(self.again) > CACHE or len(self.once) > self.places:
            evicted, _ = (self.once or self.again).popitem(last=False)
            self.gone[evicted] = None
            while len(self.gone) > self.most_gone:
                self.gone.popitem(last=False)
        return False

    def protect(self, page: int) -> None:
        """Add a page to the protected segment; the one that was requested longest ago goes back on probation."""
        self.again[page] = None
        if len(self.again) > CACHE - self.places:
            back, _ = self.again.popitem(last=False)
            self.once[back] = 1
