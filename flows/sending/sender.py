"""Send the report of a run to people: the finding as the message, and the page as an attachment."""

import importlib
import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

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
    for name, thread in threads.items():
        thread.join(seconds)
        if thread.is_alive():
            failures[name] = f"no answer within {seconds:g} s"
    if failures:
        reasons = "; ".join(f"{name}: {why}" for name, why in failures.items())
        notify(f"The report was not sent everywhere ({reasons}). It is kept, and the campaign is not affected.")


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
        sender = apprise.Apprise()
        if not sender.add(address):
            return heard.last or "Apprise does not know this kind of address"
        attached = None if page is None else [str(page)]
        sent = sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.HTML, attach=attached)
        return None if sent else heard.last or "it was not accepted"


def _without_secrets(name: str, address: str, text: str) -> str:
    """Return the text without the address and its parts: which of them are secrets depends on the service."""
    parts = {part for part in _BETWEEN_PARTS.split(address) if len(part) >= _SECRET and "." not in part}
    secrets = {name: address} | {f"{name}[{i}]": part for i, part in enumerate(sorted(parts), 1)}
    return first_line(Redaction(secrets).text(text))[:_LONGEST_REASON]
