"""Phrases about the insight of the model."""

from overnight.campaign.parameters import Parameter, Value
from overnight.report.numbers import number, value_text
from overnight.report.phrases.front import joined
from overnight.report.story.insight.insight import ShownContour, ShownMetric, ShownSlice


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
        return f"Unclear which parameters matter for {of.metric}"
    return f"{joined(of.leading)} matter{'s' * (len(of.leading) == 1)} most for {of.metric}"


def contour_text(of: ShownMetric, shown: ShownContour, across: Parameter, up: Parameter) -> str:
    """Return where a metric is best over two parameters in words."""
    x, y = (with_unit(value, parameter) for value, parameter in zip(shown.best, (across, up), strict=True))
    best = "highest" if of.maximize else "lowest"
    return f"{of.metric} is {best} near {shown.contour.across} = {x} and {shown.contour.up} = {y}"


def with_unit(value: Value, parameter: Parameter) -> str:
    """Return a value of a parameter with its unit, a real number rounded as coarsely as a slice is sampled."""
    text = number(value, 2) if isinstance(value, float) and parameter.grid is None else value_text(value)
    return f"{text} {parameter.unit}" if parameter.unit else text
