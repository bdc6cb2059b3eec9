"""`overnight run`: start or resume a campaign with a live display."""

from collections.abc import Sequence
from pathlib import Path

from overnight.campaign import History
from overnight.campaign.history.events import CampaignDrained
from overnight.flows.api.run import run_campaign
from overnight.flows.commands.live import LiveDisplay
from overnight.flows.commands.start.exit_codes import ExitCode
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.definition.fixing import fixed_by, with_context, with_fixed
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.terminal import discard_unwritable_output, terminal
from overnight.flows.report_file import ReportFile
from overnight.report.status import finding_lines
from overnight.report.story import story_of
from overnight.storage import ledger_location


def run(
    path: Path,
    *,
    fix: Sequence[str] = (),
    context: Sequence[str] = (),
    ignore_window: bool = False,
    accept_loss: str | None = None,
) -> ExitCode:
    """Run a campaign with a live display, print its findings and the paths of its files, and return the exit code."""
    fixed, given = fixed_by(fix), fixed_by(context, "--context", "workload=oltp")
    file = with_context(with_fixed(load_campaign_file(path), fixed), given)
    console = terminal(lossy=True)
    report = ReportFile(file, path.parent)
    with LiveDisplay(file.campaign, console) as display:
        # Given as a path, which is then its name in messages.
        result = run_campaign(
            path,
            watch=display.watch,
            on_stop=display.stopping,
            notify=display.notify,
            report=report.write,
            fix=fixed,
            context=given,
            ignore_window=ignore_window,
            accept_loss=accept_loss,
        )
    if result.not_yet is not None:
        console.print(f"{result.not_yet} (at any time: overnight run --now {path})", soft_wrap=True)
        return ExitCode.WELL
    story = story_of(result.history, SystemClock().now(), recommendation=result.recommendation)
    for line in finding_lines(result.history.definition, story):
        console.print(line, soft_wrap=True)
    if isinstance(result.history.closed_by, CampaignDrained):
        at_any_time = " (with --now at any time)" if result.history.definition.window and not ignore_window else ""
        console.print(f"\nIt continues where it stopped: overnight run {path}{at_any_time}", soft_wrap=True)
    console.print(f"\nreport: {report.write(result.history)}", soft_wrap=True)
    console.print(f"ledger: {ledger_location(file.ledger, file.campaign.name, Path())}", soft_wrap=True)
    discard_unwritable_output()
    return exit_code_of(result.history)


def exit_code_of(history: History) -> ExitCode:
    """Return the exit code of a run that raised nothing: a finished campaign needs a result of its own to succeed.

    Imported results do not count.
    """
    tried = any(trial.attempts for trial in history.trials.values())
    has_result = any(
        t.outcome is not None and t.outcome.kind == "observed" for t in history.trials.values() if t.counted
    )
    return ExitCode.NO_RESULT if history.finished is not None and tried and not has_result else ExitCode.WELL
