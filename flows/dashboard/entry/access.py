"""Decide who may look and who may write: a token, the page's own origin, and known names of this server."""

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

from overnight.campaign.errors import CannotStart

VARIABLE = "OVERNIGHT_DASHBOARD_TOKEN"
_LEAST = 16
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(:[0-9]{1,5})?")


@dataclass(frozen=True)
class Access:
    """The token, which is never printed with this object; requests must name one of `hosts`.

    If the server can be reached from elsewhere, looking needs the token as well.
    """

    token: str = field(repr=False)
    port: int
    hosts: tuple[str, ...] = _LOOPBACK
    local: bool = True

    @property
    def cookie(self) -> str:
        """Return the name of the cookie; browsers send cookies to every port of a host."""
        return f"overnight_{self.port}"

    @property
    def session(self) -> str:
        """Return the value of the cookie, from which the token cannot be found."""
        return hmac.new(self.token.encode(), b"session of the dashboard", sha256).hexdigest()

    def is_token(self, given: str) -> bool:
        """Return whether this is the token, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def is_known(self, headers: Mapping[str, str], cookies: Mapping[str, str]) -> bool:
        """Return whether a request has the token in its header `Authorization`, or the cookie of a login."""
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.is_token(given.strip())
        return hmac.compare_digest(cookies.get(self.cookie, "").encode(), self.session.encode())

    def answers(self, host: str) -> bool:
        """Return whether a request's `Host` is a name of this server; another name may be DNS rebinding."""
        found = _HOST.fullmatch(host)
        return found is not None and found["name"].strip("[]").rstrip(".").lower() in self.hosts

    def is_own_page(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request that may write comes from a page of this server, or from no page at all."""
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return False
        origin = headers.get("origin")
        if origin is None:
            # A browser sends `Origin` with each POST, so this is a program, which has to send the token itself.
            return "authorization" in headers
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def access_for(host: str, port: int, given: str | None, names: tuple[str, ...] = ()) -> Access:
    """Return the access to a server at this address with the token that was given, or else a new one.

    Raises CannotStart if the given token is too easy to guess.
    """
    if given is not None and len(given) < _LEAST:
        raise CannotStart(
            f"{VARIABLE}: expected at least {_LEAST} characters, found {len(given)}. A short token can be guessed; "
            "leave the variable out, and a new token is made at each start."
        )
    known = {name.strip("[]").rstrip(".").lower() for name in (*_LOOPBACK, host, *names)}
    return Access(given or secrets.token_urlsafe(32), port, tuple(sorted(known)), is_loopback(host))


def is_loopback(host: str) -> bool:
    """Return whether only programs of this machine reach a server at this address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
