"""Send the report of a run to people: the finding as the message, and the page as an attachment."""

import importlib
import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from overnight.campaign.values.harmless import first_line
from overnight.evaluators.secrets.environment import Redaction
from overnight.flows.sending.addresses import addresses_of

_LONGEST_REASON = 300
_CREDENTIALS = re.compile(r"//([^/@]*)@")


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
    sender = apprise.Apprise()
    if not sender.add(address):
        return "Apprise does not know this kind of address"
    heard = _Heard()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    try:
        sent = sender.notify(
            title=title,
            body=body,
            body_format=apprise.NotifyFormat.HTML,
            attach=None if page is None else [str(page)],
        )
    finally:
        logger.removeHandler(heard)
    return None if sent else heard.last or "it was not accepted"


class _Heard(logging.Handler):
    """The last warning of Apprise in this thread, which has no other way to report why something failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        if record.thread == self._thread:
            self.last = record.getMessage()


def _without_secrets(name: str, address: str, text: str) -> str:
    """Return the text without the address and its credentials."""
    secrets: Mapping[str, str] = {name: address}
    if found := _CREDENTIALS.search(address):
        password = found[1].partition(":")[2]
        secrets = {**secrets, **({f"{name}'s password": password} if password else {})}
    return first_line(Redaction(dict(secrets)).text(text))[:_LONGEST_REASON]
