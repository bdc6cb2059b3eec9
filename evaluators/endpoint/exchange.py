"""One HTTP request and its answer, limited in time and size; it never leaves the server that it is meant for."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from overnight.campaign.values.duration import format_duration

LARGEST_ANSWER = 1 << 20
_REDIRECTS = (301, 302, 303, 307, 308)
_SEE_OTHER = 303
# A server may close a connection that is kept for a redirect, just when the next request is sent.
_UNSHARED = httpx.Limits(max_keepalive_connections=0)
_MOST_REDIRECTS = 5


@dataclass(frozen=True)
class Answer:
    """The answer to a request: its `body` is None if it was too large to be read, and `url` is what answered.

    `elsewhere` is the address on another server to which the request was redirected; it was not sent there.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes | None
    elsewhere: str | None = None


class NoAnswer(Exception):
    """The server gave no complete answer in time; the message explains why."""


async def exchange(method: str, url: str, headers: Mapping[str, str], content: bytes | None, within: float) -> Answer:
    """Send a request and return its answer, which must be complete after so many seconds; raises NoAnswer.

    Redirects are followed on the same server only, so that no other one receives the headers or the content.
    """
    # A compressed answer could be small on the wire and huge in memory.
    headers = {**headers, "Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "overnight"}
    try:
        # The timeouts of httpx are for one read each, so an answer that drips would take forever.
        async with asyncio.timeout(within), httpx.AsyncClient(timeout=within, limits=_UNSHARED) as client:
            for _ in range(_MOST_REDIRECTS + 1):
                answer = await _once(client, method, url, headers, content)
                if answer.status not in _REDIRECTS or "location" not in answer.headers:
                    return answer
                url = absolute(answer.headers["location"], answer.url)
                if not is_same_server(url, answer.url):
                    return Answer(answer.url, answer.status, answer.headers, answer.body, elsewhere=url)
                if answer.status == _SEE_OTHER:
                    method, content = "GET", None
    except (TimeoutError, httpx.TimeoutException):
        raise NoAnswer(f"it gave no complete answer within {format_duration(within)}") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as problem:
        raise NoAnswer(f"{type(problem).__name__}: {problem}" if str(problem) else type(problem).__name__) from None
    raise NoAnswer(f"it redirected the request more than {_MOST_REDIRECTS} times")


async def _once(
    client: httpx.AsyncClient, method: str, url: str, headers: Mapping[str, str], content: bytes | None
) -> Answer:
    async with client.stream(method, url, headers=headers, content=content) as response:
        if (encoding := response.headers.get("content-encoding", "identity")).lower() != "identity":
            raise NoAnswer(f"it encoded its answer as {encoding!r:.40}, although it was asked not to")
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > LARGEST_ANSWER:
                return Answer(url, response.status_code, response.headers, None)
        return Answer(url, response.status_code, response.headers, bytes(body))


def absolute(address: str, base: str) -> str:
    """Return an address that may be relative to another one; raises NoAnswer if it is none."""
    try:
        return str(httpx.URL(base).join(address))
    except (httpx.InvalidURL, ValueError) as problem:
        raise NoAnswer(f"it named an address that cannot be read ({problem})") from None


def is_same_server(url: str, other: str) -> bool:
    """Return whether two addresses have the same scheme, host and port; one with a password has not."""
    one, two = httpx.URL(url), httpx.URL(other)
    return not one.userinfo and (one.scheme, one.host, _port(one)) == (two.scheme, two.host, _port(two))


def _port(url: httpx.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)
