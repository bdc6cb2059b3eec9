"""Phrases about the insight of the model."""

from overnight.campaign.parameters import Parameter, Value
from overnight.report.numbers import interval, number, share_text, value_text
from overnight.report.phrases.front import joined
from overnight.report.phrases.general import counted
from overnight.report.story.insight.best_part import BestPart
from overnight.report.story.insight.bounds import AtBound
from overnight.report.story.insight.insight import ShownContour, ShownMetric, ShownSlice
from overnight.report.story.insight.judgement import Judgement

_NEARLY_ALL, _NEARLY_EVERY = 0.95, 0.99


def slice_text(of: ShownMetric, shown: ShownSlice, parameter: Parameter) -> str:
    """Return the shape of a slice in words, such as `loss falls with rate up to 0.01`."""
    metric, name, shape = of.metric, shown.slice.parameter, shown.shape
    at = None if shape.at is None else with_unit(shape.at, parameter)
    best, worst = ("highest", "lowest") if of.maximize else ("lowest", "highest")
    match shape.kind:
        case "unclear":
            return f"Uncertain effect of {name} on {metric}"
        case "best at":
            return f"{metric} is {best} with {name} = {at}"
        case "best near":
            return f"{metric} is {best} near {name} = {at}"
        case "worst near":
            return f"{metric} is {worst} near {name} = {at}"
        case "better up":
            return f"{metric} {'rises' if of.maximize else 'falls'} with {name}{f' up to {at}' if at else ''}"
        case "better down":
            return f"{metric} {'falls' if of.maximize else 'rises'} with {name}{f' from {at}' if at else ''}"


def importance_text(of: ShownMetric) -> str:
    """Return which parameters matter most in words."""
    if not of.leading:
        return f"Unclear which parameters matter most for {of.metric}"
    return f"{joined(of.leading)} matter{'s' * (len(of.leading) == 1)} most for {of.metric}"


def contour_text(of: ShownMetric, shown: ShownContour, across: Parameter, up: Parameter) -> str:
    """Return the best values of two parameters in words."""
    x, y = (with_unit(value, parameter) for value, parameter in zip(shown.best, (across, up), strict=True))
    best = "highest" if of.maximize else "lowest"
    if not shown.certain:
        return f"Uncertain where {of.metric} is {best} over {shown.contour.across} and {shown.contour.up}"
    return f"{of.metric} is {best} near {shown.contour.across} = {x} and {shown.contour.up} = {y}"


def judgement_text(judgement: Judgement) -> str:
    """Return how well results are predicted that the model has not seen, in words."""
    metric, share = judgement.left_out.metric, share_text(round(judgement.left_out.explained, 2))
    if judgement.left_out.explained > _NEARLY_EVERY:
        share = f"more than {share_text(_NEARLY_EVERY)}"
    explained = f"{share} of the differences between unseen results are explained"
    match judgement.verdict:
        case "too few":
            return f"Too few results to judge the model of {metric}"
        case "well":
            return f"{metric} is predictable: {explained}"
        case "in part":
            return f"{metric} is predictable in part: {explained}"
        case "noise":
            return f"Noise explains most differences between the results of {metric}"
        case "unpredictable":
            return f"{metric} is not predictable from the parameters so far"
        case "equal":
            return f"All {counted(len(judgement.left_out.results), 'result')} of {metric} are equal"


def calibration_text(judgement: Judgement) -> str:
    """Return how many results lie in their intervals, and whether the model is too certain, in words."""
    of = f"{judgement.inside} of {counted(len(judgement.left_out.results), 'result')}"
    text = f"{of} lie in their intervals, which promise to hold 90 %"
    return f"{text}: the model is too certain, so distrust all of its intervals" if judgement.too_certain else text


def advice_text(judgement: Judgement) -> str:
    """Return advice if the model predicts badly; else an empty text."""
    match judgement.verdict:
        case "noise":
            noise = judgement.left_out.noise
            share = "Nearly all" if noise > _NEARLY_ALL else share_text(round(noise, 2))
            return (
                f"{share} of the variance of the results is noise, by the model's estimate: the parameters matter "
                "little, or each configuration needs more repetitions"
            )
        case "unpredictable":
            return (
                "An important influence may be missing among the parameters, or the metric changes over shorter "
                "distances than the results lie apart"
            )
        case "equal":
            return (
                "The evaluator may ignore the parameters, or the metric may be too coarse to show their effects: check "
                "both before more trials are spent"
            )
        case _:
            return ""


def bound_text(of: ShownMetric, found: AtBound, parameter: Parameter) -> str:
    """Return that a recommended value lies at a bound, with advice, in words."""
    end, more = ("upper", "higher") if found.upper else ("lower", "lower")
    at = with_unit(found.bound, parameter)
    return (
        f"The recommended {found.parameter} lies at its {end} bound of {at}, towards which {of.metric} still improves: "
        f"widen the range if {more} values make sense"
    )


def best_part_text(part: BestPart, parameter: Parameter | None, *, constrained: bool = False) -> str:
    """Return what the best results have in common, in words; those of a constrained goal are feasible."""
    best = f"The best {len(part.trials)} of {part.results} {'feasible ' if constrained else ''}results"
    if parameter is None or part.low is None or part.high is None:
        return f"{best} lie far apart in every parameter"
    if part.low == part.high:
        return f"{best} have {part.parameter} = {with_unit(part.low, parameter)}"
    low, high = interval(float(part.low), float(part.high))
    return f"{best} have {part.parameter} between {low} and {high}{f' {parameter.unit}' if parameter.unit else ''}"


def with_unit(value: Value, parameter: Parameter) -> str:
    """Return a value of a parameter with its unit, a real number rounded as coarsely as a slice is sampled."""
    text = number(value, 2) if isinstance(value, float) and parameter.grid is None else value_text(value)
    return f"{text} {parameter.unit}" if parameter.unit else text
