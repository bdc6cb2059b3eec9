"""Campaigns with a fidelity, and their histories, for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from overnight.campaign import Campaign, History, Measurement
from overnight.campaign.history.events import AttemptStarted, CampaignDefined, Event, TrialObserved, TrialProposed
from overnight.campaign.history.trial import Resumed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEFINITION: dict[str, Any] = {
    "name": "thorough",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "fidelity": {"epochs": {"low": 1, "high": 9, "scale": "log", "resume": True}},
    "minimize": "loss",
    "budget": {"trials": 60, "cost": 6},
    "failures": {"back_off": 0},
}


def thorough(resume: bool = True, **changes: Any) -> Campaign:
    """Return a campaign whose evaluations take 1, 3 or 9 epochs."""
    epochs = DEFINITION["fidelity"]["epochs"] | {"resume": resume}
    return Campaign.model_validate(DEFINITION | {"fidelity": {"epochs": epochs}} | changes)


class Thorough:
    """A history to which trials are added one by one."""

    def __init__(self, campaign: Campaign | None = None) -> None:
        self.campaign = campaign or thorough()
        self.minute = 0
        defined = CampaignDefined(time=self.now, actor="c", uid="u", definition=self.campaign)
        self.events: list[Event] = [defined]
        self.history = History.from_events(self.events)

    @property
    def now(self) -> datetime:
        """Return the time of the next event."""
        return NOON + timedelta(minutes=self.minute)

    def add(self, *events: Event) -> None:
        """Append events."""
        self.events += events
        self.history = self.history.extended(events)
        self.minute += 1

    def propose(self, x: float, epochs: int | None = None, **more: Any) -> int:
        """Propose a point and return its number; without epochs, the point names none."""
        number = self.history.next_trial
        point = {"x": x} if epochs is None else {"x": x, "epochs": epochs}
        about: dict[str, Any] = {"trial": number, "point": point, "generator": "model"} | more
        self.add(TrialProposed(time=self.now, actor="c", **about))
        return number

    def start(self, trial: int, resumed: Resumed | None = None, attempt: int = 1) -> None:
        """Start an attempt."""
        key = f"thorough-{trial}-{attempt}"
        about: dict[str, Any] = {"trial": trial, "attempt": attempt, "key": key, "resumed": resumed}
        self.add(AttemptStarted(time=self.now, actor="c", **about))

    def observe(self, trial: int, loss: float, attempt: int = 1, **more: Any) -> None:
        """End a trial with a result."""
        metrics = {"loss": Measurement(mean=loss, sem=0.0)}
        self.add(TrialObserved(time=self.now, actor="c", trial=trial, attempt=attempt, metrics=metrics, **more))

    def run(self, x: float, epochs: int | None, loss: float, cost: float | None = None, **more: Any) -> int:
        """Add a trial that was evaluated; its cost is its share of the full fidelity unless it is given."""
        number = self.propose(x, epochs, **more)
        self.start(number)
        self.observe(number, loss, cost=(epochs or 9) / 9 if cost is None else cost)
        return number
