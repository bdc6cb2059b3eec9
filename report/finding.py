"""The findings as sentences for the morning."""

from decimal import Decimal

from overnight.campaign import Campaign, History
from overnight.campaign.definition import Budget
from overnight.campaign.history.trial import Failure, Stopped, Withdrawal
from overnight.campaign.parameters import Value
from overnight.campaign.recommendation import Recommendation
from overnight.report.exactness import believed, is_exact
from overnight.report.numbers import duration, measured, number, probability, with_uncertainty
from overnight.report.summary import Summary
from overnight.report.trial_facts import failed_why

# So many per cent of a baseline close to zero say nothing.
_LARGEST_CHANGE = 1000
_LIKELY = 0.95
_LIKELY_BEST = 0.5


def standing_sentence(summary: Summary) -> str:
    """Return how the campaign stands, how many trials have ended, and how long the rest takes."""
    counts = [f"{summary.observed - summary.imported} of {summary.budget} trials observed"]
    counts += [f"{n} {word}" for n, word in _others(summary) if n]
    sentence = f"{_sentence(str(summary.standing))} {', '.join(counts)}."
    if summary.quarantined:
        numbers = ", ".join(map(str, summary.quarantined))
        sentence += f" In quarantine, because several of their attempts died with their workers: trials {numbers}."
    if summary.stand_ins:
        numbers = ", ".join(map(str, summary.stand_ins))
        sentence += (
            f" The proposer was away for trials {numbers}, and others stood in. "
            f"{_sentence(f'the last time because {summary.away}')}"
        )
    if summary.gain_left is not None:
        sentence += f" {_sentence(summary.gain_left)}"
    if summary.standing.kind == "running" and summary.seconds_left:
        sentence += f" About {duration(summary.seconds_left)} left."
    return " ".join([sentence, *map(_sentence, summary.requests)])


def running_words(summary: Summary) -> str:
    """Return what to call attempts that have started: elsewhere, a worker may not have taken them yet."""
    return "running" if summary.sent_to is None or not summary.running else f"sent to {summary.sent_to}"


def spent_sentence(summary: Summary, budget: Budget) -> str:
    """Return what is spent of the budgets of evaluations and of cost; nothing where neither is limited nor told."""
    spent, parts = summary.spent, list[str]()
    if budget.evaluations is not None:
        parts.append(f"evaluations: {spent.evaluations} of {budget.evaluations}")
    if budget.cost is not None or spent.costs:
        limit = "" if budget.cost is None else f" of {number(budget.cost)}"
        untold = f" ({spent.untold} told none and count as the mean)" if spent.untold else ""
        parts.append(f"cost: {number(spent.cost)}{limit}{untold}")
    return ", ".join(parts)


def silence(evaluations: int, metric: str) -> str:
    """Return what to say where a rule could stop trials early, but none of them ever reports."""
    return (
        f"`stop_early` has nothing to go by: none of {evaluations} evaluations that ended reported {metric} on its way "
        "(docs/how-to/stopping.md)"
    )


def _sentence(text: str) -> str:
    """Return what people, rules and machines have written as a sentence, with one dot."""
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


def _others(summary: Summary) -> list[tuple[int, str]]:
    return [
        (summary.failed, "failed"),
        (summary.stopped, "stopped early"),
        (summary.abandoned, "abandoned"),
        (summary.rejected, "rejected"),
        (summary.awaiting, "awaiting approval"),
        (summary.running, running_words(summary)),
        (summary.waiting, "waiting"),
        (summary.imported, "imported"),
    ]


def finding_sentence(history: History, found: Recommendation | None) -> str:
    """Return the result of the campaign in one sentence."""
    campaign = history.definition
    metric = campaign.objective.metric
    if found is None:
        return "Nothing has been observed yet, so there is nothing to recommend."
    value = recommended_text(history, found)
    if found.baseline_mean is None:
        return f"{metric} {value} at the recommended configuration ({where(found)})."
    if is_baseline(campaign, found):
        return f"Nothing better than the baseline was found: {metric} {value}."
    before = baseline_text(history, found)
    change = _relative_change(_of_baseline(history, found)[0], believed(history, found.point, found.mean, found.sd)[0])
    return f"{metric} from {before} at the baseline to {value} at the recommended configuration{change}."


def recommended_text(history: History, found: Recommendation) -> str:
    """Return what is believed of the recommended configuration."""
    return with_uncertainty(*believed(history, found.point, found.mean, found.sd))


def baseline_text(history: History, found: Recommendation) -> str:
    """Return what is believed of the baseline, which must have been measured."""
    return with_uncertainty(*_of_baseline(history, found))


def _of_baseline(history: History, found: Recommendation) -> tuple[float, float | None]:
    campaign = history.definition
    assert found.baseline_mean is not None
    point = None if campaign.baseline is None else campaign.parameters.point(campaign.baseline)
    return believed(history, point, found.baseline_mean, found.baseline_sd)


def where(found: Recommendation) -> str:
    """Return which trial tried the recommended configuration."""
    return "not tried yet" if found.trial is None else f"trial {found.trial}"


def confidence_sentences(history: History, summary: Summary, found: Recommendation | None) -> list[str]:
    """Return how sure the finding is, and where the best measurement is another trial's."""
    if found is None:
        return []
    if found.without_model is not None:
        return [f"The figures are the best measurement and its standard error. {found.without_model}"]
    sentences = ["The figures are the model's belief about the true value ± one standard deviation."]
    if found.trial is not None and is_exact(history):
        sentences = ["The figures are as measured: measuring a point again gives the same value."]
    if found.probability_better_than_baseline is not None and not is_baseline(history.definition, found):
        sentences.append(_against_baseline(found.probability_better_than_baseline))
    if (missing := baseline_missing(history, found)) is not None:
        sentences.append(_sentence(missing))
    if summary.observed > 1:
        sentences.append(_among_the_observed(summary.observed, found.probability_best))
    if found.trial is None:
        sentences.append("The configuration has not been tried: measure it before you rely on it.")
    if summary.best is not None and summary.best.trial != found.trial:
        sentences.append(
            f"The best single measurement, {measured(summary.best.measurement)}, is trial {summary.best.trial}'s; "
            "a single measurement can be lucky."
        )
    if any(t.pending for t in history.trials.values()):
        sentences.append("Trials are still outstanding, so this may change.")
    return sentences


def change_of(before: Value, after: Value, *, logarithmic: bool) -> str:
    """Return how a parameter changes: by a factor on a log scale, by a difference on a linear one, else no words."""
    if isinstance(before, bool | str) or isinstance(after, bool | str) or before == after:
        return ""
    # Of numbers at both ends of the floats neither the ratio nor the difference is one.
    was, becomes = Decimal(before), Decimal(after)
    if logarithmic:
        return f"× {number(becomes / was, 3)}"
    return f"{'+' if after > before else ''}{number(becomes - was, 2)}"


def is_baseline(campaign: Campaign, found: Recommendation) -> bool:
    """Tell whether the recommended configuration is the baseline itself."""
    return campaign.baseline is not None and found.point == campaign.parameters.point(campaign.baseline)


def baseline_missing(history: History, found: Recommendation) -> str | None:
    """Return why nothing can be compared with the baseline; None where it can, or where there is none."""
    if history.definition.baseline is None or found.baseline_mean is not None:
        return None
    tried = next((t for t in history.trials.values() if t.proposal.generator == "baseline"), None)
    match tried and tried.outcome:
        case Failure() as failure:
            became = failed_why(failure)
        case Stopped(why=why):
            became = f"was stopped early: {why}"
        case Withdrawal(kind=kind, by=by, why=why):
            became = f"was {kind} by {by}: {why}"
        case _:
            became = "has not been measured"
    which = "" if tried is None else f" (trial {tried.id})"
    return f"there is no comparison with the baseline{which}, which {became}"


def _against_baseline(better: float) -> str:
    words = f"With a probability of {probability(better)} it is better than the baseline"
    return f"{words}." if better >= _LIKELY else f"{words}: not settled."


def _among_the_observed(observed: int, best: float) -> str:
    words = f"The probability that it is the best of all {observed} observed is {probability(best)}"
    return f"{words}." if best >= _LIKELY_BEST else f"{words}: others may be as good."


def _relative_change(before: float, after: float) -> str:
    if before == 0:
        return ""
    percent = 100 * (Decimal(after) - Decimal(before)) / abs(Decimal(before))
    if abs(percent) >= _LARGEST_CHANGE:
        return ""
    return f" ({'+' if percent > 0 else ''}{number(percent, 2 if abs(percent) < 10 else 3)} %)"
