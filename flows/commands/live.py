"""The display of a running campaign, and of its end."""

from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from overnight.campaign import Campaign, History, Trial
from overnight.campaign.contexts.context import given_text, in_it
from overnight.campaign.experiment.effects import newest_effect
from overnight.flows.host.clock import Clock, SystemClock
from overnight.flows.host.stop import Stop, StopRequest
from overnight.flows.host.terminal import Harmless
from overnight.flows.rules.going_on import and_left
from overnight.report.numbers import duration
from overnight.report.phrases.experiment import effect_text
from overnight.report.phrases.fidelities import below_full_text
from overnight.report.phrases.general import counted, target_text
from overnight.report.status import state_lines
from overnight.report.statuses import LOOKS
from overnight.report.story import Story, story_of
from overnight.report.story.goal.best import measured_towards
from overnight.report.story.people import Request, requests_of
from overnight.report.story.standstill import standstill
from overnight.report.trial_facts import ending, generator_of, objectives_text, point_text, unmet_text

_REFRESH_PER_SECOND = 4


class LiveDisplay:
    """Shows a running campaign: redrawn in a terminal, a line for each ended trial elsewhere."""

    def __init__(self, campaign: Campaign, console: Console, clock: Clock | None = None) -> None:
        self.campaign, self.console, self.clock = campaign, console, clock or SystemClock()
        self.history: History | None = None
        self.note = "starting the local Prefect server …"
        self.requests: tuple[Request, ...] = ()
        self._known: tuple[History, Story] | None = None
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
        campaign, trials = self.campaign, self.campaign.budget.trials
        size = f"{counted(trials, 'trial')} with {counted(campaign.workers, 'worker')}"
        if campaign.is_ab_test:
            size = f"{counted(trials, 'arm')}, at most {campaign.at_once} at the same time"
        self.console.print(f"{campaign.name}: {campaign.goal} in {size}")
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
            self.console.print(_ended_line(history, trial), highlight=False, soft_wrap=True)
        if before is not None and history.trials is not before.trials:
            self._say_standstill(history)

    def _say_standstill(self, history: History) -> None:
        """Print a standstill when it begins, and again whenever it has twice as many trials."""
        found = standstill(history) if history.defined is not None and history.closed_by is None else None
        if found is None:
            self.next_standstill = 1
        elif found.trials >= self.next_standstill:
            self.next_standstill = 2 * found.trials
            self.notify(str(found))

    def _say_requests(self, history: History) -> None:
        """Print each request of a person once; in a terminal the display shows it for as long as it holds."""
        requests = () if history.defined is None else requests_of(history)
        for request in requests:
            if request not in self.requests and not self.console.is_terminal:
                self.console.print(str(request), highlight=False, soft_wrap=True)
        self.requests = requests

    def notify(self, text: str) -> None:
        """Print a text that stays."""
        self.console.print(Text(text, style="yellow"), highlight=False, soft_wrap=True)

    def stopping(self, stop: StopRequest) -> None:
        """Show the effect of a request to stop."""
        self.note = (
            "draining: running evaluations are recorded, nothing new starts; Ctrl-C again stops at once"
            if stop.level is Stop.DRAIN
            else "stopping at once: running evaluations are ended and tried again later"
        ) + and_left(self.history)
        if not self.console.is_terminal:
            self.console.print(self.note)

    def _render(self) -> Harmless:
        # A live display bypasses the console's own guard.
        return Harmless(self._drawn())

    def _drawn(self) -> Group:
        if self.history is None or self.history.defined is None:
            return Group(Text(self.note, style="dim"))
        if self._known is None or self._known[0] is not self.history:
            # Made once for each append, not for each frame: a long campaign has thousands of trials.
            self._known = self.history, story_of(self.history, self.clock.now())
        story = self._known[1]
        bar = Table.grid(padding=(0, 1))
        ended, budget = story.spent.ended, story.spent.limits.trials
        bar.add_row(ProgressBar(total=1.0, completed=story.spent.share, width=40), f"{ended}/{budget}")
        lines = [Text(line) for line in state_lines(story)[1:]]
        return Group(bar, *lines, *self._running(story), Text(self.note, style="yellow"))

    def _running(self, story: Story) -> list[Text]:
        """Return a line for each attempt that runs, with the time since its start."""
        now, place, lines = self.clock.now(), story.spent.sent_to, list[Text]()
        for attempt in story.spent.running:
            elapsed = duration(max(round((now - attempt.since).total_seconds()), 0))
            since = f"for {elapsed}" if place is None else f"sent to {place} {elapsed} ago"
            line = f"  trial {attempt.trial} {since}: {point_text(attempt, attempt.point)}"
            lines.append(Text(line, style="dim", no_wrap=True, overflow="ellipsis"))
        return lines


def _ended_line(history: History, trial: Trial) -> Text:
    goals, line = history.goals, f"trial {trial.id:>3}  {_context(history, trial)}"
    goal = goals.pooled
    if goal.value_of(trial) is None:
        return Text(f"{line}{ending(trial)}", style=LOOKS[trial.status].style)
    unmet = unmet_text(goals.of(trial), trial)
    infeasible = f"  infeasible: {unmet}" if unmet else ""
    on_front = "  on the front" if goal.has_front and _unbeaten(history, trial) else ""
    difference = _difference(history, trial) if history.definition.is_ab_test else ""
    below = below_full_text(history, trial)
    values = objectives_text(goal, trial) + target_text(measured_towards(history.definition, trial))
    return Text(f"{line}{values}{below}{difference}  ({generator_of(trial)}){infeasible}{on_front}")


def _context(history: History, trial: Trial) -> str:
    """Return the context of a trial, in front of its outcome; results in different contexts are not compared."""
    given = history.definition.context_of(trial.point)
    return f"{given_text(given)}: " if given else ""


def _unbeaten(history: History, trial: Trial) -> bool:
    """Return whether no other result that is compared, with contexts of the same context, beats that of a trial."""
    given, goals = history.definition.context_of(trial.point) or {}, history.goals
    others = (other for other in goals.compared(history.trials.values()) if in_it(other.point, given))
    return bool(goals.compared([trial])) and goals.of(trial).unbeaten(trial, others)


def _difference(history: History, trial: Trial) -> str:
    """Return the difference of an arm to the status quo of its batch; empty for the status quo."""
    effect = newest_effect(history, trial, history.definition.objective.metric)
    return "" if effect.value is None else f", {effect_text(effect)} compared with the status quo"
