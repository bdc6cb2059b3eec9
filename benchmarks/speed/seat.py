"""A contestant's process in a run, started at its first ask and restarted after it dies."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import Asked, PeerDied, PeerFailure, PeerProcess, Question
from benchmarks.speed.contestants import Contestant
from benchmarks.speed.problem import Problem
from benchmarks.speed.watch import Watch

# Idle OpenMP threads keep spinning for a while after an ask and would slow the next contestant.
REST_SECONDS = 0.3


@dataclass(frozen=True)
class Attempt:
    """The result of one ask; if it failed, `seconds` is None and `error` holds the reason."""

    contestant: str
    seconds: float | None = None
    points: list[Any] | None = None
    fit: dict[str, Any] | None = None
    threads: int | None = None
    peak_rss: int | None = None
    others: float | None = None
    error: str = ""
    cpu_seconds: float | None = None


class Seat:
    """One contestant's process."""

    def __init__(self, contestant: Contestant, threads: int, limit_seconds: float) -> None:
        self.contestant, self.threads = contestant, threads
        self._limit_seconds = limit_seconds
        self._process: PeerProcess | None = None
        self.versions: dict[str, str] = {}

    def ask(self, problem: Problem) -> Attempt:
        """Ask about a problem of the grid."""
        question = Question(problem.cell.d, problem.X, problem.y, problem.pending, seed=problem.seed)
        return self.request({**question.as_json(), "q": problem.cell.q})

    def request(self, question: Mapping[str, Any]) -> Attempt:
        """Ask once, after a rest; a failure is an answer too."""
        name = self.contestant.name
        try:
            process = self._started()
            time.sleep(REST_SECONDS)
            watch = Watch(process.pid)
            asked = Asked(**process.request({"op": "ask", **question}))
            peak, others = watch.peak_rss(), watch.others()
            return Attempt(
                name, asked.seconds, asked.points, asked.fit, asked.threads, peak, others, cpu_seconds=asked.cpu_seconds
            )
        except PeerFailure as failure:
            return Attempt(name, error=str(failure))
        except PeerDied as death:
            self.close()
            return Attempt(name, error=str(death))

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.__exit__(None, None, None)
            self._process = None

    def _started(self) -> PeerProcess:
        if self._process is None:
            self._process = PeerProcess(self.contestant.command, self.threads, self._limit_seconds).__enter__()
            self.versions = self._process.versions()
        return self._process


@contextmanager
def seated(contestants: Sequence[Contestant], threads: int, limit_seconds: float) -> Iterator[list[Seat]]:
    """Yield a seat for every contestant, and end all processes afterwards."""
    with ExitStack() as stack:
        seats = [Seat(contestant, threads, limit_seconds) for contestant in contestants]
        for seat in seats:
            stack.callback(seat.close)
        yield seats
