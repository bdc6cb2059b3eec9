"""Rounds: all contestants are asked the same question of a kind in turn, and then our points are judged."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.speed.contestants import DEFAULTS
from benchmarks.speed.goals.judge import GoalJudge, Verdict
from benchmarks.speed.goals.questions import LIMITED, TWO, Kind, Known, known
from benchmarks.speed.origin import Origin
from benchmarks.speed.results import Row
from benchmarks.speed.rounds import Played, milliseconds
from benchmarks.speed.seat import Attempt, Seat
from benchmarks.speed.worker import proposer_of
from overnight.campaign.history.provenance import Provenance

# The points of other goals are not judged.
JUDGED = (LIMITED, TWO)


def play(
    kind: Kind, seats: Sequence[Seat], seeds: Sequence[int], origin: Origin, say: Callable[[str], None]
) -> Iterator[list[Row]]:
    """Warm up every contestant with a small question of this kind, then yield the rows of a round for each seed."""
    for seat in seats:
        # If this fails, the following questions fail too, with the reason.
        seat.request(asked_of(seat, kind.small, seed=0, small=True))
    for seed in seeds:
        rows = round_of(kind, seats, seed, origin)
        times = ", ".join(f"{row.contestant} {milliseconds(row.cpu_seconds)}" for row in rows)
        say(f"{kind.name} seed {seed}, ms of processor time: {times}")
        yield rows


def round_of(kind: Kind, seats: Sequence[Seat], seed: int, origin: Origin) -> list[Row]:
    """Ask every contestant, starting with a different one for each seed, then judge without timing."""
    questions = {seat.contestant.name: asked_of(seat, kind, seed) for seat in seats}
    first = seed % len(seats)
    attempts = [seat.request(questions[seat.contestant.name]) for seat in (*seats[first:], *seats[:first])]
    verdicts = _verdicts(kind, seed, attempts)
    by_name = {seat.contestant.name: seat for seat in seats}
    played = Played(kind.name, kind.cell, seed, origin)
    return [played.row(a, by_name[a.contestant], **_judged(verdicts.get(a.contestant))) for a in attempts]


def asked_of(seat: Seat, kind: Kind, seed: int, *, small: bool = False) -> dict[str, object]:
    """Return the question as a contestant is asked it; ours makes the same data from the kind's name."""
    if seat.contestant.name in DEFAULTS:
        return {"kind": kind.name, "seed": seed, "small": small}
    return {**known(kind, seed).asked_of_peers(space=kind.space), "q": 1}


def _verdicts(kind: Kind, seed: int, attempts: Sequence[Attempt]) -> Mapping[str, Verdict]:
    """Return the verdicts on our points, by contestant; none if points of this kind are not judged."""
    if kind.name not in JUDGED:
        return {}
    ours = {a.contestant: a for a in attempts if a.contestant in DEFAULTS and a.points and a.fit}
    asked = known(kind, seed)
    return {name: _verdict(asked, attempt) for name, attempt in ours.items()}


def _verdict(asked: Known, attempt: Attempt) -> Verdict:
    assert attempt.points is not None, "expected a point"
    judge = GoalJudge(asked, Provenance.model_validate(attempt.fit), proposer_of("default", "cpu"))
    return judge.verdict(asked.campaign.space.point(attempt.points[0]))


def _judged(verdict: Verdict | None) -> dict[str, float | None]:
    """Return the columns of a row that hold a verdict."""
    if verdict is None:
        return {}
    return {"acquisition": verdict.value, "acquisition_shortfall": verdict.best - verdict.value}
