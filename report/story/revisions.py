"""The changes of a campaign's definition in words, the fixed values, and the trials outside of the present space."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from overnight.campaign import Campaign, History, Point
from overnight.campaign.changes import changed_keys
from overnight.campaign.parameters import Parameter, Value
from overnight.campaign.values.spelling import yaml_text
from overnight.report.story.section import Section

# The actor of definitions that come with a run.
_RUN = "user"


class Revised(Section):
    """A change of the definition, counted from 1, with each change in words; `by_run` if it came with a run's file."""

    number: int
    by: str
    by_run: bool
    at: datetime
    why: str | None
    changes: tuple[str, ...]


class Revisions(Section):
    """All `revisions` in their order, the values that are `fixed` at present, and the trials `outside` of the space.

    `fixed_by_run` is true if a run fixed them, until the next one. `learnt` is true if the model learns from the trials
    outside that are near.
    """

    revisions: tuple[Revised, ...]
    fixed: dict[str, Value]
    fixed_by_run: bool
    outside: tuple[int, ...]
    learnt: bool


def revisions_of(history: History) -> Revisions:
    """Return how a campaign was changed."""
    campaign, revised = history.definition, history.revised
    before = history.superseded
    by_run = bool(before) and revised is not None and revised.actor == _RUN
    fixed_by_run = by_run and before[-1].fix != campaign.fix
    inside = {trial.id for trial in history.goals.inside(history.trials.values())}
    found = zip(before, history.revisions, strict=True)
    return Revisions(
        revisions=tuple(
            Revised(
                number=event.revision,
                by=event.actor,
                by_run=event.actor == _RUN,
                at=event.time,
                why=event.why,
                changes=tuple(changes_of(old, event.definition)),
            )
            for old, event in found
        ),
        fixed={**(campaign.fix or {})},
        fixed_by_run=fixed_by_run,
        outside=tuple(sorted(number for number in history.trials if number not in inside)),
        learnt=_learns(history),
    )


def _learns(history: History) -> bool:
    """Return whether the recorded proposer's model learns from trials outside of the space."""
    latest = history.revised or history.defined
    proposer = None if latest is None else latest.settings.get("proposer")
    return proposer is not None and proposer.get("outside") == "learn" and not history.definition.is_ab_test


def changes_of(old: Campaign, new: Campaign) -> Iterator[str]:
    """Yield the changes between two definitions in words."""
    for name, parameter in new.parameters.items():
        yield from _parameter(name, old.parameters.root.get(name), parameter)
    yield from _listed("constraint", old.parameter_constraints, new.parameter_constraints)
    yield from _fixed(old.fix or {}, new.fix or {})
    yield from _listed("limit", old.constraints, new.constraints)
    before, baseline = _baseline(old), _baseline(new)
    if before != baseline and _known_names(new, before) != baseline:
        yield "has no baseline" if baseline is None else f"has the baseline {_point(baseline)}"
    if old.budget.trials != new.budget.trials:
        yield f"has {new.budget.trials} trials instead of {old.budget.trials}"
    same_limits = new.budget.model_copy(update={"trials": old.budget.trials}) == old.budget
    in_words = (*_IN_WORDS, *(("budget",) if same_limits else ()))
    if others := [key for key in changed_keys(old, new) if key not in in_words]:
        yield f"changes {', '.join(f'`{key}`' for key in others)}"


def _baseline(campaign: Campaign) -> Point | None:
    """Return the baseline; with contexts as it is written, because it is another point in each."""
    return campaign.baseline if campaign.contexts else campaign.status_quo


_IN_WORDS = ("parameters", "parameter_constraints", "fix", "constraints", "baseline")


def _parameter(name: str, old: Parameter | None, new: Parameter) -> Iterator[str]:
    if old is None:
        was = "" if new.was is None else f"; {yaml_text(new.was)} before"
        yield f"adds {name} ({new.described()}{was})"
    elif old.kind != new.kind:
        fixed = new.fixed_value
        yield f"tunes {name} ({new.described()})" if fixed is None else f"keeps {name} at {yaml_text(fixed)}"
    elif old.described() != new.described():
        yield f"{_how(old, new)} {name} to {new.described()}"
    elif old.was != new.was:
        yield f"corrects the value of {name} before it was added: {'unknown' if new.was is None else new.was}"


def _how(old: Parameter, new: Parameter) -> str:
    """Return whether the values become more, fewer, or others."""
    if old.bounds is not None and new.bounds is not None:
        (low, high), (lower, higher) = old.bounds, new.bounds
        more, fewer = lower <= low and higher >= high, lower >= low and higher <= high
    else:
        more, fewer = {*old.listed} <= {*new.listed}, {*old.listed} >= {*new.listed}
    return "changes" if more and fewer else "widens" if more else "narrows" if fewer else "moves"


def _listed(what: str, old: tuple[object, ...], new: tuple[object, ...]) -> Iterator[str]:
    yield from (f"adds the {what} {each}" for each in new if each not in old)
    yield from (f"drops the {what} {each}" for each in old if each not in new)


def _fixed(old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[str]:
    yield from (f"fixes {name} = {yaml_text(value)}" for name, value in new.items() if old.get(name) != value)
    yield from (f"frees {name}" for name in old if name not in new)


def _point(point: Point) -> str:
    return ", ".join(f"{name} = {yaml_text(value)}" for name, value in point.items())


def _known_names(campaign: Campaign, point: Point | None) -> Point | None:
    """Return a point with the past values of parameters that were added to it."""
    return None if point is None else campaign.space.placed(point)[0]
