"""Describe a campaign's plan, for `overnight check`."""

from datetime import datetime
from math import ceil
from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from overnight.bo_core import BayesianProposer, CustomProposer
from overnight.bo_core.settings.surrogates import GpytorchSurrogate
from overnight.campaign import Campaign, History, Point
from overnight.campaign.approval import ApprovalPolicy, Limit
from overnight.campaign.contexts import given_text
from overnight.campaign.standing.confirming import confirms, reserved
from overnight.campaign.values.duration import format_duration
from overnight.campaign.values.spelling import yaml_text
from overnight.campaign.window import Window
from overnight.evaluators import AnyEvaluator, OwnLoop
from overnight.evaluators.ongoing.polling import Polling
from overnight.flows.clusters.resources import Resources
from overnight.flows.commands.start.next_points import next_points
from overnight.flows.definition.campaign_file import CampaignFile
from overnight.flows.proposing.settings import Proposing
from overnight.storage import ledger_location


def describe(file: CampaignFile, now: datetime, history: History | None = None) -> Group:
    """Return a table of the space, and lines on how and when points would be tried and recorded.

    The `history` holds the trials so far, if there are any.
    """
    campaign = file.campaign
    table = Table(header_style="bold")
    for name in ("parameter", "kind", "values", "baseline"):
        table.add_column(name, overflow="fold")
    written = campaign.baseline or {}
    exact = _exact_baseline(campaign)
    for name, parameter in campaign.parameters.items():
        values = f"{parameter.described()}{f'; only if {parameter.when}' if parameter.when else ''}"
        started = exact.get(name, "") if parameter.grid else written.get(name, exact.get(name, ""))
        table.add_row(*map(Text, (name, parameter.kind, values, yaml_text(started))))
    lines = [
        *_contexts(campaign),
        *_fixed(campaign),
        *[("where", str(constraint)) for constraint in campaign.parameter_constraints],
        _objectives(campaign),
        *_preference(campaign),
        *_constraints(campaign),
        ("evaluator", _evaluator(file.evaluator)),
        *_polling(file.polling),
        *_fidelity(campaign),
        *_arms(file),
        ("workers", f"{campaign.workers}, on {file.run_on}{_each(file.resources)}"),
        ("budget", _budget(file)),
        ("failures", _failures(file)),
        *([("window", _window(file.campaign.window, now))] if file.campaign.window else []),
        *_approval(file.campaign),
        *_stopping(file.campaign),
        *_confirming(file),
        *_solutions(campaign),
        (("first points", _first_points(file)) if not (history and history.trials) else next_points(file, history)),
        ("proposer", f"{_proposer(file)}{_proposed_by(file.proposing)}"),
        ("ledger", ledger_location(file.ledger, campaign.name, Path())),
    ]
    if file.receipts is not None:
        lines.append(("receipts", file.receipts))
    rest = Table.grid(padding=(0, 2))
    rest.add_column(style="bold")
    rest.add_column(overflow="fold")
    for label, value in lines:
        rest.add_row(label, Text(value))
    title = Text(f"{campaign.name}{f': {campaign.description}' if campaign.description else ''}", style="bold")
    return Group(title, table, rest)


def _exact_baseline(campaign: Campaign) -> Point:
    """Return the baseline in canonical types: numbers with a step may be written otherwise, derived ones not at all."""
    for given in campaign.contexts:
        if (within := campaign.within(given)).baseline is not None:
            return _exact_baseline(within)
    return campaign.status_quo or {}


def _contexts(campaign: Campaign) -> list[tuple[str, str]]:
    """Return a line on the contexts that trials take turns in, if there are any."""
    if not campaign.contexts:
        return []
    known = "; ".join(map(given_text, campaign.open_contexts))
    return [("contexts", f"{len(campaign.open_contexts)} take turns, and each has a recommendation: {known}")]


def _fixed(campaign: Campaign) -> list[tuple[str, str]]:
    values = ", ".join(f"{name} = {yaml_text(value)}" for name, value in (campaign.fix or {}).items())
    return [("fixed", values)] if values else []


def _objectives(campaign: Campaign) -> tuple[str, str]:
    objectives = campaign.goal.objectives
    listed = (f"{each}{'' if each.worst is None else f' (worst {each.worst:g})'}" for each in objectives)
    label = "objectives" if campaign.goal.has_front else "objective"
    return label, f"{', '.join(listed)}{_also(campaign.metrics)}"


def _arms(file: CampaignFile) -> list[tuple[str, str]]:
    """Return lines on the batches, the looks and the stages of an A/B test."""
    campaign = file.campaign
    if campaign.traffic is None or campaign.arms is None:
        return []
    traffic, approve = campaign.traffic, campaign.ramp_up is not None and campaign.ramp_up.approve
    share = traffic.share_of_status_quo(campaign.arms - 1)
    stages = ", ".join(f"{100 * stage:g} %" for stage in campaign.stages)
    approved = "; each stage waits for a person" if approve else ""
    wrong = 100 * (1 - campaign.deciding.at_least)
    return [
        ("arms", f"{campaign.arms} share {traffic.per_batch:,} {traffic.unit}, {share:.0%} of them the status quo"),
        ("ramp-up", f"the best arm gets {stages} of fresh traffic{approved}"),
        ("decides", f"a statement that an arm is better is false in at most {wrong:.4g} % of tests"),
    ]


def _fidelity(campaign: Campaign) -> list[tuple[str, str]]:
    """Return lines on the fidelity of the evaluations and on their costs, if the campaign has one."""
    if campaign.fidelity is None:
        return []
    name, parameter = campaign.fidelity.name, campaign.fidelity.parameter
    costs = ", ".join(f"{level:g} costs {parameter.cost(level):.3g}" for level in parameter.levels)
    resumed = "; an evaluation that continues from a lower one costs the rest" if parameter.resume else ""
    return [
        ("fidelity", f"{name} {parameter.described()}"),
        ("costs", f"{costs} of a full evaluation{resumed}"),
    ]


def _preference(campaign: Campaign) -> list[tuple[str, str]]:
    """Return a line on how one of the front is recommended, if there is a front."""
    if not campaign.goal.has_front:
        return []
    first = campaign.objective.metric
    chosen = f"the best in {first} of those that probably meet {', '.join(map(str, campaign.prefer))}"
    return [("recommends", chosen if campaign.prefer else "the one that alone dominates the largest hypervolume")]


def _constraints(campaign: Campaign) -> list[tuple[str, str]]:
    if not campaign.constraints:
        return []
    demanded = f"to be met with a probability of at least {100 * campaign.feasible_at_least:g} %"
    return [("constraints", f"{', '.join(map(str, campaign.constraints))}, {demanded}")]


def _solutions(campaign: Campaign) -> list[tuple[str, str]]:
    """Return a line on the different solutions that are recommended, if there are several."""
    asked = campaign.solutions
    if asked is None:
        return []
    within = "little worse" if asked.within is None else f"at most {asked.within:g} worse"
    differ = f"which differ by {100 * asked.apart:g} % of the range of a parameter"
    return [("solutions", f"{asked.count} are recommended, {differ}, {within} than the best")]


def _proposed_by(proposing: Proposing) -> str:
    return "" if proposing.pool is None else f", computed on work pool `{proposing.pool}`"


def _polling(polling: Polling | None) -> list[tuple[str, str]]:
    if polling is None:
        return []
    every, longest = format_duration(polling.every), format_duration(polling.at_most)
    return [("polled", f"each evaluation may continue by itself for {longest}, and is looked at every {every}")]


def _also(metrics: tuple[str, ...]) -> str:
    return f", recording {', '.join(metrics)} as well" if metrics else ""


def _each(resources: Resources) -> str:
    asked = [f"{name} {value:.15g}" for name, value in resources.named().items()]
    return f", each with {', '.join(asked)}" if asked else ""


def _proposer(file: CampaignFile) -> str:
    proposer = file.proposer
    if isinstance(proposer, CustomProposer):
        return f"{proposer.kind} {proposer.implementation}"
    if isinstance(proposer, BayesianProposer) and isinstance(proposer.surrogate, GpytorchSurrogate):
        return f"{proposer.kind}, with the gpytorch model {proposer.surrogate.model}"
    return proposer.kind


def _evaluator(evaluator: AnyEvaluator) -> str:
    if isinstance(evaluator, OwnLoop):
        return "a loop of your own (`AskTell`)"
    return f"{evaluator.kind} {evaluator.described()}, at most {format_duration(evaluator.time_limit)} each"


def _budget(file: CampaignFile) -> str:
    budget = file.campaign.budget
    limit = f", none started after {format_duration(budget.wall_clock)}" if budget.wall_clock else ""
    evaluations = f", at most {budget.evaluations} evaluations" if budget.evaluations else ""
    cost = f", at most {budget.cost:g} of cost" if budget.cost else ""
    return f"{budget.trials} trials{evaluations}{cost}{limit}"


def _window(window: Window, now: datetime) -> str:
    at_its_end = "may finish" if window.running == "finish" else "are stopped, and tried again the next time"
    closes = window.closes(now)
    turn = (
        f"opens {window.local_text(window.next_opening(now))}"
        if closes is None
        else f"open until {window.local_text(closes)}"
    )
    return f"{window}, {turn}; evaluations running at its end {at_its_end}"


def _failures(file: CampaignFile) -> str:
    policy = file.campaign.failures
    asked = "; you are asked about attempts of unknown fate" if policy.when_unknown == "ask" else ""
    if policy.max_attempts == 1:
        return f"nothing is tried again{asked}"
    first, longest = format_duration(policy.back_off), format_duration(policy.longest_back_off)
    pauses = f"after {first}, then up to {longest}" if policy.back_off else "at once"
    why = "the machine failed or the time limit passed" if policy.on_timeout == "retry" else "the machine failed"
    return f"up to {policy.max_attempts} attempts at a trial if {why}, {pauses}{asked}"


def _approval(campaign: Campaign) -> list[tuple[str, str]]:
    """Return a line on the points that would await approval, if any would."""
    policy = campaign.approve
    if not isinstance(policy, ApprovalPolicy):
        return [("approval", "every computed point waits for a person")] if policy == "always" else []
    when, rules = policy.when, list[str]()
    if when.change is not None:
        far = ", ".join(f"{name} {_limit(limit)}" for name, limit in when.limits(campaign.parameters).items())
        rules.append(f"changed from the baseline: {far}")
    if when.predicted is not None:
        sds = when.predicted.standard_deviations
        within = f" within {sds:g} standard deviations" if sds else ""
        rules.append(f"{campaign.objective.metric} predicted worse than {when.predicted.worse_than:g}{within}")
    if when.cost is not None:
        rules.append(f"expected to cost more than {when.cost:g}")
    return [("approval", f"a point waits for a person, at most {policy.most_waiting} at a time: {'; or '.join(rules)}")]


def _limit(limit: Limit) -> str:
    if isinstance(limit, tuple):
        return f"to {' or '.join(map(str, limit))}"
    return "at all" if limit == "any" else f"by more than {limit:g} of its range"


def _stopping(campaign: Campaign) -> list[tuple[str, str]]:
    """Return a line on trials that may be stopped early, and one on a campaign that may end early."""
    lines, rule, when = list[tuple[str, str]](), campaign.stop_early, campaign.stop_when
    if rule is not None:
        name = rule.rule.replace("_", " ")
        reported = " or ".join(campaign.goal.metrics if rule.rule == "improbable" else (campaign.objective.metric,))
        lines.append(("stops early", f"trials by the {name} rule, if the evaluator reports {reported}"))
    if when is not None:
        then = "it is reported" if when.advice_only else "it ends"
        limit = f"less than {when.expected_gain_below:g}{_of_what(campaign)}, {when.in_a_row} times in a row"
        lines.append(("enough", f"{then} when one more trial is expected to gain {limit}"))
    return lines


def _of_what(campaign: Campaign) -> str:
    """Return the words for the unit of gains, if that is not the objective's own."""
    if not campaign.goal.has_front:
        return ""
    return f" of hypervolume ({' × '.join(each.metric for each in campaign.goal.objectives)})"


def _confirming(file: CampaignFile) -> list[tuple[str, str]]:
    """Return a line on the trials that confirm, if there are any."""
    campaign = file.campaign
    if not confirms(campaign) or not isinstance(file.proposer, BayesianProposer):
        return []
    count, fidelity = reserved(campaign, campaign.budget.trials), campaign.fidelity
    thorough = "" if fidelity is None else f", at {fidelity.name} = {fidelity.parameter.high:g}"
    last = "the last trial" if count == 1 else f"the last {count} trials, one after the other"
    return [("confirming", f"{last}{thorough}")] if count else []


def _first_points(file: CampaignFile) -> str:
    campaign = file.campaign
    views = [campaign.within(given) for given in campaign.open_contexts] or [campaign]
    asked = sum(len(each.start_with) + (each.baseline is not None) for each in views)
    parts = [f"{asked} from the file"] if asked else []
    if isinstance(file.proposer, BayesianProposer):
        initial = file.proposer.initial_points(len(campaign.parameters.tuned()), campaign.budget.trials)
        initial = len(views) * ceil(initial / len(views))
        parts.append(f"{max(initial - asked, 0)} Sobol points, then the model's")
    elif isinstance(file.proposer, CustomProposer):
        parts.append("then the proposer's own" if asked else "the proposer's own")
    else:
        parts.append("Sobol points")
    return ", ".join(parts)
