"""The state and the result of a campaign, as lines of text for a terminal."""

from collections.abc import Iterator

from overnight.campaign import Campaign
from overnight.campaign.evaluation import cause_text
from overnight.campaign.values.harmless import first_line
from overnight.report.numbers import measured, probability, with_uncertainty
from overnight.report.phrases.constraints import (
    baseline_text,
    belief_lines,
    contradictions,
    feasible_text,
    limit_lines,
    reached_text,
)
from overnight.report.phrases.experiment import (
    arm_lines,
    best_arm_text,
    recommended_instead,
    traffic_text,
    where_measured,
)
from overnight.report.phrases.fidelities import full_text, levels_text, only_reached_text
from overnight.report.phrases.front import (
    against_baseline_text,
    better_in_all,
    chosen_text,
    recommended_values,
    size_text,
    table_lines,
    values_text,
    volume_text,
)
from overnight.report.phrases.general import (
    confirmation_text,
    counted,
    gain_text,
    made_text,
    missing_text,
    recommended_words,
    spent_text,
    target_text,
    time_left,
    trial_counts,
    warnings,
)
from overnight.report.phrases.nothing import nothing_compared, why_nothing
from overnight.report.phrases.revisions import revision_lines
from overnight.report.phrases.solutions import solution_lines
from overnight.report.story import OfContext, Story
from overnight.report.story.experiment import Experiment
from overnight.report.story.failures import Failures
from overnight.report.story.goal.best import Recommended
from overnight.report.story.goal.front import Front
from overnight.report.story.people import People, Question
from overnight.report.trial_facts import cell_text


def status_lines(story: Story) -> list[str]:
    """Return how a campaign stands, and the next step of a person."""
    standing, found = story.standing, story.best.recommended
    next_step = [] if standing.next_step is None else [f"next: {standing.next_step}"]
    recommended = [] if found is None else [f"{_recommended(story, found)}; {made_text(found)}", *_why(story)]
    recommended += [*_recommended_feasibility(story), *_solutions(story)]
    recommended += [line for each in story.contexts for line in _recommended_in(each)]
    return [*state_lines(story), *recommended, *standing.notices, *next_step]


def state_lines(story: Story) -> list[str]:
    """Return how a campaign stands."""
    counts = ", ".join(f"{count} {words}" for count, words in trial_counts(story.spent))
    what = "trial" if story.experiment is None else "arm"
    lines = [f"{story.campaign}: {story.standing}", *map(str, story.people.requests)]
    lines.append(f"{counts}; budget: {counted(story.spent.limits.trials, what)}")
    lines += revision_lines(story.revisions, sum(story.spent.trials.values()))
    lines += filter(None, [best_so_far(story)])
    lines += [f"{each.called}: {line}" for each in story.contexts for line in _of_context(each.story)]
    lines += [] if story.front is None else _front(story.front)
    lines += [] if story.experiment is None else _experiment(story.experiment)
    lines += _feasibility(story)
    gain = gain_text(story.gain, story.gaining)
    levels = levels_text(story.fidelities)
    lines += filter(None, (spent_text(story.spent), levels, gain, confirmation_text(story.confirmation)))
    if (left := time_left(story)) is not None:
        lines.append(f"time left: {left}")
    return [*lines, *failure_lines(story.failures), *warnings(story), *question_lines(story.people)]


def best_so_far(story: Story) -> str:
    """Return the best result so far; empty if there is none."""
    best, limited = story.best.measured, story.feasibility is not None
    if best is None:
        nothing = nothing_compared(story)
        return f"best so far: {nothing}" if nothing else ""
    if story.experiment is not None:
        return best_arm_text(story.experiment, best.trial, limited=limited)
    so_far = "best feasible so far" if limited else "best so far"
    so_far += full_text(story.fidelities)
    value = measured(best.measurement) + target_text(best.of_target)
    return f"{so_far}: {story.objective.metric} {value} (trial {best.trial})"


def _of_context(story: Story) -> list[str]:
    """Return how many trials a context has had, and its best result, front and feasibility so far."""
    counts = ", ".join(f"{count} {words}" for count, words in trial_counts(story.spent))
    best = [] if story.front is None else _front(story.front)
    return [counts, *filter(None, [best_so_far(story)]), *best, *_feasibility(story)]


def _recommended_in(context: OfContext) -> list[str]:
    """Return the recommended configuration of a context; no lines before it is computed or recorded."""
    story = context.story
    if (found := story.best.recommended) is None:
        return []
    lines = [f"{_recommended(story, found)}; {made_text(found)}", *_why(story), *_recommended_feasibility(story)]
    return [f"{context.called}: {line}" for line in [*lines, *_solutions(story)]]


def _front(front: Front) -> list[str]:
    """Return the size of the front, a short table of it, and its hypervolume."""
    return [size_text(front), *table_lines(front), *filter(None, [volume_text(front)])]


def _experiment(experiment: Experiment) -> list[str]:
    """Return the verdict of an A/B test, its traffic, and the arms of its newest batch."""
    arms = (f"  {line}" for line in arm_lines(experiment))
    return [f"A/B test: {experiment.verdict}", traffic_text(experiment), *arms]


def _why(story: Story) -> list[str]:
    """Return why the recommended configuration was chosen from the front, or instead of a confirmed one."""
    front, instead = story.front, recommended_instead(story)
    chosen = [] if front is None or front.recommended is None else [chosen_text(front, front.recommended)]
    return [*chosen, *([instead] if instead else [])]


def _feasibility(story: Story) -> list[str]:
    """Return how many results are feasible, and the constraints; no lines without constraints."""
    if story.feasibility is None:
        return []
    limits = (f"  {line}" for line in limit_lines(story.feasibility))
    return [*filter(None, [feasible_text(story.feasibility), *limits, baseline_text(story.feasibility)])]


def _recommended_feasibility(story: Story) -> list[str]:
    """Return whether the recommended configuration is feasible, by constraint; no lines without constraints."""
    found = None if story.feasibility is None else story.feasibility.recommended
    if found is None:
        return []
    return [reached_text(found), *(f"  {line}" for line in belief_lines(found)), *contradictions(found)]


def _solutions(story: Story) -> Iterator[str]:
    """Yield the different solutions, if the campaign asks for several."""
    if story.solutions is not None:
        yield from solution_lines(story.solutions, story.objective.metric)


def failure_lines(failures: Failures) -> Iterator[str]:
    """Yield the number of failures of each cause, the newest failure of each, and the attempts that were repeated."""
    counts = [f"{count:,} × {cause_text(cause)}" for cause, count in failures.by_cause.items() if count]
    if counts:
        yield f"failures: {', '.join(counts)}"
    for newest in failures.newest:
        yield f"trial {newest.trial} failed ({cause_text(newest.cause)}): {first_line(newest.message)}".removesuffix(
            ": "
        )
    if (again := failures.repeated) is not None:
        counts = ", ".join(f"{count:,} × {cause_text(cause)}" for cause, count in again.by_cause.items())
        yield f"attempts tried again: {counts}; the newest, of trial {again.newest.trial}: " + first_line(
            again.newest.message
        )


def question_lines(people: People) -> list[str]:
    """Return a line for each trial that waits for a person's decision."""

    def line(question: Question, waits: str) -> str:
        return f"trial {question.trial} {waits}{'' if question.why is None else f': {question.why}'}"

    waiting = [line(question, "waits for a person") for question in people.unknown_end]
    return waiting + [line(question, "awaits approval") for question in people.await_approval]


def finding_lines(campaign: Campaign, story: Story) -> list[str]:
    """Return how a campaign stands, and its result with a table of the recommended configuration."""
    lines = ["", *state_lines(story)]
    if not story.contexts:
        return [*lines, *_finding(campaign, story)]
    for each in story.contexts:
        lines += ["", f"{each.called}:", *_finding(campaign, each.story)]
    return lines


def _finding(campaign: Campaign, story: Story) -> list[str]:
    """Return the result of a campaign, or of one context, with a table of the recommended configuration."""
    found = story.best.recommended
    if found is None:
        return [f"{why_nothing(story)}, so nothing is recommended"]
    lines = ["", _recommended(story, found)]
    width = max(len(name) for name in found.point)
    for name, parameter in campaign.parameters.items():
        unit = f" {parameter.unit}" if parameter.unit else ""
        if text := cell_text(found, name):
            lines.append(f"  {name:<{width}}  {text}{unit}")
    confidence = _confidence(story, found) if story.front is None else _beside(story, story.front, found)
    return [*lines, *_why(story), *_recommended_feasibility(story), *confidence, *_solutions(story)]


def _recommended(story: Story, found: Recommended) -> str:
    only = only_reached_text(story.fidelities)
    return f"{recommended_words(story)} ({where_measured(story, found)}): {recommended_values(story, found)}{only}"


def _confidence(story: Story, found: Recommended) -> Iterator[str]:
    """Yield how likely the recommended configuration is the best, and its comparison with the baseline."""
    best, several = story.best, story.best.observed > 1
    if several and found.probability_best is not None:
        what = "better than all observed" if found.trial is None else "the best of all observed"
        yield f"probability of being {what}: {probability(found.probability_best)}"
    if found.is_baseline and story.experiment is not None:
        yield "it is the status quo"
    elif found.is_baseline:
        yield "it is the baseline" + (": nothing better was found" if several else "")
    elif (missing := missing_text(best.baseline)) is not None:
        yield missing
    elif best.baseline is not None and best.baseline.mean is not None:
        before = with_uncertainty(best.baseline.mean, best.baseline.sd)
        if (better := found.probability_better_than_baseline) is not None:
            better = f"; probability that the recommended one is better: {probability(better)}"
            yield f"baseline: {story.objective.metric} {before}{better}"


def _beside(story: Story, front: Front, found: Recommended) -> Iterator[str]:
    """Yield how likely the recommended configuration is on the front, and its comparison with the baseline."""
    if story.best.observed > 1 and found.probability_best is not None:
        yield f"probability of being on the front: {probability(found.probability_best)}"
    if found.is_baseline:
        yield "it is the baseline"
    elif (missing := missing_text(story.best.baseline)) is not None:
        yield missing
    elif (baseline := front.baseline) is not None:
        yield f"baseline: {values_text(baseline.values)}; {against_baseline_text(front, baseline)}"
        if (better := better_in_all(front, found)) is not None:
            yield f"probability that the recommended one is better in every objective: {probability(better)}"
