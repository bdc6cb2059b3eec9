"""Check before anything starts that the named Prefect server answers and admits us."""

from collections.abc import Callable

import httpx
from prefect.client.base import ServerType
from prefect.client.orchestration import PrefectClient, get_client
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)

from overnight.campaign.errors import CannotStart
from overnight.flows.host.named_server import ENVIRONMENT, NamedServer, named_server
from overnight.flows.host.patience import wait_for

_PATIENCE = 60.0
_NOTHING = "Nothing was started."
_OR_NONE = ", correct the address, or unset {setting} to use a private server."
# `overnight deploy` has a person waiting, and needs a server that is still there tonight.
_PATIENCE_TO_DEPLOY = 10.0
_TO_DEPLOY = " or correct the address: a deployment needs a permanent server."


async def reach_prefect(notify: Callable[[str], None], patience: float = _PATIENCE, instead: str = _OR_NONE) -> None:
    """Return once the server answers as it should.

    A server that does not answer may be starting: it is asked again for `patience` seconds; `notify` is called once.
    Raises CannotStart if that does not help, with advice: to start a server, or else `instead`.
    """
    if (problem := await wait_for(_problem, notify, patience)) is not None:
        raise CannotStart(
            f"{problem} Start one with `prefect server start`{instead.format(setting=_setting())} {_NOTHING}"
        )


async def reach_prefect_to_deploy(notify: Callable[[str], None], patience: float = _PATIENCE_TO_DEPLOY) -> None:
    """Return once the server answers as it should; raises CannotStart as `reach_prefect` does."""
    await reach_prefect(notify, patience, _TO_DEPLOY)


async def _problem() -> str | None:
    """Return why the server does not answer; raises CannotStart if another try would change nothing."""
    where, setting = _address(), _setting()
    try:
        # The client's own retries would continue in silence for half an hour.
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            async with get_client() as client:
                await _ask(client)
    except httpx.HTTPStatusError as problem:
        if problem.response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            return f"{setting}: the Prefect server at {where} answers {problem.response.status_code}."
        raise CannotStart(_refusal(where, problem.response.status_code)) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError, ValueError) as problem:
        why = str(problem) or type(problem).__name__
        return f"{setting}: expected a Prefect server at {where}, found none ({why})."
    return None


async def _ask(client: PrefectClient) -> None:
    """Request something that the server gives only to clients that it admits."""
    if client.server_type is ServerType.CLOUD:
        # Prefect Cloud reports no version.
        await client.read_flows(limit=1)
    else:
        await client.api_version()


def _refusal(where: str, status: int) -> str:
    if status not in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return (
            f"{_setting()}: expected the API of a Prefect server at {where}, found something that answers {status}. "
            f"The address ends with /api, as `prefect server start` prints it. {_NOTHING}"
        )
    if where.startswith("https://api.prefect.cloud"):
        return f"PREFECT_API_KEY: Prefect Cloud answers {status}. Log in with `prefect cloud login`. {_NOTHING}"
    ours = "is another one" if PREFECT_API_AUTH_STRING.value() else "is not set"
    return (
        f"PREFECT_API_AUTH_STRING: the Prefect server at {where} answers {status}: it expects the auth string that it "
        f"was started with (its PREFECT_SERVER_API_AUTH_STRING), and PREFECT_API_AUTH_STRING here {ours}. Set it to "
        f"the same `user:password`. {_NOTHING}"
    )


def _address() -> str:
    """Return the address that Prefect uses, without any password in it."""
    return NamedServer(PREFECT_API_URL.value() or "", "").address


def _setting() -> str:
    """Return the setting that names the server, with the file that holds it."""
    named = named_server()
    return PREFECT_API_URL.name if named is None or named.source == ENVIRONMENT else named.setting
