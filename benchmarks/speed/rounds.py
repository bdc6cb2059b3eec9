"""Rounds: in each, all contestants are asked the same question in turn, and then all are judged."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import numpy as np

from benchmarks.speed.contestants import SAME_MODEL
from benchmarks.speed.judge import Fit, Judge, shortfalls
from benchmarks.speed.origin import Origin, now, versions
from benchmarks.speed.problem import Cell, Problem, problem_of
from benchmarks.speed.results import Row
from benchmarks.speed.seat import Attempt, Seat

Question = tuple[Cell, int]


def play(
    seats: Sequence[Seat], questions: Sequence[Question], origin: Origin, say: Callable[[str], None]
) -> Iterator[list[Row]]:
    """Play a round for each question and yield its rows; report the progress and the estimated time left."""
    taken: dict[Cell, list[float]] = {}
    for done, (cell, seed) in enumerate(questions, start=1):
        began = time.monotonic()
        rows = round_of(seats, cell, seed, origin)
        taken.setdefault(cell, []).append(time.monotonic() - began)
        left = sum(expected_seconds(cell, taken) for cell, _ in questions[done:])
        times = ", ".join(f"{row.contestant} {milliseconds(row.seconds)}" for row in rows)
        say(f"[{done}/{len(questions)}, about {left / 60:.0f} min left] {cell} seed {seed}: {times}")
        yield rows


def round_of(seats: Sequence[Seat], cell: Cell, seed: int, origin: Origin) -> list[Row]:
    """Ask every contestant, starting with a different one for each seed, then judge without timing."""
    problem = problem_of(cell, seed)
    first = seed % len(seats)
    attempts = [seat.ask(problem) for seat in (*seats[first:], *seats[:first])]
    verdicts = Verdicts.of(problem, attempts)
    by_name = {seat.contestant.name: seat for seat in seats}
    played = Played("grid", cell, seed, origin)
    return [played.row(a, by_name[a.contestant], **verdicts.on(a.contestant)) for a in attempts]


def unjudged(problem: Problem, attempt: Attempt, seat: Seat, origin: Origin) -> Row:
    """Return the row of an attempt that is not judged."""
    return Played("grid", problem.cell, problem.seed, origin).row(attempt, seat)


@dataclass(frozen=True)
class Verdicts:
    """The judge's results for a round: objectives of contestants with the same model, and values of all batches."""

    objectives: Mapping[str, float] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem, attempts: Sequence[Attempt]) -> "Verdicts":
        """Judge the fits, then judge the batches on the model of the best fit."""
        judge = Judge(problem)
        fits = {a.contestant: _judged(a) for a in attempts if a.fit is not None and a.contestant in SAME_MODEL}
        if not fits:
            return cls()
        objectives = {name: judge.objective(fit) for name, fit in fits.items()}
        best = max(objectives, key=objectives.__getitem__)
        batches = {a.contestant: np.array(a.points) for a in attempts if a.points is not None}
        return cls(objectives, judge.batch_values(fits[best], batches))

    def on(self, contestant: str) -> dict[str, float | None]:
        """Return the columns of a contestant's row that hold its verdicts."""
        return {
            "objective": self.objectives.get(contestant),
            "fit_shortfall": shortfalls(self.objectives).get(contestant),
            "acquisition": self.values.get(contestant),
            "acquisition_shortfall": shortfalls(self.values).get(contestant),
        }


def expected_seconds(cell: Cell, taken: dict[Cell, list[float]]) -> float:
    """Return how long a round may take: as long as an earlier one, or as one of the nearest size, scaled."""
    if cell in taken:
        return sum(taken[cell]) / len(taken[cell])
    nearest = min(taken, key=lambda other: (abs(np.log(other.n / cell.n)), other.d != cell.d, abs(other.q - cell.q)))
    scale = (cell.n / nearest.n) ** 1.5 * (cell.q / nearest.q) ** 0.7
    return scale * sum(taken[nearest]) / len(taken[nearest])


def _judged(attempt: Attempt) -> Fit:
    """Convert a fit: the protocol's mean is for outcomes to minimise, the judge's for outcomes to maximise."""
    fit = attempt.fit
    assert fit is not None
    return Fit(fit["lengthscales"], fit["noise"], None if fit["mean"] is None else -fit["mean"])


@dataclass(frozen=True)
class Played:
    """A round that has been played: the question that all were asked, and when and where that was."""

    suite: str
    cell: Cell
    seed: int
    origin: Origin
    name: str = field(default_factory=lambda: uuid4().hex[:12])
    date: str = field(default_factory=now)

    def row(self, attempt: Attempt, seat: Seat, **judged: float | None) -> Row:
        """Return the row of an attempt; columns that a judge fills are None unless they are `judged`."""
        unjudged = dict.fromkeys(("objective", "fit_shortfall", "acquisition", "acquisition_shortfall"))
        return Row(
            suite=self.suite,
            round=self.name,
            n=self.cell.n,
            d=self.cell.d,
            pending=self.cell.pending,
            q=self.cell.q,
            seed=self.seed,
            contestant=attempt.contestant,
            seconds=attempt.seconds,
            error=attempt.error,
            peak_rss=attempt.peak_rss,
            others=attempt.others,
            given=seat.threads,
            threads=attempt.threads,
            points=json.dumps(attempt.points),
            fit=json.dumps(attempt.fit),
            versions=versions(seat.versions),
            machine=self.origin.machine,
            command=self.origin.command,
            commit=self.origin.commit,
            date=self.date,
            cpu_seconds=attempt.cpu_seconds,
            **unjudged | judged,
        )


def milliseconds(seconds: float | None) -> str:
    """Return a time for the line of a round."""
    return "failed" if seconds is None else f"{1000 * seconds:.0f}"
