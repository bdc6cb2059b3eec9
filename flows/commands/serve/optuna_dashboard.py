"""`overnight optuna-dashboard`: show campaigns in Optuna's own dashboard."""

from overnight.flows.optuna_studies.opening import require, storage_at


def optuna_dashboard(ledger: str, port: int) -> None:
    """Show the page on this machine until Ctrl-C."""
    require("optuna_dashboard")
    storage = storage_at(ledger)
    # Only now is it known that the library is installed.
    from overnight.flows.optuna_studies.server import serve

    serve(storage, port)
