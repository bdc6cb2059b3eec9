"""Phrases about the sections of a story, shared by the terminal and the page."""

from collections.abc import Iterable, Iterator
from datetime import UTC

from overnight.campaign.values.harmless import first_line
from overnight.report.numbers import duration, measured, moment, number, with_uncertainty
from overnight.report.statuses import LOOKS
from overnight.report.story.confirmation import Confirmation
from overnight.report.story.goal.best import Baseline, OfTarget, Recommended
from overnight.report.story.goal.gain import Gain
from overnight.report.story.goal.suspects import SuspectResult
from overnight.report.story.not_begun import NotBegun
from overnight.report.story.proposals import Proposals
from overnight.report.story.spent import Spent
from overnight.report.story.story import Story
from overnight.report.story.versions import Version


def sentence(text: str) -> str:
    """Return a text of a person, a rule or a machine as a sentence with one full stop."""
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


def counted(count: int, what: str) -> str:
    """Return a number of things, such as `1 trial` or `2 trials`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def trials_text(trials: Iterable[int]) -> str:
    """Return the numbers of trials in few words, such as `trials 1–4, 7`."""
    runs: list[tuple[int, int]] = []
    for trial in sorted(trials):
        if runs and runs[-1][1] == trial - 1:
            runs[-1] = runs[-1][0], trial
        else:
            runs.append((trial, trial))
    named = ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)
    return f"trial{'' if len(runs) == 1 and runs[0][0] == runs[0][1] else 's'} {named}"


def trial_counts(spent: Spent) -> Iterator[tuple[int, str]]:
    """Yield how many trials there are of each status that is shown, and its words; imported ones are apart."""
    for status, look in LOOKS.items():
        count = spent.trials[status] - (spent.imported if status == "observed" else 0)
        if count or look.always:
            # A worker of a cluster may not have taken the attempts that were sent to it.
            sent = status == "running" and count and spent.sent_to
            yield count, f"sent to {spent.sent_to}" if sent else look.words
    if spent.imported:
        yield spent.imported, "imported"


def counts_text(spent: Spent) -> str:
    """Return how many trials have been observed, and how many others there are."""
    (observed, words), *others = trial_counts(spent)
    return ", ".join([f"{observed:,} {words}", *(f"{count:,} {words}" for count, words in others if count)])


def spent_text(spent: Spent) -> str:
    """Return the evaluations and the cost, with their limits; empty if nothing limits them and no cost is known."""
    parts, limits, cost = list[str](), spent.limits, spent.cost
    if limits.evaluations is not None:
        parts.append(f"evaluations: {spent.evaluations} of {limits.evaluations}")
    if cost.charged is not None and (limits.cost is not None or cost.reported):
        limit = "" if limits.cost is None else f" of {number(limits.cost)}"
        charged = " and count as the mean" if cost.reported else ""
        unreported = f" ({cost.unreported} reported none{charged})" if cost.unreported else ""
        parts.append(f"cost: {number(cost.charged)}{limit}{unreported}")
    return ", ".join(parts)


def gain_text(gain: Gain | None, gaining: str) -> str:
    """Return the gain that one more trial is expected to bring, and whether that is enough; empty if unknown."""
    if gain is None or gain.expected is None:
        return ""
    expected = f"expected gain left: one more trial is expected to {gaining} by {gain.expected:.2g}"
    if gain.advice_only and gain.enough:
        return f"{expected}; {gain.in_a_row} times in a row it was less than {gain.limit:g}: you may stop"
    return f"{expected} (`stop_when`: {gain.limit_in_a_row} times below {gain.limit:g}, by now {gain.in_a_row})"


def confirmation_text(confirmation: Confirmation | None) -> str:
    """Return how many confirming trials are left once they have begun, or how few there were; else an empty text."""
    if confirmation is None:
        return ""
    if not confirmation.left:
        return (
            f"confirming: only {confirmation.made} of {counted(confirmation.asked or 0, 'trial')}, before the end came"
        )
    if not confirmation.begun:
        return ""
    return (
        f"confirming: {counted(confirmation.left, 'trial')} left, one after the other, each at the best point by then"
    )


def warnings(story: Story) -> Iterator[str]:
    """Yield the warnings: nothing begins, no results or reports, quarantine, glitches, stand-ins, a new evaluator."""
    failures, metric = story.failures, story.objective.metric
    if failures.not_begun is not None:
        yield not_begun_text(failures.not_begun, story.spent.sent_to)
    if failures.standstill is not None:
        yield str(failures.standstill)
    if failures.unreported:
        yield (
            f"`stop_early` has nothing to go by: none of {failures.unreported} evaluations that ended reported "
            f"{metric} during its run (docs/how-to/stopping.md)"
        )
    if failures.quarantined:
        yield (
            f"quarantined, because several of their attempts died with their workers: "
            f"{trials_text(failures.quarantined)}; no point close to these is tried"
        )
    yield from (suspect_text(suspect, metric) for suspect in story.suspects)
    yield from _stand_ins(story.proposals)
    if len(story.versions) > 1:
        yield versions_text(story.versions)


def not_begun_text(found: NotBegun, place: str | None) -> str:
    """Return that evaluations cannot begin, since when, how often that was tried, and the reason."""
    why = first_line(found.why).rstrip(".")
    return (
        f"no evaluation can begin on {place or 'this machine'}: {found.attempts} attempts in a row failed since "
        f"{moment(found.since, UTC)}, the newest of trial {found.trial}: {why}. They are repeated, at most once a "
        "minute by each worker, until this is corrected, and count as no failure of a trial"
    )


def suspect_text(suspect: SuspectResult, metric: str) -> str:
    """Return why the result of a trial does not count, and what its point gave when it was measured again."""
    expected = "" if suspect.expected is None else f" instead of {with_uncertainty(suspect.expected, suspect.sd)}"
    again = ", ".join(f"{measured(value)} (trial {trial})" for trial, value in suspect.again.items())
    repeated = f"; measured again: {again}" if again else ""
    value = measured(suspect.measurement)
    return f"trial {suspect.trial} looks like a glitch and does not count: {metric} {value}{expected}{repeated}"


def _stand_ins(proposals: Proposals) -> Iterator[str]:
    if made := proposals.by_stand_in:
        because = "" if proposals.unavailable is None else f": the last time because {proposals.unavailable}"
        yield (
            f"the proposer was unavailable for {counted(len(made), 'trial')}, and another one stood in "
            f"({trials_text(made)}){because}"
        )


def versions_text(versions: Iterable[Version]) -> str:
    """Return which trials were measured by which version of the evaluator, and the changes."""
    parts = (f"{v.digest} {trials_text(v.trials)}{changes_text(v)}" for v in versions)
    return f"the evaluator changed between trials, which were measured by different versions: {'; '.join(parts)}"


def changes_text(version: Version) -> str:
    """Return the changes of a version in brackets; empty for the first."""
    return "" if version.changes is None else f" ({version.changes})"


def where(found: Recommended) -> str:
    """Return the trial that measured the recommended configuration, or the best alternative if none has."""
    not_measured = f"not measured; the best measured is trial {found.best_measured}"
    return not_measured if found.trial is None else f"trial {found.trial}"


def made_text(found: Recommended) -> str:
    """Return when the recommendation was made, and from what."""
    recorded = found.recorded
    if recorded is None:
        return "computed now from all events"
    return f"recorded {moment(recorded.time, UTC)}, from the first {recorded.events_seen:,} events"


def recommended_words(story: Story) -> str:
    """Return the words for the recommended point, which may only be the closest one to a feasible point."""
    found = None if story.feasibility is None else story.feasibility.recommended
    return "recommended" if found is None or found.reached is not False else "closest to feasible"


def recommended_point(story: Story) -> str:
    """Return the name of the recommended point in a sentence."""
    words = recommended_words(story)
    return "recommended configuration" if words == "recommended" else f"configuration {words}"


def recommended_text(found: Recommended) -> str:
    """Return the value of the recommended configuration, with that of the metric if the value is a distance."""
    return with_uncertainty(found.mean, found.sd) + target_text(found.of_target)


def target_text(of_target: OfTarget | None) -> str:
    """Return the metric that should be close to a target, to be put after its distance; empty without one."""
    return "" if of_target is None else f" ({of_target.metric} {with_uncertainty(of_target.mean, of_target.sd)})"


def missing_text(baseline: Baseline | None) -> str | None:
    """Return why nothing can be compared with the baseline; None if it can, or if the campaign has no baseline."""
    if baseline is None or baseline.missing is None:
        return None
    trial = "" if baseline.trial is None else f" (trial {baseline.trial})"
    return f"there is no comparison with the baseline{trial}, which {baseline.missing}"


def time_left(story: Story) -> str | None:
    """Return the time that a running campaign still needs; None if that is unknown, or nothing is left to start."""
    left = story.spent.seconds_left
    return f"about {duration(round(left))}" if story.standing.state == "running" and left else None
