"""A third party's proposer: a Python class that is found by its name, asked like our own, and not trusted."""

import contextlib
import copy
import importlib
import inspect
import math
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from overnight.campaign import Campaign, History, Proposal
from overnight.campaign.errors import CannotPropose, InvalidDefinition, InvalidPoint, OvernightError
from overnight.campaign.history.provenance import Provenance
from overnight.campaign.values.read_only import ReadOnly, ReadOnlyDict, read_only

_MEND = "Mend it and run the campaign again: it goes on where it stopped."


def _all_finite(settings: Any) -> Any:
    """Refuse numbers that JSON, and so the ledger, cannot hold: kept, they would differ from themselves for ever."""
    todo: list[Any] = [settings]
    while todo:
        value = todo.pop()
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"expected finite numbers, got {value}")
        todo += value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return settings


class _Unusable(Exception):
    """The class cannot be had, or not asked; its text begins with the key that is wrong."""


class CustomProposer(BaseModel):
    """Asks `propose(campaign, history, q)` of a class for q proposals, with `seed=` if it has such a parameter.

    The class is made anew for every proposal, with `settings` as keyword arguments: what it has to remember is in the
    history, where points that are only just being proposed are pending trials. The baseline and `start_with` come
    before it is asked; a Sobol start, if it wants one, is its own affair. It may propose a point again. Its module is
    imported, from `folder` if it is there, by the process that computes proposals, and once before by the controller,
    which checks that it can be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["python"] = "python"
    implementation: Annotated[str, Field(pattern=r"^[^\W\d][\w.]*:[^\W\d][\w.]*$")]
    settings: Annotated[ReadOnly[dict[str, JsonValue]], AfterValidator(_all_finite)] = Field(
        default_factory=ReadOnlyDict
    )
    folder: Path | None = None

    def check(self) -> None:
        """Raise InvalidDefinition if the class cannot be imported, made from its settings, or asked."""
        try:
            with self._importable():
                self._made()
        except _Unusable as problem:
            raise InvalidDefinition([str(problem)]) from problem.__cause__

    def proposals(self, campaign: Campaign, history: History, q: int, made_with: Provenance) -> list[Proposal]:
        """Return q proposals of the class, each with its name and the seed and the stack that they are made with.

        Raises CannotPropose where the class cannot be had, raises anything but an OvernightError, or returns anything
        but q proposals of points in the space.
        """
        try:
            with self._importable():
                returned = self._asked(self._made(), campaign, history, q, made_with.made_by.seed)
            return [
                Proposal(point=p.point, generator="custom", provenance=self._provenance(p, made_with), weight=p.weight)
                for p in self._checked(returned, campaign, q)
            ]
        except _Unusable as problem:
            raise CannotPropose(f"{problem} {_MEND}") from problem.__cause__

    @contextlib.contextmanager
    def _importable(self) -> Iterator[None]:
        """Let modules be found in the folder, after those that are installed."""
        if self.folder is None:
            yield
            return
        sys.path.append(str(self.folder))
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path.remove(str(self.folder))

    def _made(self) -> Any:
        """Return an object of the class, made from the settings."""
        made = self._found()
        try:
            proposer = made(**copy.deepcopy(self.settings))
        except Exception as error:
            raise _Unusable(
                f"`proposer.settings`: expected keyword arguments that `{self.implementation}` can be made from, "
                f"found {self.settings} ({_described(error)})."
            ) from error
        if not callable(getattr(proposer, "propose", None)):
            raise _Unusable(
                f"`proposer.implementation`: expected `{self.implementation}` to have a method "
                f"`propose(campaign, history, q)`, found {type(proposer).__name__} without one."
            )
        return proposer

    def _found(self) -> Any:
        """Return what the name stands for, something that can be called."""
        module_name, _, path = self.implementation.partition(":")
        try:
            module = found = importlib.import_module(module_name)
        except (Exception, SystemExit) as error:
            place = f" from {self.folder}" if self.folder else ""
            raise _Unusable(
                f"`proposer.implementation`: expected that `{module_name}` can be imported{place}, found "
                f"{_described(error)}."
            ) from error
        self._refuse_a_namesake(module, module_name)
        for name in path.split("."):
            found = getattr(found, name, None)
        if not callable(found):
            own = [n for n, v in vars(module).items() if inspect.isclass(v) and v.__module__ == module_name]
            raise _Unusable(
                f"`proposer.implementation`: expected a class `{path}` in `{module_name}`, found "
                f"{', '.join(f'`{n}`' for n in own[:10]) or 'no classes'} there."
            )
        return found

    def _refuse_a_namesake(self, module: ModuleType, name: str) -> None:
        """Refuse a module of another place where the folder has one of this name."""
        top = name.partition(".")[0]
        if self.folder is None or not ((self.folder / f"{top}.py").exists() or (self.folder / top).is_dir()):
            return
        origins = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", ())]
        if not any(Path(origin).resolve().is_relative_to(self.folder.resolve()) for origin in origins if origin):
            raise _Unusable(
                f"`proposer.implementation`: expected `{name}` of {self.folder}, found a module of the same name that "
                f"comes first, {origins[0] or origins[-1]}. Give yours another name."
            )

    def _asked(self, proposer: Any, campaign: Campaign, history: History, q: int, seed: int) -> Any:
        try:
            wanted = inspect.signature(proposer.propose).parameters
            return proposer.propose(campaign, history, q, **({"seed": seed} if "seed" in wanted else {}))
        except OvernightError:
            raise
        except Exception as error:
            raise _Unusable(
                f"`proposer.implementation`: expected {q} proposals from `{self.implementation}` for trial "
                f"{history.next_trial} on, found that it raised {_described(error)}."
            ) from error

    def _checked(self, returned: Any, campaign: Campaign, q: int) -> list[Proposal]:
        """Return the proposals with their points in canonical types."""
        if not isinstance(returned, Sequence) or isinstance(returned, str):
            raise self._wrong(f"a list of {q} proposals", f"{type(returned).__name__} {returned!r:.200}")
        if len(returned) != q:
            raise self._wrong(f"{q} proposals, as many as were asked for", str(len(returned)))
        proposals = []
        for i, proposal in enumerate(returned, start=1):
            if not isinstance(proposal, Proposal):
                found = f"{type(proposal).__name__} {proposal!r:.200}"
                raise self._wrong(f"proposal {i} of {q} to be a `Proposal`", found)
            try:
                point = campaign.parameters.point(proposal.point)
            except InvalidPoint as problem:
                raise self._wrong(f"proposal {i} of {q} to lie in the space", f"{proposal.point} ({problem})") from None
            proposals.append(proposal.model_copy(update={"point": point}))
        return proposals

    def _wrong(self, expected: str, found: str) -> _Unusable:
        return _Unusable(
            f"`proposer.implementation`: `{self.implementation}` returned from `propose` what cannot be tried: "
            f"expected {expected}, found {found}."
        )

    def _provenance(self, proposal: Proposal, made_with: Provenance) -> Provenance:
        """Return what the class says of its proposal, if it does, with its name, the seed it was offered and the stack.

        It may name more libraries, and other threads.
        """
        said, here = proposal.provenance or made_with, made_with.stack
        own = {
            "libraries": read_only({**said.stack.libraries, **here.libraries}),
            "threads": here.threads if said.stack.threads is None else said.stack.threads,
        }
        made_by = made_with.made_by.model_copy(update={"proposer": self.implementation})
        return said.model_copy(update={"made_by": made_by, "stack": said.stack.model_copy(update=own)})


def _described(error: BaseException) -> str:
    """Return what was raised and where, in one line."""
    text = " ".join(str(error).split())[:500]
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = "" if frame.filename.startswith("<") or frame.filename == __file__ else f", {frame.filename}:{frame.lineno}"
    return f"{type(error).__name__}: {text}{place}"
