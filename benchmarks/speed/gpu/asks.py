"""Time asks of ours and of BoTorch on one device, sizes in ascending order, up to n = 20,000."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.speed.contestants import (
    BOTORCH,
    DEFAULT_COLD,
    DEFAULT_WARM,
    MAP_COLD,
    MAP_WARM,
    Contestant,
)
from benchmarks.speed.gpu.lines import Line
from benchmarks.speed.gpu.setting import Findings, Setting, release_memory, wait_for_device
from benchmarks.speed.origin import Origin, versions
from benchmarks.speed.problem import Cell, Problem, problem_of
from benchmarks.speed.results import Row
from benchmarks.speed.rounds import unjudged
from benchmarks.speed.seat import Attempt, Seat, seated
from benchmarks.speed.told import Told, told_history
from benchmarks.speed.worker import WARM_UP, proposer_of
from overnight.bo_core.propose import propose
from overnight.campaign import Proposal

_D, _PENDING = 20, 8
_MODES = {"map": (MAP_COLD, MAP_WARM), "default": (DEFAULT_COLD, DEFAULT_WARM)}
# An ask that is expected to need more than this share of the time left is not begun.
_SHARE = 0.9
_LONGEST = 300
_PART, _LIMIT = "asks", "the limit for a start or an ask"


def ask_times(setting: Setting) -> Findings:
    """Yield a row for each contestant and size, and how many times as fast as BoTorch each of ours is.

    Ours are asked in this process. The cold ask knows n − 1 results; with its provenance the warm one knows n. So a
    size needs no third ask, and at these sizes one result makes no difference to the time. BoTorch runs in a process of
    its own, which is killed if an ask takes too long; it is then not asked at larger sizes.
    """
    origin = setting.origin()
    rival = Contestant(BOTORCH, (sys.executable, "-m", "benchmarks.speed.gpu.botorch_asks", "--device", setting.device))
    for mode in _MODES:
        list(both_asks(Told.of({**WARM_UP}), mode, setting))
    with seated([rival], setting.threads, setting.rival_seconds) as (seat,):
        asked = Asks(setting, seat)
        for n in sorted(setting.sizes):
            problem = problem_of(Cell(n, _D, _PENDING, 1), seed=0)
            for attempt in asked.at(problem):
                yield _row(problem, attempt, seat, origin)
    yield from _comparison(asked.seconds, setting)


class Asks:
    """The seconds of each contestant at the sizes so far; they decide what is still asked."""

    def __init__(self, setting: Setting, seat: Seat) -> None:
        self.setting, self.seat = setting, seat
        self.seconds: dict[tuple[str, int], float] = {}
        self.given_up = ""

    def at(self, problem: Problem) -> Iterator[Attempt]:
        """Yield an attempt of every contestant."""
        n = problem.cell.n
        for mode, names in _MODES.items():
            for attempt in self._ours(problem, mode, names):
                self._remember(attempt, n)
                yield attempt
        attempt = self._rival(problem)
        self._remember(attempt, n)
        yield attempt

    def _ours(self, problem: Problem, mode: str, names: tuple[str, str]) -> Iterator[Attempt]:
        expected, left = self._expected(names, problem.cell.n), self.setting.left
        if expected > _SHARE * left:
            why = f"not asked: about {expected:.0f} s expected, {left:.0f} s left"
            yield from (Attempt(name, error=why) for name in names)
            return
        question = {"X": problem.X.tolist(), "y": problem.y.tolist(), "pending": problem.pending.tolist()}
        asks = both_asks(Told.of({**question, "d": problem.cell.d, "q": 1, "seed": problem.seed}), mode, self.setting)
        for name in names:
            try:
                ask = next(asks)
            except Exception as raised:
                yield Attempt(name, error=f"{type(raised).__name__}: {raised}"[:_LONGEST])
                break
            yield Attempt(name, ask.seconds, [ask.point], threads=ask.threads)
        release_memory(self.setting)

    def _rival(self, problem: Problem) -> Attempt:
        name, limit = self.seat.contestant.name, self.setting.rival_seconds
        if self.given_up:
            return Attempt(name, error=self.given_up)
        if self.setting.left < limit:
            return Attempt(name, error=f"not asked: {self.setting.left:.0f} s left, less than the limit for an ask")
        attempt = self.seat.ask(problem)
        if attempt.seconds is None:
            self.given_up = f"not asked: given up on at n = {problem.cell.n}"
            # A process that has run out of memory may still hold most of the card's.
            self.seat.close()
            if "ended with -9" in attempt.error:
                return replace(attempt, error=f"no answer within {limit:.0f} s, {_LIMIT}")
        return attempt

    def _expected(self, names: tuple[str, str], n: int) -> float:
        """Return the seconds of both asks if time grows as n²; 0 if nothing is known.

        Small sizes take the time of their kernel launches, large ones that of factorisations, which grows as n³.
        """
        known = [at for name, at in self.seconds if name == names[0]]
        if not known:
            return 0.0
        last = max(known)
        return (n / last) ** 2 * sum(self.seconds.get((name, last), 0.0) for name in names)

    def _remember(self, attempt: Attempt, n: int) -> None:
        if attempt.seconds is not None:
            self.seconds[attempt.contestant, n] = attempt.seconds


@dataclass(frozen=True)
class Ask:
    """One of our asks: its seconds, the proposed point, and the CPU threads that it used."""

    seconds: float
    point: list[float]
    threads: int | None


def both_asks(told: Told, mode: str, setting: Setting) -> Iterator[Ask]:
    """Yield the cold ask with one result fewer, then the warm one."""
    last = None
    for known in (told.with_the_last_one_pending(), told):
        last, ask = _timed(known, last, mode, setting)
        yield ask


def _timed(told: Told, last: Proposal | None, mode: str, setting: Setting) -> tuple[Proposal, Ask]:
    """Return a proposal and its ask; `last` is the last proposal of the model."""
    history = told_history(told, None if last is None else last.provenance)
    proposer = proposer_of(mode, setting.device)
    began = time.perf_counter()
    [proposal] = propose(told.campaign, history, proposer, 1)
    wait_for_device(setting)
    seconds = time.perf_counter() - began
    made = proposal.provenance
    assert made is not None
    assert made.stack.device == setting.device, f"it was computed on {made.stack.device}: {made.asked.away}"
    point = [float(proposal.point[name]) for name in sorted(proposal.point)]
    return proposal, Ask(seconds, point, made.stack.threads)


def _row(problem: Problem, attempt: Attempt, seat: Seat, origin: Origin) -> Row:
    row = replace(unjudged(problem, attempt, seat, origin), suite="gpu")
    return row if attempt.contestant == seat.contestant.name else replace(row, versions=versions({}))


def _comparison(seconds: dict[tuple[str, int], float], setting: Setting) -> Iterator[Line]:
    """Yield for each size and each of ours how many times as fast as BoTorch it is."""
    for n in sorted(setting.sizes):
        for name in (name for names in _MODES.values() for name in names):
            what = f"{name} at n = {n:,}, times as fast as BoTorch"
            mine, theirs = seconds.get((name, n)), seconds.get((BOTORCH, n))
            if mine is None:
                yield Line(_PART, what, "not measured", "an answer", held=False)
            elif theirs is None:
                yield Line(_PART, what, f"{mine:.3g} s; BoTorch gave no answer", "an answer", held=True)
            else:
                yield Line(_PART, what, f"{theirs / mine:.3g} ({mine:.3g} s)", "≥ 1", held=theirs >= mine)
