"""A third party's proposer: a Python class found by name, called like a built-in proposer, and not trusted."""

import copy
import inspect
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from overnight.bo_core.settings.user_code import CORRECT_IT, CodeName, Unusable, UserCode, described
from overnight.campaign import Campaign, History, Proposal
from overnight.campaign.errors import CannotPropose, InvalidDefinition, InvalidPoint, OvernightError
from overnight.campaign.history.provenance import Provenance
from overnight.campaign.values.read_only import ReadOnly, ReadOnlyDict, read_only


def _all_finite(settings: Any) -> Any:
    """Refuse numbers that JSON, and so the ledger, cannot hold: a recorded NaN would never equal itself."""
    todo: list[Any] = [settings]
    while todo:
        value = todo.pop()
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"expected finite numbers, got {value}")
        todo += value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return settings


class CustomProposer(BaseModel):
    """A class of your own: its `propose(campaign, history, q)` returns q proposals, given a `seed=` if it takes one.

    An object of the class is made for every request, with `settings` as keyword arguments. Anything it needs to
    remember is in the history, in which points that are only just being proposed are pending trials. The baseline and
    `start_with` come before its first proposal; a Sobol start is up to the class. It may propose a point again. The
    process that computes proposals imports the module, from `folder` if it is there. The controller imports it once
    before, to check that it can be used.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["python"] = "python"
    implementation: CodeName
    settings: Annotated[ReadOnly[dict[str, JsonValue]], AfterValidator(_all_finite)] = Field(
        default_factory=ReadOnlyDict
    )
    folder: Path | None = None

    def check(self) -> None:
        """Raise InvalidDefinition if the class cannot be imported, made from its settings, or called."""
        try:
            with self._code.importable():
                self._made()
        except Unusable as problem:
            raise InvalidDefinition([str(problem)]) from problem.__cause__

    def proposals(self, campaign: Campaign, history: History, q: int, made_with: Provenance) -> list[Proposal]:
        """Return q proposals of the class, each with the class's name, and with the seed and the stack used.

        Raises CannotPropose if the class cannot be used, raises anything but an OvernightError, or returns anything but
        q proposals of points in the space.
        """
        try:
            with self._code.importable():
                returned = self._asked(self._made(), campaign, history, q, made_with.made_by.seed)
            return [
                Proposal(point=p.point, generator="custom", provenance=self._provenance(p, made_with), weight=p.weight)
                for p in self._checked(returned, campaign, q)
            ]
        except Unusable as problem:
            raise CannotPropose(f"{problem} {CORRECT_IT}") from problem.__cause__

    def in_folder(self, folder: Path) -> "CustomProposer":
        """Return a copy that looks for its module relative to this folder."""
        return self.model_copy(update={"folder": folder / (self.folder or ".")})

    @property
    def _code(self) -> UserCode:
        return UserCode("proposer.implementation", self.implementation, self.folder, "class")

    def _made(self) -> Any:
        """Return an object of the class, made from the settings."""
        made = self._code.found()
        try:
            proposer = made(**copy.deepcopy(self.settings))
        except (Exception, SystemExit) as error:
            raise Unusable(
                f"`proposer.settings`: expected keyword arguments that `{self.implementation}` accepts, "
                f"found {self.settings} ({described(error)})."
            ) from error
        if not callable(getattr(proposer, "propose", None)):
            raise Unusable(
                f"`proposer.implementation`: expected `{self.implementation}` to have a method "
                f"`propose(campaign, history, q)`, found {type(proposer).__name__} without one."
            )
        return proposer

    def _asked(self, proposer: Any, campaign: Campaign, history: History, q: int, seed: int) -> Any:
        try:
            wanted = inspect.signature(proposer.propose).parameters
            return proposer.propose(campaign, history, q, **({"seed": seed} if "seed" in wanted else {}))
        except OvernightError:
            raise
        except (Exception, SystemExit) as error:
            raise Unusable(
                f"`proposer.implementation`: expected {q} proposals from `{self.implementation}` from trial "
                f"{history.next_trial} on, found that it raised {described(error)}."
            ) from error

    def _checked(self, returned: Any, campaign: Campaign, q: int) -> list[Proposal]:
        """Return the proposals with their points in canonical types."""
        if not isinstance(returned, Sequence) or isinstance(returned, str):
            raise self._wrong(f"a list of {q} proposals", f"{type(returned).__name__} {returned!r:.200}")
        if len(returned) != q:
            raise self._wrong(f"{q} proposals, as many as requested", str(len(returned)))
        proposals = []
        for i, proposal in enumerate(returned, start=1):
            if not isinstance(proposal, Proposal):
                found = f"{type(proposal).__name__} {proposal!r:.200}"
                raise self._wrong(f"proposal {i} of {q} to be a `Proposal`", found)
            try:
                point = campaign.space.point(proposal.point)
            except InvalidPoint as problem:
                raise self._wrong(f"proposal {i} of {q} to lie in the space", f"{proposal.point} ({problem})") from None
            if not campaign.space.agrees(point):
                raise self._wrong(f"proposal {i} of {q} to have the values under `fix`", str(proposal.point))
            proposals.append(proposal.model_copy(update={"point": point}))
        return proposals

    def _wrong(self, expected: str, found: str) -> Unusable:
        return Unusable(
            f"`proposer.implementation`: `{self.implementation}` returned an unusable result from `propose`: "
            f"expected {expected}, found {found}."
        )

    def _provenance(self, proposal: Proposal, made_with: Provenance) -> Provenance:
        """Return the class's own provenance, if any, completed with its name, the seed offered to it and the stack.

        The class may add other libraries, and report other threads.
        """
        given, here = proposal.provenance or made_with, made_with.stack
        own = {
            "libraries": read_only({**given.stack.libraries, **here.libraries}),
            "threads": here.threads if given.stack.threads is None else given.stack.threads,
        }
        made_by = made_with.made_by.model_copy(update={"proposer": self.implementation})
        return given.model_copy(update={"made_by": made_by, "stack": given.stack.model_copy(update=own)})
