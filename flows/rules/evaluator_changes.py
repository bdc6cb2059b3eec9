"""Detect that an evaluator has changed since earlier trials were measured."""

from overnight.campaign import History
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.history.evaluator_version import EvaluatorVersion
from overnight.evaluators.sources import Sources
from overnight.report.phrases.general import trials_text
from overnight.report.story.versions import versions_of


def changed_sources(history: History, sources: Sources) -> Sources | None:
    """Return the evaluator's files if they differ from the last version in the ledger, or if the ledger has none."""
    known = history.evaluators[-1].sources if history.evaluators else None
    return sources if sources and sources != known else None


def changed_evaluator(history: History, sources: Sources) -> str | None:
    """Return a description of how the evaluator differs from the ledger's last version; None if it does not."""
    if not history.evaluators or changed_sources(history, sources) is None:
        return None
    before, now = history.evaluators[-1], EvaluatorVersion(sources)
    return f"The evaluator has changed since the ledger last saw it ({now.changes(before)})"


def note_on(history: History, sources: Sources) -> str | None:
    """Return a note about a changed evaluator whose results count like the earlier ones."""
    changed = changed_evaluator(history, sources)
    if changed is None:
        return None
    measured = [f"{trials_text(version.trials)} by version {version.digest}" for version in versions_of(history)]
    by_now = f"Measured so far: {'; '.join(measured)}. " if measured else ""
    return (
        f"{changed}. {by_now}New evaluations are measured by version {EvaluatorVersion(sources).digest}. All results "
        "count alike. If they cannot be compared, give the campaign another `name`; with `evaluator_changed: "
        "refuse` in its file, a campaign stops at such a change."
    )


def refuse_changed(history: History, sources: Sources) -> None:
    """Raise InvalidDefinition if the evaluator has changed since the last version in the ledger."""
    if (changed := changed_evaluator(history, sources)) is not None:
        raise InvalidDefinition([refusal(changed)])


def refusal(changed: str) -> str:
    """Return the reason why a changed evaluator is refused, with the remedies."""
    return (
        f"`evaluator_changed`: {changed[0].lower()}{changed[1:]}, and `refuse` allows only one version for this "
        "campaign's trials. Nothing more was started. Undo the change; or set `evaluator_changed: note`, so that "
        "results of both versions count alike; or give the campaign another `name`."
    )
