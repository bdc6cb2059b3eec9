"""The template for a first campaign: a commented file and a small objective."""

CAMPAIGN_YAML = """\
# yaml-language-server: $schema=campaign.schema.json
# A campaign: what to tune, what to improve, and how much may be spent on it.
#   overnight check campaign.yaml    says what is wrong with this file, or what it would do
#   overnight run campaign.yaml      runs it; run again after an interruption, it goes on where it was
# Lines that are commented out show what else there is, mostly with the value that holds without them.

name: first-campaign
# description: What this is about, for whoever reads the report.

# What may be tuned. Every parameter has a `kind`; `unit` and `description` are for people and may stand anywhere.
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
    scale: log        # for what matters by factors rather than by steps; `low` must be above 0
    unit: g
    description: Catalyst for each litre.
  stirring:
    kind: int         # whole numbers, both bounds included; `scale: log` works here too
    low: 1
    high: 12
  # solvent:
  #   kind: categorical          # choices without an order
  #   choices: [water, ethanol, acetone]
  # grain:
  #   kind: ordinal              # choices in their order, which the model makes use of
  #   choices: [coarse, medium, fine]
  # vessel:
  #   kind: fixed                # passed to every evaluation and never tuned
  #   value: glass

# One metric to improve: `minimize: NAME` or `maximize: NAME`.
maximize: yield
# More metrics that every evaluation must report; they are recorded beside the objective.
# metrics: [cost]

# What is known of the objective's noise. none: the same point always gives the same value; known: every evaluation
# reports a standard error; infer: what evaluations do not report is learnt from the results. A result that contradicts
# none or known is invalid.
# noise: infer

# How a point is tried. `package.module:function` is called as f(params), and returns a number, (mean, standard error)
# or {metric: either of them}. Modules are looked for beside this file first.
evaluator: objective:evaluate
# With more to say about it, a mapping:
# evaluator:
#   kind: python
#   function: objective:evaluate
#   time_limit: 10m              # 90s, 15m, 2h30m, 1d
# Any program can evaluate as well; it finds its request in the file $EVAL_REQUEST and writes to $EVAL_RESULT:
# evaluator:
#   kind: command
#   command: [./measure.sh]
#   time_limit: 10m
#   environment: [DATABASE_URL]  # the variables that it may see; their values are written down nowhere

# How many evaluations run at the same time.
workers: 2

budget:
  trials: 20          # every trial that started counts once, however it ended
  # wall_clock: 8h    # no new trial after this time
  # evaluations: 40   # every attempt counts, also where a trial is tried again
  # cost: 100         # in the unit in which the evaluations tell what they cost

# When it may run: it starts what is expected to end in time, and goes on in the next night. Until five evaluations are
# known, `time_limit` is what each is expected to take; without one, half of the window. `run --now` ignores it.
# window: 22:00–06:00 Europe/Berlin

# The status quo; it is tried first, and the report compares with it.
baseline: {temperature: 40, dose: 0.01, stirring: 4}
# More points that are worth trying before the search begins.
# start_with:
#   - {temperature: 60, dose: 0.1, stirring: 6}

# failures:
#   max_attempts: 3   # of one trial, when the machine failed rather than the point
#   back_off: 30s     # the pause before the second attempt; it doubles with each one, 0 is none
#   longest_back_off: 10m
#   on_timeout: fail  # or retry: as if the machine had failed
#   when_unknown: retry  # or ask: what may still run on a machine that cannot be seen waits for a person
#   max_in_a_row: 5   # trials given up one after the other that stop the campaign; without this line 5 until one
#                     # was observed, then 20; with more workers as many as these, then four times as many
# evaluator_changed: note   # or refuse: stop when files of the evaluator are not what they were
# seed: 0             # of everything that is drawn at random
# ledger: ./ledger    # where every event is kept: a folder, or s3://bucket/prefix
# receipts: ./kept/first-campaign.jsonl   # what tells the ledger from a forged one later; better on another disk
# work: ./work        # a folder for each evaluation, with its files and its output

# How the next point is chosen; most files leave this out.
# proposer:
#   kind: bayesian    # or sobol, which fills the space evenly and learns nothing
#   initial: 6        # points before the model's first, baseline and `start_with` included
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

# What `overnight init` writes, by the name of the file.
TEMPLATE_FILES = {"campaign.yaml": CAMPAIGN_YAML, "objective.py": OBJECTIVE_PY}
