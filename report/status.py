"""The state and the findings of a campaign, as lines of text for a terminal."""

from overnight.campaign import History
from overnight.campaign.evaluation import cause_text
from overnight.campaign.history.trial import Failure
from overnight.campaign.recommendation import Recommendation
from overnight.report.evaluator_versions import versions_sentence
from overnight.report.finding import (
    baseline_missing,
    baseline_text,
    is_baseline,
    recommended_text,
    running_words,
    silence,
    spent_sentence,
    where,
)
from overnight.report.numbers import duration, measured, probability, value_text
from overnight.report.standstill import standstill
from overnight.report.summary import Summary, summarise
from overnight.report.trial_facts import failed_why


def status_lines(history: History, *, alive: bool = True) -> list[str]:
    """Return how a campaign stands, a few lines of text; `alive` tells whether its controller is."""
    summary = summarise(history, alive=alive)
    lines = [f"{summary.campaign}: {summary.standing}", *summary.requests, _counts(summary)]
    if summary.best is not None:
        metric = history.definition.objective.metric
        lines.append(f"best so far: {metric} {measured(summary.best.measurement)} (trial {summary.best.trial})")
    if (standing_still := standstill(history)) is not None:
        lines.append(str(standing_still))
    if limits := spent_sentence(summary, history.definition.budget):
        lines.append(limits)
    if summary.gain_left is not None:
        lines.append(summary.gain_left)
    if summary.silent:
        lines.append(silence(summary.silent, history.definition.objective.metric))
    if summary.standing.kind == "running" and summary.seconds_left is not None:
        lines.append(f"time left: about {duration(round(summary.seconds_left))}")
    if summary.failures_by_cause:
        lines.append(
            "failures: " + ", ".join(f"{n} {cause_text(cause)}" for cause, n in summary.failures_by_cause.items())
        )
    lines += _latest_failures(history)
    lines += _what_people_are_asked(history)
    if (versions := versions_sentence(history)) is not None:
        lines.append(versions)
    if summary.quarantined:
        named = ", ".join(f"trial {number}" for number in summary.quarantined)
        lines.append(f"quarantined, no point close to these is tried: {named}")
    if summary.stand_ins:
        count = len(summary.stand_ins)
        lines.append(
            f"the proposer was away for {_counted(count, 'trial')}, and others stood in: the last "
            f"was trial {summary.stand_ins[-1]}, {summary.away}"
        )
    return lines


def _counts(summary: Summary) -> str:
    done = summary.observed - summary.imported
    counts = (
        f"{done} done, {summary.running} {running_words(summary)}, {summary.failed} failed, {summary.budget} in all"
    )
    if summary.imported:
        counts += f", {summary.imported} imported"
    others = {
        "stopped early": summary.stopped,
        "abandoned": summary.abandoned,
        "rejected": summary.rejected,
        "awaiting approval": summary.awaiting,
    }
    counts += "".join(f", {n} {word}" for word, n in others.items() if n)
    if summary.waiting:
        counts += f", {summary.waiting} waiting to start"
    return counts


def _latest_failures(history: History) -> list[str]:
    """Return the newest failure of each cause, and why that trial failed."""
    latest: dict[str, str] = {}
    for trial in history.trials.newest_first():
        if isinstance(trial.outcome, Failure) and trial.outcome.cause not in latest:
            latest[trial.outcome.cause] = f"trial {trial.id} {failed_why(trial.outcome)}"
    return list(latest.values())


def _what_people_are_asked(history: History) -> list[str]:
    unknown = [(t.id, a.unknown) for t in history.trials.open if (a := t.open_attempt) is not None and a.unknown]
    parked = [(t.id, t.parked_because) for t in history.trials.open if t.parked and t.parked_because is not None]
    return [
        *(f"trial {number} waits for somebody: {why}" for number, why in unknown),
        *(f"trial {number} awaits approval: {why}" for number, why in parked),
    ]


def finding_lines(history: History, found: Recommendation | None) -> list[str]:
    """Return what was found, in words and as a table of the configuration."""
    campaign = history.definition
    lines = ["", *status_lines(history)]
    if found is None:
        tried = "observed" if history.trials else "tried yet"
        return [*lines, f"nothing was {tried}, so nothing is recommended"]
    metric = campaign.objective.metric
    lines += ["", f"recommended ({where(found)}): {metric} {recommended_text(history, found)}"]
    width = max(len(name) for name in found.point)
    for name, parameter in campaign.parameters.items():
        unit = f" {parameter.unit}" if parameter.unit else ""
        lines.append(f"  {name:<{width}}  {value_text(found.point[name])}{unit}")
    if history.trials.observed > 1:
        lines.append(f"probability of being the best of all observed: {probability(found.probability_best)}")
    if is_baseline(campaign, found):
        lines.append("it is the baseline" + (": nothing better was found" if history.trials.observed > 1 else ""))
    elif (missing := baseline_missing(history, found)) is not None:
        lines.append(missing)
    elif found.baseline_mean is not None and found.probability_better_than_baseline is not None:
        baseline = baseline_text(history, found)
        better = probability(found.probability_better_than_baseline)
        lines.append(f"baseline: {metric} {baseline}; probability that the recommended one is better: {better}")
    return lines


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
