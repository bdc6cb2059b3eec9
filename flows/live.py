"""What a person sees while a campaign runs, and at its end."""

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from campaign import Campaign, History, Trial
from campaign.evaluation import cause_text
from campaign.recommendation import Recommendation
from campaign.trial import Failure, Observation, Stopped, Withdrawal
from flows.stop import Stop, StopRequest
from flows.terminal import Harmless
from report.evaluator_versions import versions_sentence
from report.finding import (
    baseline_missing,
    baseline_text,
    is_baseline,
    recommended_text,
    running_words,
    silence,
    spent_sentence,
    where,
)
from report.numbers import duration, measured, probability, value_text
from report.standstill import standstill
from report.summary import Summary, requests_of, sent_to, summarise
from report.trial_facts import failed_why, generator_of

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
            f"{self.campaign.name}: {self.campaign.objective.direction} "
            f"{self.campaign.objective.metric} in {_counted(self.campaign.budget.trials, 'trial')} "
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
        """Take in what was appended, and say what has ended."""
        before, self.history = self.history, history
        if self.note.startswith("starting"):
            self.note = ""
        self._say_requests(history)
        for trial in [] if before is None else history.trials.ended_since(before.trials):
            self.console.print(_ended_line(self.campaign, trial), highlight=False, soft_wrap=True)
        if before is not None and history.trials is not before.trials:
            self._say_standstill(history)

    def _say_standstill(self, history: History) -> None:
        """Say that no results come in, as soon as that is so and whenever it has gone on for twice as long."""
        found = standstill(history) if history.defined is not None and history.closed_by is None else None
        if found is None:
            self.next_standstill = 1
        elif found.trials >= self.next_standstill:
            self.next_standstill = 2 * found.trials
            self.tell(str(found))

    def _say_requests(self, history: History) -> None:
        """Say once what people have asked for; in a terminal the display shows it for as long as it holds."""
        requests = () if history.defined is None else requests_of(history)
        for request in requests:
            if request not in self.requests and not self.console.is_terminal:
                self.console.print(request, highlight=False, soft_wrap=True)
        self.requests = requests

    def tell(self, text: str) -> None:
        """Say something that stays to be read."""
        self.console.print(Text(text, style="yellow"), highlight=False, soft_wrap=True)

    def stopping(self, stop: StopRequest) -> None:
        """Say what a request to stop does."""
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


def status_lines(history: History, *, alive: bool = True) -> list[str]:
    """Return how a campaign stands, a few lines of text; `alive` tells whether its controller is."""
    summary = summarise(history, alive=alive)
    lines = [f"{summary.campaign}: {summary.standing}", *summary.requests, _counts(summary)]
    if summary.best is not None:
        metric = history.definition.objective.metric
        lines.append(f"best so far: {metric} {measured(summary.best.measurement)} (trial {summary.best.trial})")
    if (standing_still := standstill(history)) is not None:
        lines.append(str(standing_still))
    if limits := spent_sentence(summary, history.definition.budget):
        lines.append(limits)
    if summary.gain_left is not None:
        lines.append(summary.gain_left)
    if summary.silent:
        lines.append(silence(summary.silent, history.definition.objective.metric))
    if summary.standing.kind == "running" and summary.seconds_left is not None:
        lines.append(f"time left: about {duration(round(summary.seconds_left))}")
    if summary.failures_by_cause:
        lines.append(
            "failures: " + ", ".join(f"{n} {cause_text(cause)}" for cause, n in summary.failures_by_cause.items())
        )
    lines += _latest_failures(history)
    lines += _what_people_are_asked(history)
    if (versions := versions_sentence(history)) is not None:
        lines.append(versions)
    if summary.quarantined:
        named = ", ".join(f"trial {number}" for number in summary.quarantined)
        lines.append(f"quarantined, no point close to these is tried: {named}")
    if summary.stand_ins:
        count = len(summary.stand_ins)
        lines.append(
            f"the proposer was away for {_counted(count, 'trial')}, and others stood in: the last "
            f"was trial {summary.stand_ins[-1]}, {summary.away}"
        )
    return lines


def _counts(summary: Summary) -> str:
    done = summary.observed - summary.imported
    counts = (
        f"{done} done, {summary.running} {running_words(summary)}, {summary.failed} failed, {summary.budget} in all"
    )
    if summary.imported:
        counts += f", {summary.imported} imported"
    others = {
        "stopped early": summary.stopped,
        "abandoned": summary.abandoned,
        "rejected": summary.rejected,
        "awaiting approval": summary.awaiting,
    }
    counts += "".join(f", {n} {word}" for word, n in others.items() if n)
    if summary.waiting:
        counts += f", {summary.waiting} waiting to start"
    return counts


def _latest_failures(history: History) -> list[str]:
    """Return the newest failure of each cause, and why that trial failed."""
    latest: dict[str, str] = {}
    for trial in history.trials.newest_first():
        if isinstance(trial.outcome, Failure) and trial.outcome.cause not in latest:
            latest[trial.outcome.cause] = f"trial {trial.id} {failed_why(trial.outcome)}"
    return list(latest.values())


def _what_people_are_asked(history: History) -> list[str]:
    unknown = [(t.id, a.unknown) for t in history.trials.open if (a := t.open_attempt) is not None and a.unknown]
    parked = [(t.id, t.parked_because) for t in history.trials.open if t.parked and t.parked_because is not None]
    return [
        *(f"trial {number} waits for somebody: {why}" for number, why in unknown),
        *(f"trial {number} awaits approval: {why}" for number, why in parked),
    ]


def finding_lines(history: History, found: Recommendation | None) -> list[str]:
    """Return what was found, in words and as a table of the configuration."""
    campaign = history.definition
    lines = ["", *status_lines(history)]
    if found is None:
        tried = "observed" if history.trials else "tried yet"
        return [*lines, f"nothing was {tried}, so nothing is recommended"]
    metric = campaign.objective.metric
    lines += ["", f"recommended ({where(found)}): {metric} {recommended_text(history, found)}"]
    width = max(len(name) for name in found.point)
    for name, parameter in campaign.parameters.items():
        unit = f" {parameter.unit}" if parameter.unit else ""
        lines.append(f"  {name:<{width}}  {value_text(found.point[name])}{unit}")
    if history.trials.observed > 1:
        lines.append(f"probability of being the best of all observed: {probability(found.probability_best)}")
    if is_baseline(campaign, found):
        lines.append("it is the baseline" + (": nothing better was found" if history.trials.observed > 1 else ""))
    elif (missing := baseline_missing(history, found)) is not None:
        lines.append(missing)
    elif found.baseline_mean is not None and found.probability_better_than_baseline is not None:
        baseline = baseline_text(history, found)
        better = probability(found.probability_better_than_baseline)
        lines.append(f"baseline: {metric} {baseline}; probability that the recommended one is better: {better}")
    return lines


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


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
            metric = campaign.objective.metric
            found = trial.outcome.metrics[metric]
            return Text(f"trial {trial.id:>3}  {metric} {measured(found)}  ({generator_of(trial)})")
        case Failure():
            return Text(f"trial {trial.id:>3}  {failed_why(trial.outcome)}", style="red")
        case Stopped():
            return Text.assemble((f"trial {trial.id:>3}  stopped: ", "yellow"), trial.outcome.why)
        case Withdrawal():
            return Text(f"trial {trial.id:>3}  {trial.outcome.kind} by {trial.outcome.by}: {trial.outcome.why}")
    return Text()
