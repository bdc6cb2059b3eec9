"""The state and the result of a campaign, as sentences for its page."""

from collections.abc import Iterator
from decimal import Decimal

from overnight.campaign.parameters import Value
from overnight.campaign.values.numbers import is_number
from overnight.report.numbers import measured, number, probability, with_uncertainty
from overnight.report.phrases.constraints import baseline_text, contradictions, feasible_text, reached_text
from overnight.report.phrases.experiment import recommended_instead
from overnight.report.phrases.fidelities import full_text, levels_text, only_reached_text
from overnight.report.phrases.front import (
    against_baseline_text,
    better_in_all,
    chosen_text,
    comparison_text,
    joined,
    recommended_values,
    size_text,
    value_text,
    values_text,
    volume_text,
)
from overnight.report.phrases.general import (
    confirmation_text,
    counted,
    gain_text,
    missing_text,
    recommended_text,
    sentence,
    spent_text,
    time_left,
    trial_counts,
    warnings,
    where,
)
from overnight.report.phrases.nothing import why_nothing
from overnight.report.phrases.revisions import revision_lines
from overnight.report.story import Story
from overnight.report.story.goal.best import Best, Recommended
from overnight.report.story.goal.front import Front, RecommendedOfFront

_LIKELY = 0.95
_LIKELY_BEST = 0.5
# Of more objectives, a sentence names no values.
_MOST_VALUES = 3
# Of more contexts, the top of a page has no results.
_MOST_CONTEXTS = 4
_AS_MEASURED = "The figures are as measured: measuring a point again gives the same value."
_BELIEVED = "The figures are the model's belief about the true value ± one standard deviation."
_PROVISIONAL = "Trials are still outstanding, so this may change."


def standing_sentence(story: Story) -> str:
    """Return how a campaign stands: its trials, spending, remaining time, requests, warnings, and the next step."""
    revised = revision_lines(story.revisions, sum(story.spent.trials.values()))
    parts = [*_progress(story), *map(str, story.people.requests), *revised]
    parts += [*warnings(story), *story.standing.notices]
    parts += [story.standing.next_step and f"next: {story.standing.next_step}"]
    return " ".join(sentence(part) for part in parts if part)


def progress_sentence(story: Story) -> str:
    """Return the state of a campaign, its trials, spending, remaining time and revisions."""
    parts = [*_progress(story), *revision_lines(story.revisions, sum(story.spent.trials.values()))]
    return " ".join(sentence(part) for part in parts if part)


def _progress(story: Story) -> list[str | None]:
    left = time_left(story)
    return [
        str(story.standing),
        _counts(story),
        spent_text(story.spent),
        levels_text(story.fidelities),
        gain_text(story.gain, story.gaining),
        confirmation_text(story.confirmation),
        left and f"{left} left",
    ]


def _counts(story: Story) -> str:
    (observed, _), *others = trial_counts(story.spent)
    shown = [f"{count:,} {words}" for count, words in others if count]
    return ", ".join([f"{observed:,} of {story.spent.limits.trials:,} trials observed", *shown])


def finding_sentence(story: Story) -> str:
    """Return the result of a campaign in one sentence, or in one for each of several contexts."""
    return " ".join(finding_sentences(story))


def finding_sentences(story: Story) -> list[str]:
    """Return the result of a campaign; for an A/B test, it is the verdict.

    Several contexts have a sentence each, as long as they are few.
    """
    if len(story.contexts) > _MOST_CONTEXTS:
        return [f"{len(story.contexts)} contexts, each with a result of its own below."]
    if story.contexts:
        return [f"{each.called}: {_recommended(each.story)}" for each in story.contexts]
    return [_recommended(story) if story.experiment is None else story.experiment.verdict]


def _recommended(story: Story) -> str:
    metric, found, baseline = story.objective.metric, story.best.recommended, story.best.baseline
    if found is None:
        return _nothing(story)
    value = f"{recommended_text(found)}{only_reached_text(story.fidelities)}"
    feasibility = story.feasibility and story.feasibility.recommended
    if feasibility is not None and feasibility.reached is False:
        there = f"{metric} is {value}" if story.front is None else recommended_values(story, found)
        return f"{sentence(reached_text(feasibility))} There, {there} ({where(found)})."
    if story.front is not None and story.front.recommended is not None:
        return _of_front(story.front, story.front.recommended, found)
    if baseline is None or baseline.mean is None:
        return f"{metric} {value} at the recommended configuration ({where(found)})."
    if found.is_baseline:
        return f"Nothing better than the baseline was found: {metric} {value}."
    unmeasured = f" ({where(found)})" if found.trial is None else ""
    before = with_uncertainty(baseline.mean, baseline.sd)
    change = _change(found.change_percent)
    return f"{metric} from {before} at the baseline to {value} at the recommended configuration{unmeasured}{change}."


def _of_front(front: Front, chosen: RecommendedOfFront, found: Recommended) -> str:
    """Return the values at the recommended configuration of a front, from those of the baseline if they are known."""
    if len(front.objectives) > _MOST_VALUES:
        size = f"{counted(len(front.points), 'configuration')} on the front; trial {chosen.trial} is recommended"
        compared = None if found.is_baseline else front.baseline
        than = "" if compared is None else f", which compared with the baseline is {comparison_text(compared)}"
        return f"{size}{than}."
    one_of = f"one of {counted(len(front.points), 'configuration')} on the front"
    values = joined(values_text([each]) for each in chosen.values)
    if found.is_baseline:
        return f"The baseline is recommended: {values}, {one_of}."
    if front.baseline is None:
        return f"{values} at the recommended configuration ({where(found)}), {one_of}."
    changes = [
        f"{now.metric} from {value_text(before)} {'at the baseline ' if now is chosen.values[0] else ''}"
        f"to {value_text(now)}"
        for before, now in zip(front.baseline.values, chosen.values, strict=True)
    ]
    return f"{joined(changes)} at the recommended configuration, {one_of}."


def _nothing(story: Story) -> str:
    if story.front is not None and story.front.points:
        return f"{sentence(size_text(story.front))} Nothing is recommended."
    if story.best.observed:
        return f"{sentence(why_nothing(story))} Nothing is recommended."
    return "Nothing has been observed yet, so there is nothing to recommend."


def constraint_sentences(story: Story) -> list[str]:
    """Return whether the recommended point, the results and the baseline are feasible; none without constraints."""
    feasibility = story.feasibility
    if feasibility is None:
        return []
    found, texts = feasibility.recommended, list[str]()
    if found is not None:
        reached = f"the recommended configuration is {reached_text(found)}" if found.reached else ""
        texts = [reached, *contradictions(found)]
    if found is not None or not story.best.observed:
        texts.append(feasible_text(feasibility))
    texts.append(baseline_text(feasibility))
    return [sentence(text) for text in texts if text]


def confidence_sentences(story: Story) -> list[str]:
    """Return how certain the result is, and the best measurement if that is another trial's."""
    found = story.best.recommended
    if found is None:
        return []
    if story.experiment is not None:
        return [*_of_arms(story, found)]
    if found.without_model is not None:
        return [f"The figures are the best measurement and its standard error. {found.without_model}"]
    return (
        [*_confidence(story.best, found, full_text(story.fidelities))]
        if story.front is None
        else [*_in_front(story, story.front, found)]
    )


def _of_arms(story: Story, found: Recommended) -> Iterator[str]:
    """Yield what the results of all batches say about the recommended configuration of an A/B test."""
    if instead := recommended_instead(story):
        yield sentence(instead)
    if found.without_model is not None:
        yield found.without_model
    elif not found.is_baseline:
        yield f"By the results of all batches: {_recommended(story)} {_BELIEVED}"
    if story.best.provisional:
        yield _PROVISIONAL


def _in_front(story: Story, front: Front, found: Recommended) -> Iterator[str]:
    """Yield why a configuration of the front is recommended, how certain that is, and the hypervolume."""
    if front.recommended is not None:
        yield sentence(chosen_text(front, front.recommended))
        yield _certainty_of(front.recommended)
    if found.probability_best is not None and story.best.observed > 1:
        yield f"The probability that it is on the front is {probability(found.probability_best)}."
    if front.baseline is not None and not found.is_baseline:
        yield sentence(against_baseline_text(front, front.baseline))
    if (better := better_in_all(front, found)) is not None:
        yield _against_baseline(better, " in every objective")
    yield from (sentence(text) for text in (missing_text(story.best.baseline), volume_text(front)) if text)
    if story.best.provisional:
        yield _PROVISIONAL


def _certainty_of(chosen: RecommendedOfFront) -> str:
    """Return what the figures are, which may be exact for some objectives only."""
    uncertain = [value.metric for value in chosen.values if value.sd is not None]
    if uncertain and len(uncertain) < len(chosen.values):
        return f"{_BELIEVED[:-1]} for {joined(uncertain)}, and as measured for the others."
    return _BELIEVED if uncertain else _AS_MEASURED


def _confidence(best: Best, found: Recommended, full: str) -> Iterator[str]:
    """Yield how certain the result is; `full` names the fidelity at which measurements are compared."""
    yield _AS_MEASURED if found.exact else _BELIEVED
    if found.probability_better_than_baseline is not None:
        yield _against_baseline(found.probability_better_than_baseline)
    if (missing := missing_text(best.baseline)) is not None:
        yield sentence(missing)
    if best.observed > 1 and found.probability_best is not None:
        among = "better than all" if found.trial is None else "the best of all"
        yield _among_the_observed(f"{among} {best.observed:,}", found.probability_best)
    if found.trial is None:
        yield (
            "The configuration has not been measured: measure it before you rely on it, or use that of trial "
            f"{found.best_measured}, which is believed to be the best of those that were."
        )
    if best.measured is not None and best.measured.trial != found.trial:
        value, trial = measured(best.measured.measurement), best.measured.trial
        yield f"The best single measurement{full}, {value}, is trial {trial}'s; a single measurement can be lucky."
    if best.provisional:
        yield _PROVISIONAL


def change_of(before: Value | None, after: Value | None, *, logarithmic: bool) -> str:
    """Return the change of a parameter: a factor on a log scale, a difference on a linear one, else no words."""
    if not is_number(before) or not is_number(after) or before == after:
        return ""
    # The ratio or the difference of numbers at both ends of the floats is not a float.
    was, becomes = Decimal(before), Decimal(after)
    if logarithmic:
        return f"× {number(Decimal(f'{becomes / was:.2e}'), 3)}"
    return f"{'+' if after > before else ''}{number(becomes - was, 2)}"


def _against_baseline(better: float, in_what: str = "") -> str:
    words = f"With a probability of {probability(better)} it is better than the baseline{in_what}"
    return f"{words}." if better >= _LIKELY else f"{words}: not settled."


def _among_the_observed(among: str, best: float) -> str:
    words = f"The probability that it is {among} observed is {probability(best)}"
    return f"{words}." if best >= _LIKELY_BEST else f"{words}: others may be as good."


def _change(percent: float | None) -> str:
    if percent is None:
        return ""
    return f" ({'+' if percent > 0 else ''}{number(percent, 2 if abs(percent) < 10 else 3)} %)"
