"""The web application of the dashboard."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from overnight.flows.dashboard.asking import asking
from overnight.flows.dashboard.entry.access import Access
from overnight.flows.dashboard.entry.guard import Guard
from overnight.flows.dashboard.login import login
from overnight.flows.dashboard.reading import page, reading
from overnight.flows.dashboard.watch import Watch


def application(watch: Watch, access: Access, closing: Callable[[], bool] = lambda: False) -> ASGIApp:
    """Return the application; its feeds end once `closing` is true."""
    app = FastAPI(lifespan=_reading_ahead, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.watch, app.state.access, app.state.closing = watch, access, closing
    for router in (reading, asking, login):
        app.include_router(_answering_head(router))
    app.add_exception_handler(HTTPException, _problem)
    app.add_exception_handler(404, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    return Guard(app, access)


@asynccontextmanager
async def _reading_ahead(app: FastAPI) -> AsyncIterator[None]:
    """Begin to read as soon as the server starts, so that the first page need not wait for all of a long ledger."""
    ahead = asyncio.create_task(app.state.watch.read_new())
    yield
    ahead.cancel()


def _answering_head(router: APIRouter) -> APIRouter:
    """Have each address that answers GET answer HEAD as well; the server leaves out the body."""
    for route in router.routes:
        if isinstance(route, APIRoute) and route.methods is not None and "GET" in route.methods:
            route.methods.add("HEAD")
    return router


async def _problem(request: Request, problem: Exception) -> Response:
    """Return an error as a page or as a text."""
    status = problem.status_code if isinstance(problem, HTTPException) else 404
    text = problem.detail if isinstance(problem, HTTPException) else "There is no such page."
    if "text/html" in request.headers.get("accept", ""):
        found = page(request, "problem", None, "Not found", problem=text)
        found.status_code = status
        return found
    return PlainTextResponse(text, status)


async def _invalid(request: Request, problem: Exception) -> Response:
    """Return what is wrong with a request, without the values in it."""
    found = problem.errors() if isinstance(problem, RequestValidationError) else []
    texts = [f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in found]
    return JSONResponse({"problem": f"{'; '.join(texts)}. Nothing was written."}, 422)
