"""Contradictions between a campaign and the parts that it is run with."""

from collections.abc import Iterable, Iterator
from unicodedata import decomposition, normalize

from overnight.bo_core import AnyProposer, BayesianProposer, SobolProposer
from overnight.bo_core.settings.acquisitions import AGAINST_BEST, DEFAULT
from overnight.campaign import Campaign
from overnight.campaign.budget import StopWhen
from overnight.campaign.problems import Problem, Where, shown
from overnight.campaign.standing.confirming import LEAST_OBSERVED
from overnight.campaign.values.duration import format_duration
from overnight.campaign.values.expression import is_expression, read_expression
from overnight.campaign.window import Window
from overnight.evaluators import AnyEvaluator


def part_problems(campaign: Campaign, evaluator: AnyEvaluator, proposer: AnyProposer) -> list[Problem]:
    """Return the contradictions between a campaign and its parts."""
    return [
        *_window_problems(campaign.window, evaluator),
        *_gain_problems(campaign.stop_when, proposer),
        *_confirm_problems(campaign, proposer),
        *_constraint_problems(campaign, proposer),
        *_front_problems(campaign, proposer),
        *_experiment_problems(campaign, proposer),
        *_fidelity_problems(campaign, proposer),
        *_metric_problems(campaign),
        *_name_problems(campaign),
    ]


def _metric_problems(campaign: Campaign) -> list[Problem]:
    """Return a problem for each objective that looks like a calculation and cannot be read as one, or has line breaks.

    No evaluation reports a metric whose name ends with the line break that `>` and `|` of YAML leave.
    """
    found = list[Problem]()
    for position, objective in enumerate(campaign.goal.objectives):
        where: Where = ("objectives", position) if campaign.objectives else (campaign.key_of(objective.asked[0]),)
        if objective.metric != objective.metric.strip() or "\n" in objective.metric:
            text = "expected a metric on one line, without spaces around it (in YAML, write `>-` instead of `>` or `|`)"
            found.append(Problem(where, f"{text}, got {shown(objective.metric)}"))
            continue
        try:
            if is_expression(objective.metric):
                read_expression(objective.metric)
        except ValueError as problem:
            found.append(Problem(where, str(problem)))
    return found


def _name_problems(campaign: Campaign) -> list[Problem]:
    """Return a problem for each name that is the same text as another one, written in another form of Unicode.

    Nobody could tell them apart on a page, and a program that normalizes text would take one for the other.
    """
    parameters: list[tuple[Where, str]] = [(("parameters", name), name) for name in campaign.parameters.root]
    asked = [metric for objective in campaign.goal.objectives for metric in objective.asked]
    metrics: list[tuple[Where, str]] = [((), name) for name in dict.fromkeys((*asked, *campaign.goal.limited))]
    return [*_alike(parameters), *_alike(metrics)]


def _alike(placed: Iterable[tuple[Where, str]]) -> Iterator[Problem]:
    known = dict[str, str]()
    for where, name in placed:
        other = known.setdefault(_as_seen(name), name)
        if other != name:
            codes = " and ".join(ascii(each) for each in (other, name))
            text = f"expected names that differ in more than their form in Unicode, got {codes}, which look alike"
            yield Problem(where, f"{text}: write them in one form if they mean the same, or rename one")


def _as_seen(name: str) -> str:
    """Return a name in one form of Unicode; characters that differ in their looks, such as 2 and ², stay different."""
    letters = (normalize("NFKC", each) if decomposition(each).startswith("<compat>") else each for each in name)
    return normalize("NFC", "".join(letters))


def _window_problems(window: Window | None, evaluator: AnyEvaluator) -> list[Problem]:
    """Return a problem if not even the first evaluation would fit into the window; one at a server need not fit."""
    if window is None or evaluator.time_limit <= window.length or evaluator.at_server:
        return []
    limit, length = format_duration(evaluator.time_limit), format_duration(window.length)
    text = (
        f"expected at most {length}, the length of the window {window}, got {limit}: until five evaluations are known, "
        "each is expected to take that long, so none would ever start"
    )
    return [Problem(("evaluator", "time_limit"), text)]


def _gain_problems(stop_when: StopWhen | None, proposer: AnyProposer) -> list[Problem]:
    """Return a problem if the campaign ends by its expected gain and its proposer reports none."""
    tells = isinstance(proposer, BayesianProposer) and proposer.acquisition in AGAINST_BEST
    if stop_when is None or tells:
        return []
    found = f"`{proposer.acquisition}`" if isinstance(proposer, BayesianProposer) else f"`kind: {proposer.kind}`"
    text = (
        f"expected a proposer that computes the expected gain of one more trial, got {found}: use `proposer.kind: "
        f"bayesian` with one of {', '.join(AGAINST_BEST)}, or leave `stop_when` out"
    )
    return [Problem(("stop_when", "expected_gain_below"), text)]


def _confirm_problems(campaign: Campaign, proposer: AnyProposer) -> list[Problem]:
    """Return a problem if a number of trials is to confirm, but no model knows which point, or too few come before."""
    confirm = campaign.confirm
    if not isinstance(confirm, int):
        return []
    if not isinstance(proposer, BayesianProposer):
        text = (
            f"expected `never` or `auto` with `proposer.kind: {proposer.kind}`, which has no model that knows the "
            f"point to confirm, got {confirm}"
        )
        return [Problem(("confirm",), text)]
    limits = {"trials": campaign.budget.trials, "evaluations": campaign.budget.evaluations or campaign.budget.trials}
    limit = min(limits, key=lambda name: limits[name])
    if confirm <= (room := limits[limit] - _trials_before(campaign)):
        return []
    text = (
        f"expected at most {max(room, 0)}, because `budget.{limit}` is {limits[limit]} and {_trials_before(campaign)} "
        f"trials come first: the baseline and `start_with`, and at least two results for the model, got {confirm}"
    )
    return [Problem(("confirm",), text)]


def _constraint_problems(campaign: Campaign, proposer: AnyProposer) -> list[Problem]:
    """Return a problem if the proposer's acquisition cannot be weighed by the probability of meeting constraints."""
    if not campaign.constraints or not isinstance(proposer, BayesianProposer) or proposer.acquisition in AGAINST_BEST:
        return []
    text = (
        f"expected {' or '.join(AGAINST_BEST)} with `constraints`, because other scores cannot be multiplied by the "
        f"probability that a point meets them, got {proposer.acquisition}"
    )
    return [Problem(("proposer", "acquisition"), text)]


def _front_problems(campaign: Campaign, proposer: AnyProposer) -> list[Problem]:
    """Return a problem for each setting of the proposer that knows one objective only, if the campaign has several."""
    if not campaign.goal.has_front or not isinstance(proposer, BayesianProposer):
        return []
    found = list[Problem]()
    if proposer.acquisition != DEFAULT:
        text = (
            f"expected {DEFAULT} with several `objectives`, for which it is the expected improvement in hypervolume, "
            f"got {proposer.acquisition}, which compares values of one objective"
        )
        found.append(Problem(("proposer", "acquisition"), text))
    if proposer.outliers == "doubt":
        found.append(Problem(("proposer", "outliers"), "expected believe with several `objectives`, got doubt"))
    if proposer.replication == "always":
        text = "expected auto or never with several `objectives`, got always"
        found.append(Problem(("proposer", "replication"), text))
    return found


def _experiment_problems(campaign: Campaign, proposer: AnyProposer) -> list[Problem]:
    """Return a problem for each setting of the proposer that does not know the batches of an A/B test."""
    if not campaign.is_ab_test or not isinstance(proposer, BayesianProposer):
        return []
    found = list[Problem]()
    if proposer.surrogate.kind != "exact":
        text = f"expected exact in an A/B test, whose model knows that batches drift, got {proposer.surrogate.kind}"
        found.append(Problem(("proposer", "surrogate"), text))
    if proposer.outliers == "doubt":
        text = "expected believe in an A/B test, whose results are means over many units, got doubt"
        found.append(Problem(("proposer", "outliers"), text))
    return found


def _fidelity_problems(campaign: Campaign, proposer: AnyProposer) -> list[Problem]:
    """Return a problem for each setting of the proposer that cannot choose between fidelities."""
    if campaign.fidelity is None or isinstance(proposer, SobolProposer):
        return []
    if not isinstance(proposer, BayesianProposer):
        text = f"expected bayesian or sobol with a `fidelity`, between whose values it chooses, got {proposer.kind}"
        return [Problem(("proposer", "kind"), text)]
    found = list[Problem]()
    if proposer.surrogate.kind != "exact":
        text = f"expected exact with a `fidelity`, whose errors its model learns, got {proposer.surrogate.kind}"
        found.append(Problem(("proposer", "surrogate"), text))
    if proposer.acquisition not in AGAINST_BEST:
        text = f"expected {' or '.join(AGAINST_BEST)} with a `fidelity`, got {proposer.acquisition}"
        found.append(Problem(("proposer", "acquisition"), text))
    if proposer.cost_aware:
        text = "expected false with a `fidelity`, which defines the costs of all evaluations, got true"
        found.append(Problem(("proposer", "cost_aware"), text))
    return found


def _trials_before(campaign: Campaign) -> int:
    """Return how many trials come before the first one that can confirm."""
    if campaign.contexts:
        return sum(_trials_before(campaign.within(given)) for given in campaign.open_contexts)
    asked = campaign.first_points
    distinct = [point for i, point in enumerate(asked) if point not in asked[:i]]
    return max(len(distinct), LEAST_OBSERVED)
