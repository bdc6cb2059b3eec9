"""The template for a first campaign: a commented file and a small objective."""

CAMPAIGN_YAML = """\
# yaml-language-server: $schema=campaign.schema.json
# A campaign: what to tune, what to improve, and how much may be spent on it.
#   overnight check campaign.yaml    finds mistakes in this file, and shows what a run would do
#   overnight run campaign.yaml      runs the campaign; after an interruption, it resumes it
# The lines that are commented out show the other keys, most of them with their defaults.

name: first-campaign
# description: A sentence for the readers of the report.

# The parameters to tune. Each has a `kind`; every kind may have a `unit` and a `description`, which are for people.
parameters:
  temperature:
    kind: float
    low: 20
    high: 90
    unit: °C
  dose:
    kind: float
    low: 0.001
    high: 1
    scale: log        # for values that differ by factors; `low` must be above 0. A share may have `scale: logit`
    unit: g
    description: Catalyst for each litre.
  stirring:
    kind: int         # whole numbers, both bounds included; `scale: log` works here too
    low: 1
    high: 12
    # step: 1         # the distance between neighbouring values; a float may have one, too
  # stirred_first:
  #   kind: bool                 # true or false
  # solvent:
  #   kind: categorical          # choices without an order
  #   choices: [water, ethanol, acetone]
  # grain:
  #   kind: ordinal              # choices in their order, which the model uses
  #   choices: [coarse, medium, fine]
  # vessel:
  #   kind: fixed                # passed to every evaluation and never tuned
  #   value: glass

# What each trial is given and no search chooses; each value gets a recommendation (docs/how-to/contexts.md):
# context: {feedstock: [beech, spruce]}

# One metric to improve: `minimize: NAME`, `maximize: NAME`, or as close to a value as possible with
# `target: {metric: NAME, value: 60}`.
maximize: yield
# Or several at once, whose best compromises are found; `worst`, which may be left out, is a value that is of no use:
# objectives: [{maximize: yield, worst: 20}, {minimize: cost}]
# prefer: [yield >= 60]          # recommends one of these compromises
# Several different configurations instead of one, all within 2 of the best (docs/how-to/solutions.md):
# solutions: {count: 3, apart: 0.2, within: 2}
# More metrics that every evaluation must report; they are recorded together with the objective.
# metrics: [cost]

# The noise of the objective. none: the same point always gives the same value; known: every evaluation reports a
# standard error; infer: standard errors that are not reported are estimated from the results. A result that contradicts
# none or known is invalid.
# noise: infer

# How a point is evaluated. `package.module:function` is called as f(params), and returns a number, (mean, standard
# error) or {metric: either of them}. Modules in the folder of this file are found first.
evaluator: objective:evaluate
# The same as a mapping, which has more keys:
# evaluator:
#   kind: python
#   function: objective:evaluate
#   time_limit: 10m              # 90s, 15m, 2h30m, 1d
# Any program can be an evaluator; it finds its request in the file $EVAL_REQUEST and writes to $EVAL_RESULT:
# evaluator:
#   kind: command
#   command: [./measure.sh]
#   time_limit: 10m
#   environment: [DATABASE_URL]  # the variables that it may see; their values are never recorded

# How many evaluations run at the same time.
workers: 2

budget:
  trials: 20          # every trial that has started counts once, however it ends
  # wall_clock: 8h    # no new trial after this time
  # evaluations: 40   # every attempt counts, retries included
  # cost: 100         # in the unit in which the evaluations report their cost

# When the campaign may run. A trial starts only if it is expected to end in time, and the next night continues. Until
# five evaluations are known, each is expected to take its `time_limit`, or half of the window. `run --now` ignores it.
# window: 22:00–06:00 Europe/Berlin

# The status quo; it is tried first, and the report compares with it.
baseline: {temperature: 40, dose: 0.01, stirring: 4}
# More points that are worth trying before the search begins.
# start_with:
#   - {temperature: 60, dose: 0.1, stirring: 6}

# failures:
#   max_attempts: 3   # at one trial, if the machine failed rather than the point
#   back_off: 30s     # the pause before the second attempt; it doubles with each one, 0 is none
#   longest_back_off: 10m
#   on_timeout: fail  # or retry: as if the machine had failed
#   when_unknown: retry  # or ask: an attempt that may still run on an unreachable machine waits for a person
#   max_in_a_row: 5   # failed trials in a row that stop the campaign; the default is 5 until one is observed,
#                     # then 20; with more than 5 workers, their number, then four times that
# evaluator_changed: note   # or refuse: stop if files of the evaluator have changed
# seed: 0             # of all random draws
# ledger: ./ledger    # the record of every event: a folder, or s3://bucket/prefix
# receipts: ./kept/first-campaign.jsonl   # detects a cut or forged ledger later; better on another disk
# work: ./work        # a folder for each evaluation, with its files and its output

# How the next point is chosen; most files leave this out.
# proposer:
#   kind: bayesian    # or sobol, which fills the space evenly and learns nothing
#   initial: 6        # points before the first of the model, baseline and `start_with` included
#   device: auto      # cpu, cuda
"""

OBJECTIVE_PY = '''\
"""A toy to try Overnight with: the yield of a made-up reaction, measured with noise."""

import math
import random

REPEATS = 5
NOISE = 2.0


def evaluate(params: dict) -> dict:
    """Return the yield in percent as its mean over a few repeats and the standard error of that mean."""
    warmth = (params["temperature"] - 68) / 25
    strength = math.log10(params["dose"] / 0.06)
    mixing = (params["stirring"] - 7) / 6
    truth = 85 * math.exp(-(warmth**2) - strength**2 - mixing**2 - 0.5 * warmth * strength)
    measured = [random.gauss(truth, NOISE) for _ in range(REPEATS)]
    return {"yield": (sum(measured) / REPEATS, NOISE / math.sqrt(REPEATS))}
'''

# The files that `overnight init` writes, by name.
TEMPLATE_FILES = {"campaign.yaml": CAMPAIGN_YAML, "objective.py": OBJECTIVE_PY}
