"""The words and the looks of each status of a trial, in one table."""

from dataclasses import dataclass

from overnight.campaign.history.trial import Status


@dataclass(frozen=True)
class Look:
    """A status in counts and legends, in charts, and in the `style` of a line in a terminal.

    Charts use the colour, and hatching and a symbol for the colour-blind. Trials with a symbol have no value, and are
    marked below the charts of values. A status that counts `always` is shown even if no trial has it.
    """

    words: str
    colour: str = "#8a8f98"
    hatching: str = ""
    symbol: str | None = None
    style: str = ""
    always: bool = False


# In the order of counts. The colours hold 3:1 against white and against near-black, and differ for the colour-blind.
LOOKS: dict[Status, Look] = {
    "observed": Look("observed", "#2f80c2", always=True),
    "running": Look("running", always=True),
    "failed": Look("failed", "#d62728", hatching="x", symbol="x", style="red", always=True),
    "stopped": Look("stopped early", "#b58900", hatching="/", symbol="triangle-down", style="yellow"),
    "abandoned": Look("abandoned", "#8f5fa8", hatching="."),
    "rejected": Look("rejected"),
    "awaiting approval": Look("awaiting approval"),
    "waiting": Look("waiting to start"),
}
