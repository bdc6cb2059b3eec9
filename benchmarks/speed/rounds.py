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
        times = ", ".join(f"{row.contestant} {_milliseconds(row)}" for row in rows)
        say(f"[{done}/{len(questions)}, about {left / 60:.0f} min left] {cell} seed {seed}: {times}")
        yield rows


def round_of(seats: Sequence[Seat], cell: Cell, seed: int, origin: Origin) -> list[Row]:
    """Ask every contestant, starting with a different one for each seed, then judge without timing."""
    problem = problem_of(cell, seed)
    first = seed % len(seats)
    attempts = [seat.ask(problem) for seat in (*seats[first:], *seats[:first])]
    verdicts = Verdicts.of(problem, attempts)
    by_name = {seat.contestant.name: seat for seat in seats}
    name, date = uuid4().hex[:12], now()
    return [_row(name, date, problem, a, by_name[a.contestant], verdicts, origin) for a in attempts]


def unjudged(problem: Problem, attempt: Attempt, seat: Seat, origin: Origin) -> Row:
    """Return the row of an attempt that is not judged."""
    return _row(uuid4().hex[:12], now(), problem, attempt, seat, Verdicts(), origin)


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


def _row(
    name: str, date: str, problem: Problem, attempt: Attempt, seat: Seat, verdicts: Verdicts, origin: Origin
) -> Row:
    cell, who = problem.cell, attempt.contestant
    return Row(
        suite="grid",
        round=name,
        n=cell.n,
        d=cell.d,
        pending=cell.pending,
        q=cell.q,
        seed=problem.seed,
        contestant=who,
        seconds=attempt.seconds,
        error=attempt.error,
        objective=verdicts.objectives.get(who),
        fit_shortfall=shortfalls(verdicts.objectives).get(who),
        acquisition=verdicts.values.get(who),
        acquisition_shortfall=shortfalls(verdicts.values).get(who),
        peak_rss=attempt.peak_rss,
        others=attempt.others,
        given=seat.threads,
        threads=attempt.threads,
        points=json.dumps(attempt.points),
        fit=json.dumps(attempt.fit),
        versions=versions(seat.versions),
        machine=origin.machine,
        command=origin.command,
        commit=origin.commit,
        date=date,
        cpu_seconds=attempt.cpu_seconds,
    )


def _milliseconds(row: Row) -> str:
    return "failed" if row.seconds is None else f"{1000 * row.seconds:.0f}"
