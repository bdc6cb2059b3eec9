"""Phrases about how a campaign was changed half-way."""

from collections.abc import Iterator
from datetime import UTC

from overnight.report.numbers import moment, value_text
from overnight.report.phrases.general import counted
from overnight.report.story.revisions import Revised, Revisions


def revision_text(revision: Revised) -> str:
    """Return who changed what, when and why."""
    by = "a run with a changed file" if revision.by_run else revision.by
    why = f" ({revision.why})" if revision.why else ""
    return f"revision {revision.number} by {by} at {moment(revision.at, UTC)}{why}: {changes_of(revision)}"


def changes_of(revision: Revised) -> str:
    """Return the changes of a revision in words."""
    return "; ".join(revision.changes) or "changes the evaluator or the proposer"


def revision_lines(revisions: Revisions, trials: int) -> Iterator[str]:
    """Yield the values that are fixed, the newest revision by a person, and how many trials lie outside."""
    if revisions.fixed:
        how = "fixed for this run" if revisions.fixed_by_run else "fixed"
        yield f"{how}: {', '.join(f'{name} = {value_text(value)}' for name, value in revisions.fixed.items())}"
    by_people = [each for each in revisions.revisions if not each.by_run]
    if by_people:
        yield revision_text(by_people[-1])
    if revisions.outside:
        learns = "the model learns from those nearby" if revisions.learnt else "the model ignores them"
        lie = "lies" if len(revisions.outside) == 1 else "lie"
        yield f"{len(revisions.outside)} of {counted(trials, 'trial')} {lie} outside of the present space; {learns}"
