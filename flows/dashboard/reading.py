"""The addresses that only read: pages, their parts, their feeds, and files."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from overnight.campaign.errors import OvernightError
from overnight.flows.dashboard.audit import audit_part, verification_part
from overnight.flows.dashboard.feed import feed
from overnight.flows.dashboard.followed import Followed, Seen, seen_of
from overnight.flows.dashboard.overview import card_of, list_part, pictures_part, summary_part
from overnight.flows.dashboard.templates import part, rendered, static_file
from overnight.flows.dashboard.trials import Chosen, orders, statuses, table_part, trial_part
from overnight.flows.dashboard.watch import Watch
from overnight.flows.host.clock import SystemClock
from overnight.flows.session.lease import controller_lives

reading = APIRouter()
_JSON = "application/json"
# Of a text to search for, and of the name of an order.
_LONGEST = 300


def _watch(request: Request) -> Watch:
    return request.app.state.watch


async def campaign(request: Request, name: str) -> Followed:
    """Return the campaign of this name; raises the error 404 if the place has none."""
    found = await _watch(request).followed(name)
    if found is None:
        raise HTTPException(404, f"{_watch(request).place.address}: no campaign `{name}` was found there.")
    return found


async def look(request: Request, followed: Followed) -> Seen:
    """Return the newest state of a campaign, at most as old as the interval between looks."""
    return await followed.look(_watch(request).every / 2)


@reading.get("/static/{name}")
def static(request: Request, name: str) -> Response:
    """Return a script or a style sheet, unless the browser has it already."""
    found = static_file(name)
    if found is None:
        raise HTTPException(404, "No such file.")
    if request.headers.get("if-none-match") == found.tag:
        return Response(status_code=304, headers={"ETag": found.tag})
    return Response(found.text, media_type=found.kind, headers={"ETag": found.tag})


@reading.get("/")
async def start(request: Request) -> Response:
    """Return the list of campaigns, or go to the only one."""
    only = _watch(request).place.only
    if only is not None:
        return RedirectResponse(request.url_for("overview", name=only).path, 303)
    return page(request, "list", None, "Campaigns")


@reading.get("/feed")
def list_feed(request: Request) -> Response:
    """Return the feed of the list."""
    return feed(request, lambda: list_version(_watch(request)), _watch(request).every)


@reading.get("/parts/list")
async def list_of_campaigns(request: Request) -> Response:
    """Return the list of campaigns."""
    watch, now = _watch(request), SystemClock().now()
    kept, problem = await watch.listed()
    cards = [card_of(each, watch.known(each.name), now) for each in kept]
    version = await list_version(watch, read=False)
    return Response(await asyncio.to_thread(list_part, cards, watch.place.address, problem, version), media_type=_JSON)


async def list_version(watch: Watch, *, read: bool = True) -> str:
    """Return the version of the list; some campaigns that have changed are read on the way."""
    if read:
        await watch.read_new()
    kept, problem = await watch.listed()
    cards = tuple((each, seen_of(watch.known(each.name))) for each in kept)
    versions = tuple((each, seen.version, controller_lives(seen.history)) for each, seen in cards)
    return str(abs(hash((versions, problem))))


@reading.get("/campaigns/{name}")
async def overview(request: Request, name: str) -> Response:
    """Return the page about a campaign."""
    return page(request, "overview", await campaign(request, name), name)


@reading.get("/campaigns/{name}/trials")
async def trials(request: Request, name: str) -> Response:
    """Return the page with the table of trials."""
    followed = await campaign(request, name)
    seen = await look(request, followed)
    known = seen.history.defined is not None
    return page(
        request,
        "table",
        followed,
        f"Trials of {name}",
        orders=orders(seen.history) if known else ["trial"],
        statuses=statuses(),
    )


@reading.get("/campaigns/{name}/trials/{number}")
async def one_trial(request: Request, name: str, number: int) -> Response:
    """Return the page about a trial."""
    return page(request, "one", await campaign(request, name), f"Trial {number} of {name}", number=number)


@reading.get("/campaigns/{name}/audit")
async def audit(request: Request, name: str) -> Response:
    """Return the page with everything that was done, and by whom."""
    return page(request, "audit", await campaign(request, name), f"Audit of {name}")


@reading.get("/campaigns/{name}/feed")
async def campaign_feed(request: Request, name: str) -> Response:
    """Return the feed of a campaign."""
    followed = await campaign(request, name)

    async def version() -> str:
        return f"{(await look(request, followed)).version}{followed.learning.mark}"

    return feed(request, version, _watch(request).every)


@reading.get("/campaigns/{name}/parts/summary")
async def summary(request: Request, name: str) -> Response:
    """Return how a campaign stands."""
    return await _kept_part(request, name, "summary", summary_part)


@reading.get("/campaigns/{name}/parts/pictures")
async def pictures(request: Request, name: str) -> Response:
    """Return the sections of the report and their charts; the model of a running campaign is asked if that is due."""
    followed = await campaign(request, name)
    followed.learning.ask_if_due((await look(request, followed)).history)
    return await _kept_part(request, name, "pictures", pictures_part)


@reading.get("/campaigns/{name}/parts/trials")
async def table(
    request: Request,
    name: str,
    status: Annotated[str, Query(max_length=_LONGEST)] = "",
    text: Annotated[str, Query(max_length=_LONGEST)] = "",
    order: Annotated[str, Query(max_length=_LONGEST)] = "trial",
    descending: bool = True,
    number: Annotated[int, Query(ge=1, alias="page")] = 1,
) -> Response:
    """Return a page of the table of trials."""
    seen = await look(request, await campaign(request, name))
    chosen = Chosen(status, text, order, descending, number)
    return Response(await asyncio.to_thread(table_part, name, seen, chosen), media_type=_JSON)


@reading.get("/campaigns/{name}/parts/trials/{number}")
async def trial(request: Request, name: str, number: int) -> Response:
    """Return everything about a trial."""
    followed = await campaign(request, name)
    seen = await look(request, followed)
    try:
        found = await trial_part(followed, seen, number)
    except OvernightError as problem:
        found = part(rendered("alone.html.jinja", name=name, problem=str(problem)), seen.version)
    if found is None:
        text = seen.problem or f"{name}: expected a trial up to {seen.history.trials.last}, found no trial {number}."
        found = part(rendered("alone.html.jinja", name=name, problem=text), seen.version)
    return Response(found, media_type=_JSON)


@reading.get("/campaigns/{name}/parts/audit")
async def deeds(request: Request, name: str, number: Annotated[int, Query(ge=1, alias="page")] = 1) -> Response:
    """Return what was done, and by whom."""
    followed = await campaign(request, name)
    seen = await look(request, followed)
    return Response(await asyncio.to_thread(audit_part, followed, seen, number), media_type=_JSON)


@reading.get("/campaigns/{name}/parts/verification")
async def verification(request: Request, name: str) -> Response:
    """Verify the ledger now."""
    followed = await campaign(request, name)
    async with followed.verifying:
        return Response(await asyncio.to_thread(verification_part, followed), media_type=_JSON)


async def _kept_part(
    request: Request, name: str, which: str, make: Callable[[Followed, Seen, datetime], str]
) -> Response:
    """Return a part that is made once for everybody who looks at the same time."""
    followed = await campaign(request, name)
    seen, now = await look(request, followed), SystemClock().now()
    return Response(await followed.made(which, seen, now, make), media_type=_JSON)


def page(request: Request, what: str, followed: Followed | None, title: str, **values: object) -> Response:
    """Return a page without its parts, which its script fetches."""
    access = request.app.state.access
    html = rendered(
        f"{what}.page.html.jinja",
        title=title,
        name=None if followed is None else followed.name,
        only=_watch(request).place.only is not None,
        may_act=bool(request.scope.get("known")),
        local=access.local,
        **values,
    )
    return HTMLResponse(html)
