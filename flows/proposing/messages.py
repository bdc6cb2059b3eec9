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
from overnight.flows.proposing.settings import ProposerAway
from overnight.report.numbers import value_text


class LedgerPlace(BaseModel):
    """Where a campaign's ledger is; credentials are those of whoever reads it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    campaign: str


class Question(BaseModel):
    """Asks which `q` points `asked` proposes in the light of the ledger's first `events_seen` events.

    Whoever can read the ledger can compute the answer, and everybody's is the same. `leases` of these events say who
    is in control, which no point depends on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: LedgerPlace
    events_seen: int
    q: int
    asked: AnyProposer
    leases: int = 0

    @property
    def key(self) -> str:
        """Return what makes this question one and the same, whoever asks it and how often."""
        told = self.events_seen - self.leases
        same = self.model_dump_json(exclude={"asked": FOLDERS, "events_seen": True, "leases": True})
        return f"{self.place.campaign}-{told}-{hashlib.sha256(f'{told} {same}'.encode()).hexdigest()[:16]}"


class Answer(BaseModel):
    """The points, or why there are none; `refused` names the error where asking again would change nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    proposals: list[Proposal] = []
    refused: Literal["CannotPropose", "SpaceExhausted"] | None = None
    why: str | None = None

    @classmethod
    def refusing(cls, problem: CannotPropose) -> "Answer":
        """Return the answer that there can be no points."""
        return cls(
            refused="SpaceExhausted" if isinstance(problem, SpaceExhausted) else "CannotPropose", why=str(problem)
        )

    def points(self) -> list[Proposal]:
        """Return the proposals; raises CannotPropose where there can be none, ProposerAway where there may be."""
        if self.refused == "SpaceExhausted":
            raise SpaceExhausted(self.why)
        if self.refused is not None:
            raise CannotPropose(self.why)
        if self.why is not None:
            raise ProposerAway(self.why)
        return self.proposals


def in_words(proposals: Sequence[Proposal]) -> str:
    """Return what is proposed, for people."""
    return "; ".join(f"{_values(proposal)} ({proposal.generator})" for proposal in proposals)


def _values(proposal: Proposal) -> str:
    return ", ".join(f"{name}={value_text(value)}" for name, value in proposal.point.items())


def place_of(url: str, campaign: str) -> LedgerPlace:
    """Return where a ledger is, for another process of this host: a relative directory begins here."""
    return LedgerPlace(url=url if "://" in url else str(Path(url).resolve()), campaign=campaign)
