"""Phrases about fidelities, shared by the terminal and the page."""

from overnight.bo_core.settings.acquisitions import GAIN_PER_COST
from overnight.campaign import History, Point, Trial
from overnight.campaign.fidelity import Fidelity
from overnight.campaign.history.provenance import Provenance
from overnight.report.numbers import number, value_text
from overnight.report.phrases.general import counted, trials_text
from overnight.report.story.fidelities import Fidelities
from overnight.report.story.goal.best import Best
from overnight.report.trial_facts import point_text


def full_text(found: Fidelities | None) -> str:
    """Return at which fidelity results are compared, such as ` at epochs = 9`; empty without a fidelity."""
    return "" if found is None else f" at {found.name} = {value_text(found.full)}"


def only_reached_text(found: Fidelities | None) -> str:
    """Return the lower fidelity at which alone the recommended point was measured; empty if there is none."""
    if found is None or found.measured_at is None:
        return ""
    return f", measured only at {found.name} = {value_text(found.measured_at)} of {value_text(found.full)}"


def levels_text(found: Fidelities | None) -> str:
    """Return how many trials there are at each fidelity, and their costs; empty before the first."""
    if found is None:
        return ""
    parts = [
        f"{value_text(level.fidelity)}: {counted(level.trials, 'trial')}"
        f"{f' ({level.resumed} resumed)' if level.resumed else ''}, cost {number(level.cost)}"
        for level in found.levels
        if level.trials
    ]
    return f"by {found.name}, {'; '.join(parts)}" if parts else ""


def nothing_in_full(found: Fidelities | None, best: Best) -> str:
    """Return that there are only results at lower fidelities, which are not compared; else an empty text."""
    if found is None or best.compared or not best.inside:
        return ""
    return f"{counted(best.inside, 'result')}, none of them yet at {found.name} = {value_text(found.full)}"


def why_this_fidelity(then: History, trial: Trial, provenance: Provenance | None) -> str:
    """Return why a trial is at its fidelity, and what it was preferred to; empty without a fidelity."""
    fidelity = then.definition.fidelity
    if fidelity is None:
        return ""
    at = f"{fidelity.name} = {_of(fidelity, trial.point)}"
    chosen = None if provenance is None else provenance.chosen
    if chosen is not None and chosen.acquisition == GAIN_PER_COST:
        what = "a new point" if _is_new(fidelity, trial.point, chosen.instead_of) else "this point again"
        rather = "" if what == "a new point" else _rather_than(then, fidelity, chosen.instead_of)
        return f"It measures {what} at {at}, because that was expected to gain most for its cost{rather}."
    if trial.proposal.generator == "sobol":
        return f"It is measured at {at}, the fidelity for which least had been spent."
    return f"It is measured at {at}."


def resumed_sentence(then: History, trial: Trial) -> str | None:
    """Return from which trial an evaluation continued; None if it began from the start."""
    resumed = next((attempt.resumed for attempt in trial.attempts if attempt.resumed is not None), None)
    if resumed is None or then.definition.fidelity is None:
        return None
    name = then.definition.fidelity.name
    return f"It continued from trial {resumed.trial}, which had reached {name} = {value_text(resumed.fidelity)}."


def lower_fidelities_text(then: History, trial: Trial) -> str:
    """Return which trials measured the same point at lower fidelities only; empty if none did."""
    fidelity = then.definition.fidelity
    if fidelity is None:
        return ""
    same = [t.id for t in then.model_view().observed if fidelity.at(t.point) == fidelity.at(trial.point)]
    return f"had been measured only below full fidelity, by {trials_text(same)}" if same else ""


def below_full_text(history: History, trial: Trial) -> str:
    """Return the fidelity of a trial that is below full fidelity, such as ` at epochs = 3 of 9`; else an empty text."""
    fidelity = history.definition.fidelity
    below = fidelity is not None and not fidelity.is_full(trial.point)
    return f" at {fidelity.name} = {_of(fidelity, trial.point)}" if fidelity is not None and below else ""


def _of(fidelity: Fidelity, point: Point) -> str:
    full = value_text(fidelity.parameter.high)
    return full if fidelity.is_full(point) else f"{value_text(fidelity.of(point))} of {full}"


def _is_new(fidelity: Fidelity, point: Point, new: Point | None) -> bool:
    return new is None or fidelity.at(point) == fidelity.at(new)


class _At:
    """A point to be shown."""

    def __init__(self, point: Point) -> None:
        self.point = point


def _rather_than(then: History, fidelity: Fidelity, new: Point | None) -> str:
    if new is None:
        return ""
    shown = point_text(_At(fidelity.at(new)), then.definition.parameters.tuned(), equals=" = ")
    return f", more than a new point at any fidelity ({shown})"
