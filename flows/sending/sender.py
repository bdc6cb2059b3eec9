"""Send the report of a run to people: the finding as the message, and the page as an attachment."""

import importlib
import re
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from overnight.campaign.values.harmless import first_line
from overnight.evaluators.secrets.environment import Redaction
from overnight.flows.sending.addresses import addresses_of
from overnight.flows.sending.heard import hearing_apprise

_LONGEST_REASON = 300
_BETWEEN_PARTS = re.compile(r"[/?&=@:#,]+")
# Shorter parts are words such as `smtp`.
_SECRET = 6


def send_report(
    names: Iterable[str], title: str, body: str, page: Path | None, notify: Callable[[str], None], seconds: float
) -> None:
    """Send HTML to the addresses in these variables, with a page attached; `notify` gets one text about failures.

    A server that hangs is left alone after so many seconds. Nothing is raised.
    """
    failures: dict[str, str] = {}
    found = addresses_of(names)
    failures |= dict.fromkeys((name for name in names if name not in found), "the variable is not set")
    threads = {
        name: threading.Thread(
            target=_send, args=(name, address, title, body, page, failures), name=f"send to {name}", daemon=True
        )
        for name, address in found.items()
    }
    for thread in threads.values():
        thread.start()
    until = time.monotonic() + seconds
    for name, thread in threads.items():
        thread.join(max(until - time.monotonic(), 0.0))
        if thread.is_alive():
            failures[name] = f"no answer within {seconds:g} s"
    if failures:
        reasons = "; ".join(f"{name} ({why})" for name, why in failures.items())
        notify(f"The report was not sent to {reasons}. The campaign is not affected.")


def _send(name: str, address: str, title: str, body: str, page: Path | None, failures: dict[str, str]) -> None:
    """Send to one address, and note why it failed."""
    try:
        why = _refusal(address, title, body, page)
    except Exception as problem:
        why = f"{type(problem).__name__}: {problem}"
    if why is not None:
        failures[name] = _without_secrets(name, address, why)


def _refusal(address: str, title: str, body: str, page: Path | None) -> str | None:
    """Return why the message was not sent; None if it was."""
    apprise: Any = importlib.import_module("apprise")
    with hearing_apprise() as heard:
        # A variable may hold several addresses. They are tried in this thread, in which Apprise's warnings are heard.
        sender = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
        if not sender.add(address):
            # Its own message would repeat the address.
            return "Apprise does not know this kind of address, or a part of it is wrong"
        attached = None if page is None else [str(page)]
        sent = sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.HTML, attach=attached)
        return None if sent else heard.last or "it was not accepted"


def _without_secrets(name: str, address: str, text: str) -> str:
    """Return the text without the address and its parts: which of them are secrets depends on the service."""
    written = [address, unquote(address)]
    parts = {part for text in written for part in _BETWEEN_PARTS.split(text) if len(part) >= _SECRET}
    with suppress(ValueError):
        password = urlsplit(address).password or ""
        parts |= {password, unquote(password)} - {""}
        # The host is no secret, and tells which server refused.
        parts -= {part for part in parts if part.lower() == urlsplit(address).hostname}
    secrets = {name: address} | {f"{name}[{i}]": part for i, part in enumerate(sorted(parts), 1)}
    return first_line(Redaction(secrets).text(text))[:_LONGEST_REASON]
