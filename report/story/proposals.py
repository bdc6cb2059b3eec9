"""The making of the proposals: libraries, commits, time, and proposals by a stand-in."""

from collections.abc import Iterable

from overnight.campaign import History
from overnight.report.story.section import Known, Section


class Proposals(Section):
    """The making of a campaign's proposals.

    A stand-in made the trials `by_stand_in`, because the campaign's own proposer was unavailable; `unavailable` is the
    latest reason. `median_seconds` is the time that a proposal took.
    """

    by_stand_in: tuple[int, ...]
    unavailable: str | None
    median_seconds: Known
    libraries: tuple[str, ...]
    commits: tuple[str, ...]


def proposals_of(history: History) -> Proposals:
    """Return how the proposals of a campaign were made."""
    trials = [history.trials[i] for i in sorted(history.trials)]
    made = {t.id: t.proposal.provenance for t in trials if t.proposal.provenance is not None}
    stand_ins = {trial: by.asked.away for trial, by in made.items() if by.asked.stand_in}
    seconds = sorted(by.asked.seconds for by in made.values() if by.asked.seconds is not None)
    return Proposals(
        by_stand_in=tuple(stand_ins),
        unavailable=stand_ins[max(stand_ins)] if stand_ins else None,
        median_seconds=seconds[len(seconds) // 2] if seconds else None,
        libraries=_distinct(
            f"{name} {version}" for by in made.values() for name, version in by.stack.libraries.items()
        ),
        commits=_distinct(by.asked.commit for by in made.values() if by.asked.commit is not None),
    )


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
