"""Run a whole campaign from Python in one call."""

import asyncio
import contextlib
import functools
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overnight.campaign import History
from overnight.campaign.errors import CannotStart
from overnight.campaign.parameters import Value
from overnight.campaign.recommendation import Recommendation
from overnight.campaign.values.printed import Printed
from overnight.evaluators.sources import SourceFiles
from overnight.flows.api.sync import run_sync
from overnight.flows.controller.finished import is_over, why_not_fixed
from overnight.flows.controller.shift import why_not_yet
from overnight.flows.definition.at_lines import at_lines_of
from overnight.flows.definition.campaign_file import CampaignFile, read_campaign
from overnight.flows.definition.fixing import for_this_run, with_fixed
from overnight.flows.definition.places import refuse_overlaps, refuse_unusable_places
from overnight.flows.definition.receipts import receipts_of
from overnight.flows.engine.server import prefect_server
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.log import LOG
from overnight.flows.host.named_server import named_server
from overnight.flows.host.prefect_environment import prepare_prefect
from overnight.flows.host.quick_import import quick_import
from overnight.flows.host.stop import StopRequest
from overnight.flows.rules.evaluator_changes import refuse_changed
from overnight.flows.rules.recommending import recommendation_of
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import refuse_if_it_lives_here
from overnight.flows.session.newest_receipt import check_or_accept
from overnight.flows.session.opening import effective_definition, refuse_another, why_outdated
from overnight.storage import open_ledger

# The name in messages of a campaign that has no file.
_MAPPING = "CAMPAIGN"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True)
class CampaignResult(Printed):
    """The result of a campaign; if a closed window kept it from starting, `not_yet` names the next opening."""

    history: History
    recommendation: Recommendation | None
    not_yet: str | None = None

    def __str__(self) -> str:
        return "\n".join(str(part) for part in (self.not_yet, self.history, self.recommendation) if part is not None)


def run_campaign(
    source: CampaignFile | Mapping[str, Any] | str | Path,
    *,
    watch: Callable[[History], None] = lambda history: None,
    on_stop: Callable[[StopRequest], None] = lambda stop: None,
    notify: Callable[[str], None] = LOG.warning,
    report: Callable[[History], Path] | None = None,
    fix: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
    ignore_window: bool = False,
    accept_loss: str | None = None,
) -> CampaignResult:
    """Run or resume a campaign, given as the path of its file, a mapping with the same keys, or a CampaignFile.

    Ctrl-C drains: no new trials start, and running ones are recorded; a second Ctrl-C stops at once. `watch` is called
    with the history after every append, `on_stop` after every request to stop, `notify` with each warning. `report`
    writes the report that the user's own Prefect server links to, by default into the work folder. Outside its window
    the campaign starts and writes nothing, unless `ignore_window` is set, but it waits for evaluations that an earlier
    controller left running. `fix` keeps parameters at values during this run, and `context` restricts its new trials to
    the contexts with these values. `accept_loss` is the recorded reason to continue with a ledger that contradicts its
    newest receipt. Raises an OvernightError for a wrong definition, a held campaign, such a ledger, or too many
    failures in a row; events recorded until then stay.
    """
    file = read_campaign(source)
    path = source if isinstance(source, str | Path) else None
    fixed = for_this_run(file, fix or {}, context or {})
    history, not_yet = run_sync(
        _run(file, path, fixed, watch, on_stop, notify, report, ignore_window=ignore_window, accept_loss=accept_loss)
    )
    if not_yet is not None:
        return CampaignResult(history, None, not_yet)
    return CampaignResult(history, recommendation_of(history, file.proposer))


async def _run(
    file: CampaignFile,
    path: str | Path | None,
    fixed: Mapping[str, Value],
    watch: Callable[[History], None],
    on_stop: Callable[[StopRequest], None],
    notify: Callable[[str], None],
    report: Callable[[History], Path] | None,
    *,
    ignore_window: bool,
    accept_loss: str | None,
) -> tuple[History, str | None]:
    """Return the history, and the reason if a closed window prevents a start."""
    with at_lines_of(path):
        await with_fixed(file, fixed).check()
    ledger = open_ledger(file.ledger, file.campaign.name, Path())
    # Here as well as in the flow, which a campaign that is over or outside its window never reaches.
    await check_or_accept(ledger, receipts_of(file), accept_loss, SystemClock(), notify)
    journal = Journal(ledger, watch)
    await journal.refresh()
    over = is_over(journal.history, file.campaign, file.settings(), fixed)
    _refuse_to_start(file, path, journal.history, over=over)
    if over:
        if (outdated := why_outdated(journal.history, file.campaign)) is not None:
            notify(outdated)
        if fixed:
            notify(why_not_fixed(journal.history, str(path or _MAPPING)))
        return journal.history, None
    held = effective_definition(journal.history, file.campaign, fixed)
    not_yet = None if ignore_window else why_not_yet(held, journal.history, SystemClock().now())
    if not_yet is not None:
        return journal.history, not_yet
    return await _run_with_prefect(file, fixed, watch, on_stop, notify, report, ignore_window=ignore_window), None


def _refuse_to_start(file: CampaignFile, path: str | Path | None, history: History, *, over: bool) -> None:
    """Raise an OvernightError before a server is started; the loop's own check, later, is the one that counts."""
    refuse_if_it_lives_here(history)
    if history.defined is None:
        with at_lines_of(path):
            refuse_unusable_places(file)
            refuse_overlaps(file)
    refuse_another(history, file.campaign, str(path or _MAPPING))
    if file.evaluator_changed == "refuse" and not over:
        refuse_changed(history, SourceFiles(file.evaluator).hashes())


async def _run_with_prefect(
    file: CampaignFile,
    fix: Mapping[str, Value],
    watch: Callable[[History], None],
    on_stop: Callable[[StopRequest], None],
    notify: Callable[[str], None],
    report: Callable[[History], Path] | None,
    *,
    ignore_window: bool,
) -> History:
    """Run the campaign as a flow, on the server that the user has named or on a private one."""
    named = named_server()
    if "overnight.flows.engine.campaign_flow" in sys.modules and named is None:
        raise CannotStart(
            "This process has already run a campaign with a private Prefect server, and it can run only one. Start "
            "another process, or run `prefect server start` and set PREFECT_API_URL."
        )
    if named is not None:
        notify(str(named))
    home = Path(file.work) / f"{file.campaign.name}-prefect"
    prepare_prefect(home)
    async with prefect_server(home) as server:
        # Prefect reads its settings when it is imported, so they come first; a mere check never imports it.
        flow = quick_import("overnight.flows.engine.campaign_flow")
        stop = StopRequest()

        def ask_to_stop() -> None:
            stop.ask()
            on_stop(stop)

        listening = functools.partial(_stop_on_signals, ask_to_stop)
        here = flow.Surroundings(
            stop=stop,
            watch=watch,
            listening=listening,
            notify=notify,
            report=report,
            ignore_window=ignore_window,
            fix=fix,
        )
        return await flow.run_with_server(file, server, here)


@contextlib.contextmanager
def _stop_on_signals(ask_to_stop: Callable[[], None]) -> Iterator[None]:
    """Turn signals into requests to stop; only the main thread receives signals."""
    loop = asyncio.get_running_loop()
    heard = []
    for number in _SIGNALS:
        with contextlib.suppress(RuntimeError, ValueError):
            loop.add_signal_handler(number, ask_to_stop)
            heard.append(number)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
