"""Phrases about contexts."""

from overnight.campaign import History, Trial
from overnight.campaign.contexts import Given, given_text
from overnight.campaign.standing.turns import counts_of
from overnight.report.phrases.general import counted


def turn_sentence(then: History, trial: Trial, given: Given) -> str:
    """Return the context of a trial, and why it was tried there."""
    here, made = f"It is for {given_text(given)}", trial.proposal.provenance
    if made is not None and made.asked.context is not None:
        return f"{here}, which was asked for."
    if made is None and trial.proposal.generator not in ("baseline", "manual"):
        return f"{here}."
    counts = counts_of(then.definition, then)
    so_far = next((count for each, count in counts if each == given), None)
    if so_far is None or trial.batch is None:
        return f"{here}."
    others = ", ".join(f"{given_text(each)}: {count}" for each, count in counts if each != given)
    return f"{here}: contexts take turns, and it had had {counted(so_far, 'trial')}{f' ({others})' if others else ''}."
