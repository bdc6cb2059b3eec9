"""The login: a token is exchanged for a cookie, so that it never appears in an address."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from overnight.flows.dashboard.entry.access import Access
from overnight.flows.dashboard.reading import page

login = APIRouter()


class Token(BaseModel):
    """The token as a person has entered it."""

    token: str = Field(max_length=1000)


@login.get("/login")
def form(request: Request) -> Response:
    """Return the form that asks for the token."""
    return page(request, "login", None, "Log in")


@login.post("/login")
def log_in(request: Request, given: Token) -> Response:
    """Set the cookie if the token is the right one."""
    access: Access = request.app.state.access
    if not access.is_token(given.token.strip()):
        text = (
            "This is not the token of this dashboard. It is in the address that the dashboard printed when it started."
        )
        return JSONResponse({"problem": text}, 403)
    answer = JSONResponse({"said": "logged in"})
    secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https:")
    answer.set_cookie(access.cookie, access.session, httponly=True, samesite="strict", secure=secure)
    return answer


@login.post("/logout")
def log_out(request: Request) -> Response:
    """Remove the cookie."""
    answer = JSONResponse({"said": "logged out"})
    answer.delete_cookie(request.app.state.access.cookie, httponly=True, samesite="strict")
    return answer
