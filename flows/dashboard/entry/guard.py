"""Refuse requests that may not be answered, and add to each answer the headers that keep a browser safe."""

from base64 import b64encode
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from overnight.flows.dashboard.entry.access import Access

_READS = ("GET", "HEAD")
# Needed before a login.
OPEN = ("/login", "/static/")
_MOST_BYTES = 1 << 20
# Plotly empties the style of a colour bar that it draws again.
_EMPTY = f"sha256-{b64encode(sha256().digest()).decode()}"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        f"object-src 'none'; style-src-attr 'unsafe-hashes' '{_EMPTY}'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """An ASGI application around another one, which it asks only if a request may be answered."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        scope["known"] = known = self._access.is_known(headers, _cookies(headers))
        refused = self._refused(scope["method"], scope["path"], headers, known=known)
        await (refused or self._app)(scope, receive, _with_headers(send, scope["path"]))

    def _refused(self, method: str, path: str, headers: Headers, *, known: bool) -> Response | None:
        if not self._access.answers(headers.get("host", "")):
            return _text(
                421,
                "This server does not answer to the host name of this request. Open it under the address that it "
                "printed, or start it with --allow-host NAME.",
            )
        writes, free = method not in _READS, path.startswith(OPEN)
        if _embeds(headers) or (writes and not self._access.is_own_page(headers)):
            return _text(403, "The request came from a page of another origin, so nothing was done.")
        if writes and not _is_short(headers):
            return _text(413, f"Expected a body with its length, of at most {_MOST_BYTES} bytes.")
        if free or known or (self._access.local and not writes):
            return None
        if not writes and "text/html" in headers.get("accept", ""):
            return RedirectResponse("/login", 303)
        return _text(401, "The request has no valid token, so nothing was done. Log in on this page first.")


def _embeds(headers: Headers) -> bool:
    """Return whether a page of another origin asks in the background, and not a person who follows a link."""
    elsewhere = headers.get("sec-fetch-site", "none") not in ("same-origin", "none")
    return elsewhere and headers.get("sec-fetch-mode") != "navigate"


def _is_short(headers: Headers) -> bool:
    # A body in chunks may be longer than the length that is claimed with it, which the server ignores.
    length = "" if "transfer-encoding" in headers else headers.get("content-length", "")
    return length.isdecimal() and int(length) <= _MOST_BYTES


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {name: each.value for name, each in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def _text(status: int, text: str) -> Response:
    return PlainTextResponse(text, status)


def _with_headers(send: Send, path: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            headers.setdefault("Cache-Control", "no-cache" if path.startswith("/static/") else "no-store")
        await send(message)

    return sending
