"""A campaign file: the definition, and the parts that the campaign is run with."""

import importlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from overnight.bo_core import AnyProposer, BayesianProposer, CustomProposer
from overnight.bo_core.proposer import settings_of
from overnight.bo_core.settings.surrogates import GpytorchSurrogate
from overnight.campaign import Campaign
from overnight.campaign.contradictions import contradictions
from overnight.campaign.errors import CannotPropose, InvalidDefinition
from overnight.campaign.problems import Contradictory, Problem, one_line, shown
from overnight.campaign.values.duration import WRITTEN_BY_HAND
from overnight.evaluators import AnyEvaluator, OwnLoop
from overnight.evaluators.ongoing.polling import Polling
from overnight.flows.clusters.gpu_problems import gpu_problems
from overnight.flows.clusters.gpus import find_gpus
from overnight.flows.clusters.places.any_place import AnyPlace
from overnight.flows.clusters.places.here import Here
from overnight.flows.clusters.resources import Needs, Resources
from overnight.flows.definition.addresses import absolute_ledger, ledger_address, meant_as_folder
from overnight.flows.definition.each_mistake_once import each_once
from overnight.flows.definition.known_keys import hint_about
from overnight.flows.definition.parts import part_problems
from overnight.flows.definition.translated_errors import keys_of_file, translate
from overnight.flows.definition.tried_points import in_a_begun_campaign, untried_outside
from overnight.flows.definition.yaml_source import read_yaml
from overnight.flows.mirrors.settings import MirrorOfFile
from overnight.flows.proposing.settings import Proposing
from overnight.flows.sending.addresses import VariableNames, address_problems

_PLUGGED_IN = (
    "evaluator",
    "proposer",
    "proposing",
    "ledger",
    "work",
    "receipts",
    "mirror",
    "send_report_to",
    "run_on",
    "resources",
    "evaluator_changed",
)
# Enough to see what is wrong with a file.
_MOST_PROBLEMS = 100


def _evaluator_with_kind(evaluator: Any) -> Any:
    """Return the evaluator with its kind filled in, if its form or its keys imply it."""
    if isinstance(evaluator, str):
        return {"kind": "python", "function": evaluator}
    if isinstance(evaluator, Mapping) and "kind" not in evaluator:
        for key, kind in (("function", "python"), ("command", "command"), ("url", "http")):
            if key in evaluator:
                return {"kind": kind, **evaluator}
    return evaluator


def _proposer_with_kind(proposer: Any) -> Any:
    """Return a proposer's mapping with its kind filled in: `python` if it names a class, otherwise `bayesian`."""
    if not isinstance(proposer, Mapping) or "kind" in proposer:
        return proposer
    return {"kind": "python" if "implementation" in proposer else "bayesian", **proposer}


class CampaignFile(BaseModel):
    """A campaign and the parts that it is run with.

    A file has the campaign's keys at its top level, next to those of the other fields; this model reads that form as
    well as its own dump. `ledger` is a folder or a URL; `work` is the folder in which each attempt has its own;
    `receipts` is the file to which a running campaign adds receipts of its ledger; `mirror` is a tracking server that
    shows the campaign as well, and `send_report_to` are the variables with addresses to which a run sends its report;
    `run_on` is the place where evaluations run, and `resources` lists the needs of each evaluation there.
    `evaluator_changed` decides whether a campaign continues after files of its evaluator have changed. Only a loop of
    the user's own needs no `evaluator`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    campaign: Campaign
    evaluator: Annotated[
        AnyEvaluator, BeforeValidator(_evaluator_with_kind, json_schema_input_type=str | AnyEvaluator)
    ] = OwnLoop()
    proposer: Annotated[
        AnyProposer,
        BeforeValidator(_proposer_with_kind, json_schema_input_type=AnyProposer),
        Field(validate_default=True),
    ] = BayesianProposer()
    proposing: Proposing = Proposing()
    ledger: Annotated[str, Field(min_length=1), AfterValidator(ledger_address)] = "./ledger"
    work: Annotated[str, Field(min_length=1), AfterValidator(meant_as_folder)] = "./work"
    receipts: Annotated[str, Field(pattern="^[^:]+$"), AfterValidator(meant_as_folder)] | None = None
    mirror: MirrorOfFile | None = None
    send_report_to: VariableNames = ()
    run_on: AnyPlace = Here()
    resources: Resources = Resources()
    evaluator_changed: Literal["note", "refuse"] = "note"

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, data: Any) -> Any:
        return _sections(data) if isinstance(data, Mapping) else data

    @field_validator("evaluator")
    @classmethod
    def _limited_by_window(cls, evaluator: AnyEvaluator, info: ValidationInfo) -> AnyEvaluator:
        """Limit an evaluation to half of the window, if the file sets no time limit.

        An evaluation that may take the whole window could begin only at the very moment of opening. One at a server
        continues when the window has closed.
        """
        campaign = info.data.get("campaign")
        if campaign is None or campaign.window is None or evaluator.at_server or isinstance(evaluator, OwnLoop):
            return evaluator
        if "time_limit" in evaluator.model_fields_set:
            return evaluator
        limit = min(evaluator.time_limit, campaign.window.length / 2)
        return evaluator.model_copy(update={"time_limit": limit})

    @field_validator("proposer")
    @classmethod
    def _believing(cls, proposer: AnyProposer, info: ValidationInfo) -> AnyProposer:
        """Set `outliers` to `believe` in a campaign in which nothing is doubted, if the file does not set it.

        The settings that are recorded do not claim doubts then, and the dump of the file can be read again.
        """
        campaign = info.data.get("campaign")
        if campaign is None or not isinstance(proposer, BayesianProposer) or "outliers" in proposer.model_fields_set:
            return proposer
        return proposer if proposer.doubts_in(campaign) else proposer.model_copy(update={"outliers": "believe"})

    @model_validator(mode="after")
    def _fits_together(self) -> "CampaignFile":
        found = part_problems(self.campaign, self.evaluator, self.proposer)
        if self.evaluator.at_server and not isinstance(self.run_on, Here):
            kind = f"`evaluator.kind: {self.evaluator.kind}`"
            text = f"expected here with {kind}, whose server runs the evaluations, got {self.run_on}"
            found.append(Problem(("run_on",), text))
        found += [problem.below("run_on") for problem in self.run_on.misfits(self.needs)]
        if found:
            raise Contradictory(found)
        return self

    @property
    def needs(self) -> Needs:
        """Return what one evaluation needs from the place where it runs."""
        return Needs(self.resources, self.evaluator.time_limit, self.evaluator.grace)

    @property
    def gpus_here(self) -> int:
        """Return how many GPUs of this host each evaluation holds."""
        return (self.resources.gpus or 0) if isinstance(self.run_on, Here) else 0

    @property
    def polling(self) -> Polling | None:
        """Return how often evaluations are looked at that continue by themselves; None if they end with their process.

        Arms of an A/B test are looked at as often as they are judged, unless the file says otherwise.
        """
        if self.evaluator.polling is not None:
            return self.evaluator.polling
        return Polling(every=self.campaign.deciding.looks) if self.campaign.is_ab_test else None

    async def check(self, *, runs_here: bool = True) -> None:
        """Raise InvalidDefinition if a part cannot be loaded, does not fit the campaign, or lacks what it needs.

        The evaluator comes last: if it is missing, everything else is valid. Unless the campaign `runs_here`, the GPUs
        and the variables of this host do not matter.
        """
        self.check_without_evaluator()
        if runs_here and (problems := address_problems(self.send_report_to)):
            raise InvalidDefinition(problems)
        if self.gpus_here:
            found = find_gpus() if runs_here else None
            if problems := gpu_problems(self.gpus_here, self.campaign, self.evaluator, found):
                raise InvalidDefinition(problems)
        await self.evaluator.check(self.campaign)

    def check_without_evaluator(self) -> None:
        """Raise InvalidDefinition as `check` does, but not for the evaluator, which a loop of one's own lacks."""
        self.check_proposer()
        self._check_space()
        if problems := self.run_on.problems(self.needs) + self.proposing.problems():
            raise InvalidDefinition(problems)

    def _check_space(self) -> None:
        """Raise InvalidDefinition if the constraints between parameters leave no point."""
        if not self.campaign.space.is_plain:
            importlib.import_module("overnight.bo_core.search.even").check_not_empty(self.campaign.space)

    def check_proposer(self) -> None:
        """Raise InvalidDefinition if the proposer cannot be loaded, or computes on a device that is missing here."""
        if isinstance(self.proposer, CustomProposer):
            self.proposer.check()
        if isinstance(self.proposer, BayesianProposer) and isinstance(self.proposer.surrogate, GpytorchSurrogate):
            checked = importlib.import_module("overnight.bo_core.gpytorch_models.check")
            checked.check(self.proposer.surrogate, self.campaign)
        if problems := self._device_problems():
            raise InvalidDefinition(problems)

    def _device_problems(self) -> list[str]:
        """Return a problem if proposals need a CUDA device and are computed on this machine, which has none."""
        if not isinstance(self.proposer, BayesianProposer) or self.proposer.device != "cuda" or self.proposing.pool:
            return []
        try:
            importlib.import_module("overnight.bo_core.model").device_for(self.proposer, 0)
        except CannotPropose as problem:
            return [str(problem)]
        return []

    def settings(self) -> dict[str, Any]:
        """Return the evaluator and the proposer as JSON to record, without local folders and values of variables."""
        evaluator = self.evaluator.model_dump(mode="json", exclude={"folder"})
        # Left out if it is the default, as below.
        if evaluator.get("polled", "set") is None:
            del evaluator["polled"]
        if "environment" in evaluator:
            evaluator["environment"] = [variable.partition("=")[0] for variable in evaluator["environment"]]
        settings = {"evaluator": evaluator, "proposer": settings_of(self.proposer)}
        # Left out if they are the defaults: a campaign that began without these keys has not changed.
        if not isinstance(self.run_on, Here):
            settings["run_on"] = self.run_on.model_dump(mode="json")
        if self.resources != Resources():
            settings["resources"] = self.resources.model_dump(mode="json", exclude_none=True)
        return settings


def load_campaign_file(path: str | Path) -> CampaignFile:
    """Read a campaign from a YAML file; relative paths in it are relative to its folder.

    Raises InvalidDefinition with every problem on a line of its own: file, line, path, expected and found.
    """
    path = Path(path)
    source = read_yaml(path)
    if not isinstance(source.data, Mapping):
        expected = "expected a mapping with keys such as `name`, `parameters` and `evaluator`"
        raise InvalidDefinition([one_line(f"{path}:{source.line(())}: {expected}, got {shown(source.data)}")])
    file, problems = _examine(source.data, _split(source.data), WRITTEN_BY_HAND)
    problems = [*source.repeated_keys(), *problems]
    if file is None:
        problems = in_a_begun_campaign(problems, source.data, path.resolve().parent)
    if file is None or problems:
        lines = sorted((source.line(problem.where), str(problem)) for problem in problems[:_MOST_PROBLEMS])
        more = [f"{one_line(str(path))}: and {len(problems) - len(lines)} more"] if len(problems) > len(lines) else []
        placed = [f"{one_line(str(path))}:{line}: {problem}" for line, problem in lines]
        raise InvalidDefinition([*placed, *more], _known_keys(problems))
    file = _with_absolute_paths(file, path.resolve().parent)
    if outside := untried_outside(file.campaign, file.ledger):
        places = [f"{one_line(str(path))}:{source.line(problem.where)}: {problem}" for problem in outside]
        raise InvalidDefinition(places[:_MOST_PROBLEMS])
    return file


def read_campaign(source: "CampaignFile | Mapping[str, Any] | str | Path") -> CampaignFile:
    """Return the campaign from a path, or from a mapping with the keys of a campaign file.

    Raises InvalidDefinition listing every problem.
    """
    if isinstance(source, CampaignFile):
        return source
    if isinstance(source, str | Path):
        return load_campaign_file(source)
    if not isinstance(source, Mapping):
        raise InvalidDefinition([f"expected a path, a mapping or a CampaignFile, got {shown(source)}"])
    file, problems = _examine(source, _sections(source))
    if file is None:
        raise InvalidDefinition([*map(str, problems)], _known_keys(problems))
    if outside := untried_outside(file.campaign, file.ledger):
        raise InvalidDefinition([str(problem) for problem in outside])
    return file


def _known_keys(problems: Iterable[Problem]) -> str:
    return hint_about(problems, keys_of_file(CampaignFile, inlined="campaign"))


def _sections(data: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the fields of CampaignFile from data in either of its two forms."""
    if "campaign" in data and set(data) <= set(CampaignFile.model_fields):
        return {**data}
    return _split(data)


def _split(data: Mapping[Any, Any]) -> dict[Any, Any]:
    sections = {key: value for key, value in data.items() if key in _PLUGGED_IN}
    return {**sections, "campaign": {key: value for key, value in data.items() if key not in _PLUGGED_IN}}


def _examine(
    data: Mapping[Any, Any], sections: dict[Any, Any], context: Any = None
) -> tuple[CampaignFile | None, list[Problem]]:
    """Return the campaign, or None and every problem of the data; `sections` holds the data by field."""
    file, problems = _validated(sections, context)
    if file is not None:
        return file, []
    written = sections.get("campaign")
    # The model looks for contradictions only if each of its parts is valid; here all problems are reported at once.
    contradicting = contradictions(written) if isinstance(written, Mapping) else ()
    return None, [_with_path_in(data, problem) for problem in each_once(contradicting, problems)]


def _with_path_in(data: Mapping[Any, Any], problem: Problem) -> Problem:
    """Return the problem with a path that exists in the data, even if the data uses a short form."""
    short = problem.where[:1] in (("evaluator",), ("window",)) and isinstance(data.get(str(problem.where[0])), str)
    return Problem(problem.where[:1], problem.text) if short else problem


def _validated(sections: dict[Any, Any], context: Any) -> tuple[CampaignFile | None, list[Problem]]:
    try:
        return CampaignFile.model_validate(sections, context=context), []
    except ValidationError as error:
        return None, translate(error, CampaignFile, inlined="campaign")


def _with_absolute_paths(file: CampaignFile, folder: Path) -> CampaignFile:
    """Return the campaign with its relative paths made absolute, starting at this folder."""
    changes: dict[str, Any] = {"work": str(folder / os.path.expanduser(file.work))}
    changes["ledger"] = absolute_ledger(file.ledger, folder)
    if file.receipts is not None:
        changes["receipts"] = str(folder / os.path.expanduser(file.receipts))
    changes["proposer"] = file.proposer.in_folder(folder)
    evaluator: Any = file.evaluator
    if "folder" in type(evaluator).model_fields:
        changes["evaluator"] = evaluator.model_copy(update={"folder": folder / (evaluator.folder or ".")})
    return file.model_copy(update=changes)
