"""The picture of the arms of an A/B test: the difference of each to the status quo of its batch."""

from overnight.report.numbers import share_text
from overnight.report.phrases.experiment import difference_text, stopped_text
from overnight.report.pictures.axes import objective_axis
from overnight.report.pictures.colours import BEST, INK, OTHERS
from overnight.report.pictures.figure import Figure, cut, layout_of, scatter
from overnight.report.story.experiment import ArmOfBatch, Experiment

# With more arms, their names would overlap.
_MOST = 60
_HEIGHT_OF_ARM, _HEIGHT = 24, 90
# Half of the interval that holds 90 %, in standard errors.
_INTERVAL = 1.645


def drawn_arms(experiment: Experiment) -> list[ArmOfBatch]:
    """Return the newest arms whose difference to the status quo is known."""
    return [arm for arm in experiment.arms if arm.difference is not None][-_MOST:]


def arms_chart(experiment: Experiment, metric: str) -> Figure:
    """Return the arms from the newest to the oldest, each with its interval of 90 %; fresh traffic has its own colour.

    An arm that a look has ended is hollow. A line marks the status quo. Differences are shares of the status quo, or in
    the metric's unit if one of them is no share.
    """
    arms = drawn_arms(experiment)
    shares = all(arm.relative is not None for arm in arms)
    kinds = {
        "to search": [arm for arm in arms if arm.generator != "ramp_up"],
        "to confirm": [arm for arm in arms if arm.generator == "ramp_up"],
    }
    data = [_of_kind(name, kind, shares=shares) for name, kind in kinds.items() if kind]
    layout = layout_of(_HEIGHT + _HEIGHT_OF_ARM * len(arms))
    name = f"{metric}: difference to the status quo{', %' if shares else ''}"
    layout["xaxis"] |= objective_axis(logarithmic=False, name=name)
    order = [_name(arm) for arm in reversed(arms)]
    layout["yaxis"] |= {"type": "category", "categoryorder": "array", "categoryarray": order}
    line = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper"}
    layout["shapes"] = [line | {"line": {"color": INK, "width": 1, "dash": "dot"}}]
    return {"data": data, "layout": layout | {"showlegend": len(data) > 1}}


def _of_kind(name: str, arms: list[ArmOfBatch], *, shares: bool) -> Figure:
    colour = BEST if name == "to confirm" else OTHERS
    # The legend shows the first point.
    arms = sorted(arms, key=lambda arm: arm.stopped is not None)
    symbols = ["circle-open" if arm.stopped is not None else "circle" for arm in arms]
    found = [(arm.relative, arm.relative_sem) if shares else (arm.difference, arm.sem) for arm in arms]
    scale = 100 if shares else 1
    bars = [scale * _INTERVAL * (sem or 0.0) for _, sem in found]
    return {
        **scatter([scale * (value or 0.0) for value, _ in found], []),
        "y": [_name(arm) for arm in arms],
        "name": name,
        "mode": "markers",
        "marker": {"color": colour, "size": 9, "symbol": symbols},
        "error_x": {"type": "data", "array": bars, "color": colour, "thickness": 1.5},
        "hovertext": [_label(arm) for arm in arms],
        "hoverinfo": "text",
    }


def _name(arm: ArmOfBatch) -> str:
    return f"trial {arm.trial}"


def _label(arm: ArmOfBatch) -> str:
    share = f"{share_text(arm.share)} of the traffic"
    lines = [f"trial {arm.trial}, batch {arm.batch}, {share}", difference_text(arm), stopped_text(arm)]
    return "<br>".join(cut(line) for line in lines if line)
