"""`overnight dashboard`: follow campaigns on a local web page, and steer them there."""

from collections.abc import Sequence

from overnight.flows.dashboard.server import serve


def dashboard(ledger: str, host: str, port: int, names: Sequence[str]) -> None:
    """Show the page until Ctrl-C."""
    serve(ledger, host, port, tuple(names))
