"""The display of a running campaign, and of its end."""

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from overnight.campaign import Campaign, History, Trial
from overnight.campaign.history.trial import Failure, Observation, Stopped, Withdrawal
from overnight.flows.host.stop import Stop, StopRequest
from overnight.flows.host.terminal import Harmless
from overnight.report.numbers import duration, measured, value_text
from overnight.report.standstill import standstill
from overnight.report.status import _counted, status_lines
from overnight.report.summary import Summary, requests_of, sent_to, summarise
from overnight.report.trial_facts import failed_why, generator_of

_REFRESH_PER_SECOND = 4


class LiveDisplay:
    """Shows a running campaign: redrawn in a terminal, a line for each ended trial elsewhere."""

    def __init__(self, campaign: Campaign, console: Console) -> None:
        self.campaign, self.console = campaign, console
        self.history: History | None = None
        self.note = "starting the local Prefect server …"
        self.requests: tuple[str, ...] = ()
        self._standing: tuple[History, Summary, list[str]] | None = None
        self.next_standstill = 1
        self.live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=_REFRESH_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> "LiveDisplay":
        self.console.print(
            f"{self.campaign.name}: {self.campaign.objective} in {_counted(self.campaign.budget.trials, 'trial')} "
            f"with {_counted(self.campaign.workers, 'worker')}"
        )
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self.console.is_terminal:
            self.live.stop()

    def watch(self, history: History) -> None:
        """Take a history with new events, and print the trials that have ended."""
        before, self.history = self.history, history
        if self.note.startswith("starting"):
            self.note = ""
        self._say_requests(history)
        for trial in [] if before is None else history.trials.ended_since(before.trials):
            self.console.print(_ended_line(self.campaign, trial), highlight=False, soft_wrap=True)
        if before is not None and history.trials is not before.trials:
            self._say_standstill(history)

    def _say_standstill(self, history: History) -> None:
        """Print a standstill when it begins, and again whenever it has twice as many trials."""
        found = standstill(history) if history.defined is not None and history.closed_by is None else None
        if found is None:
            self.next_standstill = 1
        elif found.trials >= self.next_standstill:
            self.next_standstill = 2 * found.trials
            self.tell(str(found))

    def _say_requests(self, history: History) -> None:
        """Print each request of a person once; in a terminal the display shows it for as long as it holds."""
        requests = () if history.defined is None else requests_of(history)
        for request in requests:
            if request not in self.requests and not self.console.is_terminal:
                self.console.print(request, highlight=False, soft_wrap=True)
        self.requests = requests

    def tell(self, text: str) -> None:
        """Print a text that stays."""
        self.console.print(Text(text, style="yellow"), highlight=False, soft_wrap=True)

    def stopping(self, stop: StopRequest) -> None:
        """Show the effect of a request to stop."""
        self.note = (
            "draining: what runs is recorded, nothing new starts; Ctrl-C again stops at once"
            if stop.level is Stop.DRAIN
            else "stopping at once: what runs is ended and tried again later"
        )
        if not self.console.is_terminal:
            self.console.print(self.note)

    def _render(self) -> Harmless:
        # A live display bypasses the console's own guard.
        return Harmless(self._drawn())

    def _drawn(self) -> Group:
        if self.history is None or self.history.defined is None:
            return Group(Text(self.note, style="dim"))
        if self._standing is None or self._standing[0] is not self.history:
            # Counted once for each append, not for each frame: a long campaign has thousands of trials.
            self._standing = self.history, summarise(self.history), status_lines(self.history)[1:]
        _, summary, standing = self._standing
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=summary.budget, completed=summary.ended, width=40),
            f"{summary.ended}/{summary.budget}",
        )
        lines = [Text(line) for line in standing]
        return Group(bar, *lines, *_running(self.history), Text(self.note, style="yellow"))


def _running(history: History) -> list[Text]:
    now, place = time.time(), sent_to(history)
    lines = []
    for trial in history.trials.open:
        attempt = trial.open_attempt
        if attempt is not None:
            elapsed = duration(max(round(now - attempt.started.timestamp()), 0))
            since = f"for {elapsed}" if place is None else f"sent to {place} {elapsed} ago"
            line = f"  trial {trial.id} {since}: {_short(trial)}"
            lines.append(Text(line, style="dim", no_wrap=True, overflow="ellipsis"))
    return lines


def _short(trial: Trial) -> str:
    return ", ".join(f"{k}={value_text(v)}" for k, v in trial.point.items())


def _ended_line(campaign: Campaign, trial: Trial) -> Text:
    match trial.outcome:
        case Observation():
            [found] = campaign.goal.values_of([trial])
            metric = campaign.objective.metric
            return Text(f"trial {trial.id:>3}  {metric} {measured(found)}  ({generator_of(trial)})")
        case Failure():
            return Text(f"trial {trial.id:>3}  {failed_why(trial.outcome)}", style="red")
        case Stopped():
            return Text.assemble((f"trial {trial.id:>3}  stopped: ", "yellow"), trial.outcome.why)
        case Withdrawal():
            return Text(f"trial {trial.id:>3}  {trial.outcome.kind} by {trial.outcome.by}: {trial.outcome.why}")
    return Text()
