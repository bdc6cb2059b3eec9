"""`overnight trials`: every trial as a table, JSON or CSV."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from campaign import Campaign, History, Trial
from campaign.trial import Failure
from flows.commands.past import read_past
from report.numbers import duration, measured, value_text
from report.tables import to_csv, to_json, trial_rows
from report.trial_facts import objective_of, status_of
from report.trial_lines import noted, without_result


def trials(path: Path, form: str, as_of: str | None) -> None:
    """Print the trials of a campaign, for people with the reasons of those that gave no result, and notes, below."""
    _, history = read_past(path, as_of)
    if form == "table":
        Console().print(_table(history))
        for line in without_result(history):
            said = f"trial {line['trial']}, {line['status']}: {line['why']}"
            Console(highlight=False, markup=False).print(said, soft_wrap=True)
        for line in noted(history):
            Console(highlight=False, markup=False).print(line, soft_wrap=True)
    else:
        rows = trial_rows(history)
        print((to_json if form == "json" else to_csv)(rows), end="")  # noqa: T201


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
