"""The colours of all charts: by proposer, for the best trials and all others, for limits and preferences.

`report/statuses.py` has those of outcomes. They hold 3:1 against white and against near-black. They differ for the
colour-blind (Okabe and Ito 2008), for whom symbols, hatching and dashes repeat them.
"""

GENERATORS = {
    "import": "#6f7d2a",
    "baseline": "#d55e00",
    "manual": "#b8629b",
    "sobol": "#8a8f98",
    "model": "#2f80c2",
    "checking": "#b8545a",
    "confirming": "#7b5fc9",
    "ramp_up": "#7b5fc9",
    "custom": "#a6761d",
}
# The interval around the model's mean.
BAND = "rgba(47,128,194,0.22)"
BEST = "#1a9c74"
LIMIT = "#d62728"
PREFERRED = "#7b5fc9"
OTHERS = "#8a8f98"
# From the worst to the best. Lightness alone orders them, so that they differ for the colour-blind and in print.
BANDS = ("#3b1c6b", "#3b4a8c", "#2c718e", "#21918c", "#35b779", "#90d743", "#f2e637")
INK = "#6b7280"
GRID = "rgba(128,128,128,0.25)"
