"""The runs of a deployed campaign as Prefect reports them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class FlowRun:
    """A run as reported by Prefect: when it was due, began and ended, its state, and whether it was scheduled."""

    due: datetime
    began: datetime | None
    ended: datetime | None
    state: str
    by_schedule: bool


def flow_runs(ask: Callable[[str, Mapping[str, Any]], Any], deployment: str) -> list[FlowRun]:
    """Return the flow runs of a deployment, including those that are only scheduled, in the order of their times."""
    found = ask("/flow_runs/filter", {"deployments": {"name": {"any_": [deployment]}}, "limit": 200})
    runs = [
        FlowRun(
            due=datetime.fromisoformat(run["expected_start_time"]),
            began=datetime.fromisoformat(run["start_time"]) if run["start_time"] else None,
            ended=datetime.fromisoformat(run["end_time"]) if run["end_time"] else None,
            state=run["state"]["name"],
            by_schedule=run["auto_scheduled"] and (run["created_by"] or {}).get("type") == "SCHEDULE",
        )
        for run in found
    ]
    return sorted(runs, key=lambda run: run.due)
