"""The colours of all charts: by proposer, by outcome, and for the best trial.

They hold 3:1 against white and against near-black, and differ for the colour-blind (Okabe and Ito 2008), to whom
symbols and hatching say the same once more.
"""

GENERATORS = {
    "import": "#6f7d2a",
    "baseline": "#d55e00",
    "manual": "#b8629b",
    "sobol": "#8a8f98",
    "model": "#2f80c2",
    "custom": "#a6761d",
}
BEST = "#1a9c74"
ENDS = {
    "observed": "#2f80c2",
    "stopped early": "#b58900",
    "failed": "#d62728",
    "abandoned": "#8f5fa8",
    "running": "#8a8f98",
}
INK = "#6b7280"
GRID = "rgba(128,128,128,0.25)"
