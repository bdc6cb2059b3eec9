"""The arms of an A/B test as a table."""

from typing import Any

from overnight.report.numbers import share_text
from overnight.report.phrases.experiment import difference_text, stopped_text
from overnight.report.story.experiment import Experiment


def arms_table(experiment: Experiment | None) -> list[dict[str, Any]]:
    """Return a line for each arm of an A/B test, the newest first."""
    if experiment is None:
        return []
    return [
        {
            "trial": arm.trial,
            "batch": arm.batch,
            "kind": "to confirm" if arm.generator == "ramp_up" else "to search",
            "share": share_text(arm.share),
            "units": f"{arm.units:,}",
            "difference": difference_text(arm),
            "status": arm.status if arm.look is None else f"{arm.status}, look {arm.look}",
            "stopped": stopped_text(arm),
        }
        for arm in reversed(experiment.arms)
    ]
