"""The addresses that write: the forms of requests, and the requests themselves."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from overnight.campaign import Campaign, History
from overnight.campaign.errors import OvernightError, Refused
from overnight.campaign.history.events import Event
from overnight.campaign.parameters import Value
from overnight.campaign.values.harmless import harmless
from overnight.campaign.values.spelling import yaml_text
from overnight.flows.dashboard.bounds import bounded, with_bounds
from overnight.flows.dashboard.changes import changeable_text, with_changes
from overnight.flows.dashboard.entered import Asked, measured_of, point_of
from overnight.flows.dashboard.learning.learnt import revision_of
from overnight.flows.dashboard.reading import campaign, look
from overnight.flows.dashboard.templates import rendered
from overnight.flows.people import approval, requests, trials_by_hand
from overnight.flows.people.appending import append, heard_text, user_at_host
from overnight.flows.people.revising import revise
from overnight.report.numbers import value_text
from overnight.report.story.revisions import changes_of
from overnight.report.trial_facts import point_text

asking = APIRouter()
# Seconds to wait until a request is written.
_PATIENCE = 60.0
What = Literal[
    "approve", "reject", "abandon", "pause", "resume", "drain", "stop", "suggest", "report", "revise", "change"
]
_TITLES: dict[What, str] = {
    "approve": "Approve trial {}",
    "reject": "Reject trial {}",
    "abandon": "Abandon trial {}",
    "pause": "Pause the campaign",
    "resume": "Resume the campaign",
    "drain": "Drain the campaign",
    "stop": "Stop the campaign at once",
    "suggest": "Suggest a point",
    "report": "Report the result of trial {}",
    "revise": "Revise a bound",
    "change": "Revise the definition",
}
_EFFECTS: dict[What, str] = {
    "approve": "The trial may start.",
    "reject": "The trial ends, and its point is not proposed again.",
    "abandon": "The trial and its evaluation end without a result, and the model forgets it.",
    "pause": "Nothing new starts until the campaign is resumed; running evaluations continue.",
    "resume": "The campaign starts new trials again.",
    "drain": "Running evaluations end and are recorded, nothing new starts, and the controller ends.",
    "stop": "Running evaluations are ended, their trials are tried again later, and the controller ends.",
    "suggest": "The point is tried before the model's own, and the budget counts it.",
    "report": "The trial ends with this result, and the model learns from it. No evaluator runs for the trial.",
    "change": (
        "Change values, add keys, or write null to remove one; keys that you leave out stay as they are. The changes "
        "hold from the next proposal on. Waiting trials outside of the new space are abandoned; old results stay. The "
        "campaign's file is not changed: write the same into it before you change it again."
    ),
    "revise": (
        "The bounds hold from the next proposal on. Waiting trials outside of them are abandoned; old results stay. "
        "The campaign's file is not changed: write the same bounds into it before you change it again."
    ),
}
_DONE = {
    "approve": "approved",
    "reject": "rejected",
    "abandon": "abandoned",
    "pause": "paused",
    "resume": "resumed",
}
# As on the command line.
_REASON_NEEDED: frozenset[What] = frozenset({"approve", "reject", "abandon", "pause", "suggest"})
_OF_TRIALS: frozenset[What] = frozenset({"approve", "reject", "abandon", "report"})
_REVISIONS: frozenset[What] = frozenset({"revise", "change"})


@asking.get("/campaigns/{name}/forms/{what}")
async def form(request: Request, name: str, what: What, trial: int | None = None) -> Response:
    """Return the form of a request."""
    followed = await campaign(request, name)
    history = (await look(request, followed)).history
    if history.defined is None or (what in _OF_TRIALS and trial not in history.trials):
        raise HTTPException(404, "The campaign or the trial is not there any more.")
    definition = history.definition
    html = rendered(
        "form.html.jinja",
        address=f"/campaigns/{name}/requests/{what}",
        what=what,
        title=_TITLES[what].format(trial),
        effect=_EFFECTS[what],
        needed=what in _REASON_NEEDED,
        trial=trial,
        revision=revision_of(history) if what in _REVISIONS else None,
        about=_about(history, trial) if what in _OF_TRIALS else "",
        parameters=_fields(history) if what == "suggest" else [],
        metrics=definition.expected_metrics if what in ("suggest", "report") else (),
        required={*definition.expected_metrics} - {*definition.optional_metrics} if what == "report" else (),
        changes=changeable_text(definition) if what == "change" else "",
        bounds=_bounds(definition) if what == "revise" else [],
    )
    return HTMLResponse(html)


@asking.post("/campaigns/{name}/requests/{what}")
async def ask(request: Request, name: str, what: What, asked: Asked) -> Response:
    """Append a request to the ledger, and return what was written and when a controller reads it."""
    followed = await campaign(request, name)
    try:
        _refuse_unnamed(what, asked)
        written = append(
            followed.place.ledger(name),
            followed.place.receipts,
            f"{harmless(asked.who)} (dashboard of {user_at_host()})",
            lambda history, who, now: events_of(what, asked, history, who, now),
            f"{followed.place.location(name)}: expected the ledger of campaign `{name}`, found nothing.",
        )
        history = await asyncio.wait_for(written, _PATIENCE)
    except OvernightError as problem:
        return JSONResponse({"problem": str(problem)}, 409)
    except TimeoutError:
        text = "The ledger's store does not answer. The request may still be written: look at the audit later."
        return JSONResponse({"problem": text}, 504)
    await followed.look()
    return JSONResponse({"said": f"{_done(what, asked, history)}; {heard_text(history, 'overnight run CAMPAIGN')}."})


def events_of(what: What, asked: Asked, history: History, who: str, now: datetime) -> Sequence[Event]:
    """Return the events that the same request on the command line would append; raises Refused as that does."""
    why, trial = asked.why, asked.trial or 0
    match what:
        case "approve":
            return approval.approve(history, who, why, now, trial)
        case "reject":
            return approval.reject(history, who, why, now, trial)
        case "abandon":
            return trials_by_hand.abandon(history, who, why, now, trial)
        case "pause":
            return requests.pause(history, who, why, now)
        case "resume":
            return requests.resume(history, who, why, now)
        case "drain":
            return requests.ask_living_to_stop(history, who, why, now, at_once=False)
        case "stop":
            return requests.ask_living_to_stop(history, who, why, now, at_once=True)
        case "suggest":
            return _suggested(asked, history, who, now)
        case "report":
            return trials_by_hand.report_result(history, who, why, now, trial, measured_of(asked))
        case "revise" | "change":
            return _revised(what, asked, history, who, now)


def _revised(what: What, asked: Asked, history: History, who: str, now: datetime) -> Sequence[Event]:
    """Return the revision, with the evaluator and the proposer as they are recorded.

    Raises Refused if there was another revision since the form was opened, because the form holds the values of then.
    """
    latest = history.revised or history.defined
    assert latest is not None
    if asked.revision not in (None, revision_of(history)):
        raise Refused("The definition was revised since this form was opened. Nothing was written. Open it again.")
    if what == "revise":
        campaign = with_bounds(history.definition, asked.parameter, asked.bounds)
    else:
        campaign = with_changes(history, asked.changes)
    return revise(history, who, asked.why, now, campaign, dict(latest.settings))


def _suggested(asked: Asked, history: History, who: str, now: datetime) -> Sequence[Event]:
    point = point_of(asked, history.definition)
    if measured := measured_of(asked):
        return trials_by_hand.suggest_measured(history, who, asked.why, now, point, measured)
    return trials_by_hand.suggest(history, who, asked.why, now, point)


def _refuse_unnamed(what: What, asked: Asked) -> None:
    if not asked.who or "\n" in asked.who:
        raise Refused("Expected your name in one line, so that later readers know who asked. Nothing was written.")
    if what in _REASON_NEEDED and not asked.why:
        raise Refused("Expected a reason for later readers, found none. Nothing was written.")


def _done(what: What, asked: Asked, history: History) -> str:
    match what:
        case "approve" | "reject" | "abandon":
            return f"Trial {asked.trial} is {_DONE[what]}"
        case "suggest":
            return f"Trial {history.next_trial - 1} is added"
        case "report":
            return f"The result of trial {asked.trial} is recorded"
        case "revise":
            return f"The bounds of {asked.parameter} are revised"
        case "change":
            changes = changes_of(history.superseded[-1], history.definition)
            return f"The definition is revised: it {'; it '.join(changes)}"
        case "stop":
            return "The controller is asked to stop at once"
        case "drain":
            return "The controller is asked to drain"
    return f"The campaign is {_DONE[what]}"


def _about(history: History, trial: int | None) -> str:
    return "" if trial is None else point_text(history.trials[trial], history.definition.shown_parameters)


def _fields(history: History) -> list[dict[str, Any]]:
    """Return a field for each parameter of a point: its values in words, and its choices if they are listed."""
    found = []
    for name, each in history.definition.shown_parameters.items():
        found.append({"name": name, "described": each.described(), "listed": [_exact(value) for value in each.listed]})
    return found


def _bounds(definition: Campaign) -> list[dict[str, str]]:
    """Return the bounds of each parameter that has some: exactly, for the form's fields, and in words."""
    return [
        {"name": name, "low": _exact(low), "high": _exact(high), "now": f"{value_text(low)} to {value_text(high)}"}
        for name, (low, high) in bounded(definition).items()
    ]


def _exact(value: Value) -> str:
    """Return a value as a text from which exactly this value is read again, because the form posts what it shows."""
    return repr(value) if isinstance(value, float) else yaml_text(value)
