"""All trials of a campaign: counts kept up to date equal counts from scratch."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from overnight.campaign import Measurement, Proposal, Trial
from overnight.campaign.history.trial import Attempt, Failure, Observation, Outcome, Withdrawal
from overnight.campaign.history.trials import Trials

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OUTCOMES: list[Outcome | None] = [
    None,
    Observation(attempt=1, metrics={"loss": Measurement(mean=1.0)}, seconds=1.0, ended=NOON),
    Failure(attempt=1, cause="timeout", message="too long", ended=NOON),
    Withdrawal(kind="rejected", by="ada", why="no", ended=NOON),
]


def trial(number: int, outcome: Outcome | None = None, *, attempts: int = 0, imported: bool = False) -> Trial:
    return Trial(
        id=number,
        proposal=Proposal(point={"x": 0.5}, generator="import" if imported else "sobol"),
        proposed=NOON,
        attempts=tuple(Attempt(number=i + 1, key=f"{number}/{i}", actor="c", started=NOON) for i in range(attempts)),
        outcome=outcome,
    )


@st.composite
def changes(draw: st.DrawFn) -> list[dict[int, Trial]]:
    """Draw appends: new trials, and later states of old ones that change no outcome."""
    known: dict[int, Trial] = {}
    steps = []
    for _ in range(draw(st.integers(0, 8))):
        news = {}
        for number in draw(st.lists(st.integers(1, 6), max_size=3)):
            before = news.get(number, known.get(number))
            outcome = draw(st.sampled_from(OUTCOMES)) if before is None or before.outcome is None else before.outcome
            attempts = draw(st.integers(len(before.attempts) if before else 0, 3))
            imported = before.imported if before else draw(st.booleans())
            news[number] = trial(number, outcome, attempts=attempts, imported=imported)
        known |= news
        steps.append(news)
    return steps


@given(changes())
def test_what_is_kept_is_what_counting_anew_gives(steps: list[dict[int, Trial]]) -> None:
    kept, known = Trials(), dict[int, Trial]()
    for news in steps:
        kept, known = kept.changed(news), known | news
        anew = Trials(known)
        assert kept == known
        assert (kept.last, kept.started, kept.observed, kept.open) == (
            anew.last,
            anew.started,
            anew.observed,
            anew.open,
        )
        assert kept.last == max(known, default=0)
        assert kept.started == sum(t.counted for t in known.values())
        assert {t.id for t in kept.open} == {t.id for t in known.values() if t.outcome is None}


@given(changes(), st.integers(0, 8))
def test_each_end_is_told_once_to_whoever_looks_again(steps: list[dict[int, Trial]], looked: int) -> None:
    states = [Trials()]
    for news in steps:
        states.append(states[-1].changed(news))
    before, now = states[min(looked, len(states) - 1)], states[-1]
    told = {t.id for t in now.ended_since(before)}
    had_ended = {number for number, t in before.items() if t.outcome is not None}
    assert told == {number for number, t in now.items() if t.outcome is not None} - had_ended


def test_what_was_there_before_stays_as_it_was() -> None:
    first = Trials({1: trial(1)})
    second = first.changed({1: trial(1, OUTCOMES[1], attempts=1), 2: trial(2)})
    assert [t.id for t in first.open] == [1]
    assert [t.id for t in second.open] == [2]
    assert (first.observed, second.observed) == (0, 1)


def test_the_newest_is_the_one_proposed_last() -> None:
    trials = Trials({1: trial(1), 2: trial(2)}).changed({3: trial(3)}).changed({1: trial(1, OUTCOMES[2])})
    assert [t.id for t in trials.newest_first()] == [3, 2, 1]
