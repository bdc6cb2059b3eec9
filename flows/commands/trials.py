"""`overnight trials`: every trial as a table, JSON or CSV."""

from pathlib import Path

from rich.table import Table
from rich.text import Text

from campaign import Campaign, History, Trial
from campaign.trial import Failure
from flows.commands.past import read_past
from flows.terminal import terminal
from report.numbers import duration, measured, value_text
from report.tables import to_csv, to_json, trial_rows
from report.trial_facts import failed_why, objective_of, status_of
from report.trial_lines import without_result


def trials(path: Path, form: str, as_of: str | None) -> None:
    """Print the trials of a campaign, for people with the reasons of those that gave no result below."""
    _, history = read_past(path, as_of)
    if form == "table":
        console = terminal()
        console.print(_table(history))
        for line in _without_result(history):
            console.print(line, soft_wrap=True)
    else:
        rows = trial_rows(history)
        print((to_json if form == "json" else to_csv)(rows), end="")  # noqa: T201


def _without_result(history: History) -> list[str]:
    """Return why trials failed, were stopped or withdrawn, or what they wait for."""
    reasons = {
        line["trial"]: f"trial {line['trial']}, {line['status']}: {line['why']}" for line in without_result(history)
    }
    for trial in history.trials.values():
        if isinstance(trial.outcome, Failure):
            reasons[trial.id] = f"trial {trial.id} {failed_why(trial.outcome)}"
    return [reasons[number] for number in sorted(reasons)]


def _table(history: History) -> Table:
    """Return a table for people, whose last column folds where the terminal is narrow; CSV and JSON have everything."""
    campaign = history.definition
    table = Table(header_style="bold", padding=(0, 1))
    for name, justify in (
        ("trial", "right"),
        ("status", "left"),
        (campaign.objective.metric, "left"),
        ("took", "right"),
    ):
        table.add_column(name, justify=justify, no_wrap=True)  # pyright: ignore[reportArgumentType]
    table.add_column("point", overflow="fold")
    for _, trial in sorted(history.trials.items()):
        seconds, value = trial.seconds, objective_of(campaign, trial)
        cells = ["" if value is None else measured(value), "" if seconds is None else duration(seconds)]
        status = Text(status_of(trial), style="red" if isinstance(trial.outcome, Failure) else "")
        table.add_row(str(trial.id), status, *cells, _point(campaign, trial))
    return table


def _point(campaign: Campaign, trial: Trial) -> Text:
    names = campaign.parameters.tuned()
    return Text("  ".join(f"{name}={value_text(trial.point[name])}" for name in names))
