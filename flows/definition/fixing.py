"""Fix parameters or contexts for one run, in addition to those that the campaign's file fixes."""

from collections.abc import Iterable, Mapping
from typing import Any

from overnight.campaign.contradictions import contradictions
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.parameters import Value
from overnight.flows.definition.campaign_file import CampaignFile


def with_fixed(file: CampaignFile, fix: Mapping[str, Any]) -> CampaignFile:
    """Return the campaign with these parameters fixed; text is read as a value of its parameter.

    Raises InvalidDefinition if a parameter is unknown or cannot have the value.
    """
    if not fix:
        return file
    fixed = {**(file.campaign.fix or {}), **values_of(file, fix)}
    if problems := [*contradictions({**dict(file.campaign), "fix": fixed}, anywhere=True)]:
        raise InvalidDefinition([str(problem) for problem in problems])
    return file.model_copy(update={"campaign": file.campaign.model_copy(update={"fix": fixed})})


def for_this_run(file: CampaignFile, fix: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Value]:
    """Return the values that a run fixes: those of parameters, and those of the contexts that it is for.

    Raises InvalidDefinition as `with_fixed` and `with_context` do.
    """
    with_context(with_fixed(file, fix), context)
    return values_of(file, {**fix, **context})


def values_of(file: CampaignFile, fix: Mapping[str, Any]) -> dict[str, Value]:
    """Return the values, of which text is read as a value of its parameter."""
    return {name: _read(file, name, value) for name, value in fix.items()}


def with_context(file: CampaignFile, context: Mapping[str, Any]) -> CampaignFile:
    """Return the campaign with new trials for the contexts that have these values.

    Raises InvalidDefinition if the campaign has no such context.
    """
    known = {} if file.campaign.context is None else file.campaign.context.root
    for name in context:
        if name not in known:
            listed = f"one of {', '.join(known)}" if known else "no context, because the campaign has none"
            raise InvalidDefinition([f"`--context`: expected {listed}, got `{name}`"])
    try:
        return with_fixed(file, context)
    except InvalidDefinition as refused:
        # The person wrote the option, and no `fix`.
        problems = [problem.replace("fix.", "--context ", 1) for problem in refused.problems]
        raise InvalidDefinition(problems) from None


def fixed_by(options: Iterable[str], option_name: str = "--fix", example: str = "batch=64") -> dict[str, str]:
    """Return the values by name from texts such as `batch=64`; raises InvalidDefinition for another text."""
    fixed = dict[str, str]()
    for option in options:
        name, sign, value = option.partition("=")
        if not name or not sign:
            expected = f"expected a name and its value, such as {example}"
            raise InvalidDefinition([f"`{option_name}`: {expected}, got `{option}`"])
        fixed[name.strip()] = value.strip()
    return fixed


def _read(file: CampaignFile, name: str, value: Any) -> Any:
    parameter = file.campaign.parameters_of_point.root.get(name)
    if parameter is None or not isinstance(value, str):
        return value
    try:
        return parameter.spelled(value)
    except ValueError as expected:
        raise InvalidDefinition([f"fix.{name}: expected {expected}, got {value!r}"]) from None
