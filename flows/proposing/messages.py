"""The messages between a controller and the process or host that computes its proposals."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from overnight.bo_core import AnyProposer
from overnight.bo_core.proposer import FOLDERS
from overnight.campaign import Proposal
from overnight.campaign.errors import CannotPropose, SpaceExhausted
from overnight.campaign.recommendation import Computed
from overnight.flows.proposing.settings import ProposerUnavailable
from overnight.report.numbers import value_text


class LedgerPlace(BaseModel):
    """The place of a campaign's ledger; each reader uses its own credentials."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    campaign: str


class Question(BaseModel):
    """Asks for the `q` points that the proposer `asked` proposes after the ledger's first `events_seen` events.

    Every process that can read the ledger computes the same answer. `leases` is how many of these events are leases,
    on which no point depends. `uid` is that of the campaign: after a ledger was deleted, another one may begin in its
    place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: LedgerPlace
    events_seen: int
    q: int
    asked: AnyProposer
    leases: int = 0
    uid: str = ""

    @property
    def key(self) -> str:
        """Return the identity of this question: the same for each controller that asks it, and each time."""
        told = self.events_seen - self.leases
        same = self.model_dump_json(exclude={"asked": FOLDERS, "events_seen": True, "leases": True})
        return f"{self.place.campaign}-{told}-{hashlib.sha256(f'{told} {same}'.encode()).hexdigest()[:16]}"


class RecommendationQuestion(BaseModel):
    """Asks for the recommendation after the ledger's first `events_seen` events, with the settings of a proposer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: LedgerPlace
    events_seen: int
    settings_of: AnyProposer


class Answer(BaseModel):
    """The points or the recommendation, or the reason if there are none.

    `refused` names the error if asking again is futile.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    proposals: list[Proposal] = []
    recommended: Computed | None = None
    refused: Literal["CannotPropose", "SpaceExhausted"] | None = None
    why: str | None = None

    @classmethod
    def refusing(cls, problem: CannotPropose) -> "Answer":
        """Return the answer that no point is possible."""
        return cls(
            refused="SpaceExhausted" if isinstance(problem, SpaceExhausted) else "CannotPropose", why=str(problem)
        )

    def points(self) -> list[Proposal]:
        """Return the proposals.

        Raises CannotPropose if no point is possible, ProposerUnavailable if asking again may help.
        """
        self._raise_why()
        return self.proposals

    def recommendation(self) -> Computed | None:
        """Return the recommendation, None before the first observation; raises as `points` does."""
        self._raise_why()
        return self.recommended

    def _raise_why(self) -> None:
        if self.refused == "SpaceExhausted":
            raise SpaceExhausted(self.why)
        if self.refused is not None:
            raise CannotPropose(self.why)
        if self.why is not None:
            raise ProposerUnavailable(self.why)


def in_words(proposals: Sequence[Proposal]) -> str:
    """Return the proposals as text for people."""
    return "; ".join(f"{_values(proposal)} ({proposal.generator})" for proposal in proposals)


def _values(proposal: Proposal) -> str:
    return ", ".join(f"{name}={value_text(value)}" for name, value in proposal.point.items())


def place_of(url: str, campaign: str) -> LedgerPlace:
    """Return a ledger's place for another process on this host; a relative directory is made absolute."""
    return LedgerPlace(url=url if "://" in url else str(Path(url).resolve()), campaign=campaign)
