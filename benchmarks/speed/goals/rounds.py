"""Rounds: all contestants are asked the same question about a goal in turn, and then our points are judged."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from uuid import uuid4

from benchmarks.speed.contestants import DEFAULT_COLD, DEFAULT_WARM
from benchmarks.speed.goals.judge import GoalJudge, Verdict
from benchmarks.speed.goals.questions import LIMITED, TWO, Goal, Known, known
from benchmarks.speed.origin import Origin, now, versions
from benchmarks.speed.results import Row
from benchmarks.speed.seat import Attempt, Seat
from benchmarks.speed.worker import proposer_of
from overnight.campaign.history.provenance import Provenance

OURS = (DEFAULT_COLD, DEFAULT_WARM)
# The points of other goals are not judged.
JUDGED = (LIMITED, TWO)


def play(
    goal: Goal, seats: Sequence[Seat], seeds: Sequence[int], origin: Origin, say: Callable[[str], None]
) -> Iterator[list[Row]]:
    """Warm up every contestant with a small question of this goal, then yield the rows of a round for each seed."""
    for seat in seats:
        # If this fails, the following questions fail too, with the reason.
        seat.request(asked_of(seat, goal.small, seed=0, small=True))
    for seed in seeds:
        rows = round_of(goal, seats, seed, origin)
        times = ", ".join(f"{row.contestant} {_milliseconds(row.cpu_seconds)}" for row in rows)
        say(f"{goal.name} seed {seed}, ms of processor time: {times}")
        yield rows


def round_of(goal: Goal, seats: Sequence[Seat], seed: int, origin: Origin) -> list[Row]:
    """Ask every contestant, starting with a different one for each seed, then judge without timing."""
    questions = {seat.contestant.name: asked_of(seat, goal, seed) for seat in seats}
    first = seed % len(seats)
    attempts = [seat.request(questions[seat.contestant.name]) for seat in (*seats[first:], *seats[:first])]
    verdicts = _verdicts(goal, seed, attempts)
    by_name = {seat.contestant.name: seat for seat in seats}
    name, date = uuid4().hex[:12], now()
    return [
        _row(name, date, goal, seed, a, by_name[a.contestant], verdicts.get(a.contestant), origin) for a in attempts
    ]


def asked_of(seat: Seat, goal: Goal, seed: int, *, small: bool = False) -> dict[str, object]:
    """Return the question as a contestant is asked it; ours makes the same data from the name of the goal."""
    if seat.contestant.name in OURS:
        return {"goal": goal.name, "seed": seed, "small": small}
    return {**known(goal, seed).asked_of_peers(space=goal.space), "q": 1}


def _verdicts(goal: Goal, seed: int, attempts: Sequence[Attempt]) -> Mapping[str, Verdict]:
    """Return the verdicts on our points, by contestant; none if points of this goal are not judged."""
    if goal.name not in JUDGED:
        return {}
    ours = {a.contestant: a for a in attempts if a.contestant in OURS and a.points and a.fit}
    asked = known(goal, seed)
    return {name: _verdict(asked, attempt) for name, attempt in ours.items()}


def _verdict(asked: Known, attempt: Attempt) -> Verdict:
    assert attempt.points is not None, "expected a point"
    judge = GoalJudge(asked, Provenance.model_validate(attempt.fit), proposer_of("default", "cpu"))
    return judge.verdict(asked.campaign.space.point(attempt.points[0]))


def _row(
    name: str, date: str, goal: Goal, seed: int, attempt: Attempt, seat: Seat, verdict: Verdict | None, origin: Origin
) -> Row:
    cell = goal.cell
    return Row(
        suite=goal.name,
        round=name,
        n=cell.n,
        d=cell.d,
        pending=cell.pending,
        q=cell.q,
        seed=seed,
        contestant=attempt.contestant,
        seconds=attempt.seconds,
        error=attempt.error,
        objective=None,
        fit_shortfall=None,
        acquisition=None if verdict is None else verdict.value,
        acquisition_shortfall=None if verdict is None else verdict.best - verdict.value,
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


def _milliseconds(seconds: float | None) -> str:
    return "failed" if seconds is None else f"{1000 * seconds:.0f}"
