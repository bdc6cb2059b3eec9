"""`overnight deploy`: let a Prefect server start a campaign when its window opens."""

import asyncio
from pathlib import Path

from overnight.campaign.errors import CannotStart
from overnight.campaign.values.duration import format_duration
from overnight.campaign.window import AGAIN
from overnight.evaluators.secrets.environment import written_out
from overnight.flows.clusters.places.on_pool import OnPool
from overnight.flows.definition.at_lines import at_lines_of
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.definition.receipts import receipts_of
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.named_server import named_server
from overnight.flows.host.prefect_environment import prepare_prefect
from overnight.flows.host.quick_import import quick_import
from overnight.flows.host.terminal import terminal
from overnight.flows.session.newest_receipt import check_or_accept
from overnight.storage import open_ledger


def deploy(path: Path, pool: str, accept_loss: str | None = None) -> None:
    """Create the deployment, and print when it starts and which workers it needs."""
    file = load_campaign_file(path)
    named = named_server()
    if named is None:
        raise CannotStart(
            "A deployment needs a permanent Prefect server: start one with `prefect server start`, and set "
            "PREFECT_API_URL to its address, in the environment or with `prefect config set`. Nothing was deployed."
        )
    prepare_prefect(Path(file.work))
    with at_lines_of(path):
        asyncio.run(file.check(runs_here=False))
    console = terminal()
    console.print(str(named), soft_wrap=True)
    ledger = open_ledger(file.ledger, file.campaign.name, Path())
    asyncio.run(check_or_accept(ledger, receipts_of(file), accept_loss, SystemClock(), console.print))
    # Imported only now, because Prefect reads its settings on import.
    asyncio.run(
        quick_import("overnight.flows.engine.reach").reach_prefect_to_deploy(
            lambda text: console.print(text, soft_wrap=True)
        )
    )
    now = SystemClock().now()
    name = asyncio.run(quick_import("overnight.flows.engine.deployment").deploy(file, pool, now))
    if written := ", ".join(written_out(file.evaluator.variables)):
        console.print(
            f"visible:       the values that the file sets for {written} are parameters of this deployment, and every "
            "reader of the server can see them; a variable that is only named gets its worker's own value",
            soft_wrap=True,
        )
    window = file.campaign.window
    if window is None:
        console.print(f"{name}: deployed without a schedule, since it has no `window`", soft_wrap=True)
        console.print(f"start it:      prefect deployment run {name}", soft_wrap=True)
    else:
        opens = window.local_text(window.next_opening(now))
        console.print(f"{name}: starts whenever its window {window} opens, next {opens}", soft_wrap=True)
        console.print(
            f"if it dies:    it continues within {format_duration(AGAIN)}, while the window is open", soft_wrap=True
        )
    console.print(f"to run it:     prefect worker start --pool {pool}", soft_wrap=True)
    if isinstance(file.run_on, OnPool):
        console.print(f"to evaluate:   prefect worker start --pool {file.run_on.pool}", soft_wrap=True)
    if file.proposing.pool is not None:
        console.print(f"to propose:    prefect worker start --pool {file.proposing.pool}", soft_wrap=True)
