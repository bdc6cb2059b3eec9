"""The definition of a campaign, as a person writes it before anything is tried."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from overnight.campaign.approval import Approve
from overnight.campaign.budget import MOST, Budget, StopWhen
from overnight.campaign.contexts import Context, Given
from overnight.campaign.contexts.context import agrees, in_it, written_for
from overnight.campaign.contradictions import contradictions
from overnight.campaign.experiment.contradictions import AB_TEST
from overnight.campaign.experiment.settings import Decide, RampUp, Traffic
from overnight.campaign.failure_policy import FailurePolicy
from overnight.campaign.fidelity import Fidelity, of_points
from overnight.campaign.goal import Goal, Objective
from overnight.campaign.goal.constraint import ConstraintText
from overnight.campaign.goal.objective import SHORT_FORMS, WAYS_TO_AIM, WrittenObjective
from overnight.campaign.goal.target import Target
from overnight.campaign.parameters import Parameter, Value
from overnight.campaign.problems import Contradictory
from overnight.campaign.solutions import Solutions
from overnight.campaign.space import Parameters, Point, Space, WrittenPoint
from overnight.campaign.stopping import AnyStoppingRule
from overnight.campaign.values.comparison import ComparisonText
from overnight.campaign.values.may_be_revised import MayBeRevised
from overnight.campaign.values.numbers import WHOLE, Real
from overnight.campaign.values.read_only import ReadOnly, ReadOnlyDict
from overnight.campaign.window import Window

Confirm = Literal["auto", "never"] | Annotated[int, Field(ge=1, le=MOST), WHOLE]
# Definitions that were recorded without `confirm` have `never`, whatever this is.
CONFIRM: Confirm = "never"

Noise = Literal["none", "known", "infer"]
_Name = Annotated[str, Field(min_length=1)]


class Campaign(BaseModel):
    """The whole definition of a campaign, except the parts that are plugged in: evaluator, ledger, proposer.

    If `approve` is `always`, every computed point waits until a person approves it. If it is a policy, the points that
    the policy selects wait. Points suggested by people never wait. `stop_early` ends single trials while they run;
    `stop_when` ends the campaign. `confirm` is how many of its last trials measure the model's best point, one after
    the other: a fifteenth of all with `auto` (docs/how-to/confirming.md).

    With a `fidelity`, such as the number of epochs, most trials are cheap and not thorough, and the recommended point
    is measured thoroughly (docs/how-to/fidelities.md).

    Every trial is for a context, which is given and never chosen: a combination of the values under `context`. A
    proposal is for one context and learns from all, and each context has a recommendation (docs/how-to/contexts.md).

    All points meet the `parameter_constraints`, such as `salt + acid <= 0.8`. New points have the values under `fix`
    (docs/how-to/spaces.md).

    A metric to improve or to limit may be calculated from others, such as `latency_ms + 0.1 * cost`. A `target`, such
    as `{metric: gain_db, value: 60}`, is a value that a metric should be as close to as possible; the model learns that
    metric. `objectives` are two or more metrics that are improved at once, instead of `minimize` or `maximize`. The
    best configurations are then a front, of which `prefer` chooses the recommended one (docs/how-to/objectives.md).

    With `solutions`, the recommendation also holds other configurations that are nearly as good and differ from each
    other. No proposal depends on it (docs/how-to/solutions.md).

    A configuration is feasible if the true values of its metrics meet all `constraints`. The recommended one is
    feasible with a probability of at least `feasible_at_least` (docs/how-to/constraints.md).

    An `ab_test` tries `arms` configurations at the same time, the baseline always among them. The `traffic` of a batch
    is divided among them, `decide` says when an arm is called better, and the best one goes through the stages of
    `ramp_up` (docs/how-to/ab-tests.md).

    `noise` describes the noise of objectives. `none`: the same point always gives the same value, also of a metric that
    constraints limit. `known`: every evaluation reports a standard error. `infer`, the default: reported standard
    errors are used as they are, and the noise of results without one is learnt. A result whose objective contradicts
    `none` or `known` is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    description: Annotated[str | None, MayBeRevised.FREELY] = None
    kind: Literal["tuning", "ab_test"] = "tuning"
    parameters: Parameters
    # Not dumped without contexts, so that the records of other campaigns stay as they are.
    context: Annotated[Context | None, Field(exclude_if=lambda value: value is None)] = None
    parameter_constraints: Annotated[tuple[ComparisonText, ...], MayBeRevised.ON_REQUEST] = ()
    fidelity: Fidelity | None = None
    fix: Annotated[ReadOnly[dict[str, Value]] | None, MayBeRevised.FREELY] = None
    minimize: _Name | None = None
    maximize: _Name | None = None
    # Not dumped without a target, so that the records of other campaigns stay as they are.
    target: Annotated[Target | None, Field(exclude_if=lambda value: value is None)] = None
    objectives: tuple[WrittenObjective, ...] = ()
    prefer: Annotated[tuple[ConstraintText, ...], MayBeRevised.FREELY] = ()
    constraints: Annotated[tuple[ConstraintText, ...], MayBeRevised.FREELY] = ()
    feasible_at_least: Annotated[Real, Field(gt=0, lt=1), MayBeRevised.FREELY] = 0.95
    metrics: tuple[_Name, ...] = ()
    noise: Noise | None = None
    workers: Annotated[int, Field(ge=1, le=10_000), WHOLE, MayBeRevised.FREELY] = 1
    budget: Annotated[Budget, MayBeRevised.FREELY]
    window: Annotated[Window | None, MayBeRevised.FREELY] = None
    arms: Annotated[int, Field(ge=2, le=1000), WHOLE] | None = None
    traffic: Traffic | None = None
    decide: Decide | None = None
    ramp_up: RampUp | None = None
    baseline: Annotated[WrittenPoint | None, MayBeRevised.ON_REQUEST] = None
    start_with: Annotated[tuple[WrittenPoint, ...], MayBeRevised.ON_REQUEST] = ()
    failures: Annotated[FailurePolicy, MayBeRevised.FREELY] = FailurePolicy()
    approve: Annotated[Approve, MayBeRevised.FREELY] = "never"
    stop_early: Annotated[AnyStoppingRule | None, MayBeRevised.FREELY] = None
    stop_when: Annotated[StopWhen | None, MayBeRevised.FREELY] = None
    confirm: Annotated[Confirm, MayBeRevised.FREELY] = CONFIRM
    solutions: Annotated[Solutions | None, MayBeRevised.FREELY] = None
    seed: Annotated[int, Field(ge=0, lt=2**63), WHOLE] = 0

    # The values of the one context in which this definition is looked at, see `within`.
    _given: Given = PrivateAttr(default_factory=ReadOnlyDict)

    @model_validator(mode="after")
    def _fits_together(self) -> "Campaign":
        if found := [*contradictions(dict(self), anywhere=True)]:
            raise Contradictory(found)
        return self

    @property
    def space(self) -> Space:
        """Return the space that the parameters of a point and the constraints between them span."""
        every = self.parameters_of_point
        fixed = {name: every.root[name].canonical(value) for name, value in (self.fix or {}).items()}
        return Space(every, self.parameter_constraints, {**fixed, **self._given}, self._given)

    @property
    def parameters_of_point(self) -> Parameters:
        """Return all that a point holds: the variables of its context, what is chosen, and its fidelity."""
        every = self.parameters if self.context is None else self.parameters.with_variables(self.context.root)
        return of_points(every, self.fidelity)

    @property
    def status_quo(self) -> Point | None:
        """Return the point of the baseline, which may lie outside of the space since a revision.

        None without a baseline, and with contexts, each of which has its own.
        """
        return None if self.baseline is None or self.contexts else self.space.placed(self.baseline)[0]

    @property
    def first_points(self) -> tuple[Point, ...]:
        """Return the baseline and the points of `start_with`, each of which may lie outside of the space.

        With contexts they are those of each one that new trials are for.
        """
        if self.contexts:
            return tuple(point for given in self.open_contexts for point in self.within(given).first_points)
        written = (*(() if self.baseline is None else (self.baseline,)), *self.start_with)
        return tuple(self.space.placed(each)[0] for each in written)

    @property
    def contexts(self) -> tuple[Given, ...]:
        """Return the contexts that the campaign is tuned for; empty without `context`, and within one of them."""
        return () if self.context is None or self._given else self.context.every()

    @property
    def open_contexts(self) -> tuple[Given, ...]:
        """Return the contexts that new trials are for: those that agree with `fix`."""
        fixed = self.space.fixed if self.contexts and self.fix else {}
        return tuple(given for given in self.contexts if agrees(fixed, given))

    @property
    def given(self) -> Given:
        """Return the values of the one context in which this definition is looked at; empty for the whole campaign."""
        return self._given

    def within(self, given: Mapping[str, Value]) -> "Campaign":
        """Return the definition as one of its contexts sees it: all new points are for this context.

        Trials for other contexts lie outside of its space. The baseline and the points of `start_with` have its values;
        those that are written for other contexts are left out, and so are values of parameters that are inactive in
        this one.
        """
        fix = {name: value for name, value in (self.fix or {}).items() if name not in given} or None
        baseline = None if self.baseline is None else self._written_within(self.baseline, given)
        start_with = tuple(
            each for point in self.start_with if (each := self._written_within(point, given)) is not None
        )
        here = self.model_copy(update={"fix": fix, "baseline": baseline, "start_with": start_with})
        here._given = ReadOnlyDict(given)
        return here

    def _written_within(self, point: Point, given: Mapping[str, Value]) -> Point | None:
        return {**written_for(point, given, self.parameters_of_point), **given} if agrees(point, given) else None

    def context_of(self, point: Mapping[str, Value]) -> Given | None:
        """Return the context that a point is for; None without contexts, and for one that the campaign has not."""
        return next((given for given in self.contexts if in_it(point, given)), None)

    @property
    def shown_parameters(self) -> dict[str, Parameter]:
        """Return the parameters in which points may differ, as tables show them: all but constants and derived ones."""
        every = self.parameters_of_point
        return {**every.tuned(), **(self.fidelity.root if self.fidelity is not None else {})}

    @property
    def goal(self) -> Goal:
        """Return the goal; its short forms, such as `minimize`, stand for one objective."""
        for key, objective in SHORT_FORMS.items():
            if (value := getattr(self, key)) is not None:
                return Goal((objective(value),), self.constraints)
        return Goal(self.objectives, self.constraints)

    @property
    def is_ab_test(self) -> bool:
        """Return whether batches of arms are compared, and not single trials."""
        return self.kind == AB_TEST

    @property
    def at_once(self) -> int:
        """Return how many trials may run at the same time: the arms of a batch, or one for each worker."""
        return self.workers if self.arms is None else self.arms

    @property
    def stages(self) -> tuple[float, ...]:
        """Return the share of the traffic that a candidate of an A/B test has in each stage of the ramp-up."""
        return (self.ramp_up or RampUp()).stages

    @property
    def deciding(self) -> Decide:
        """Return when an arm of an A/B test is called better."""
        return self.decide or Decide()

    @property
    def has_stopping_rule(self) -> bool:
        """Return whether a rule may end trials while they run: `stop_early`, or the looks of an A/B test."""
        return self.stop_early is not None or self.is_ab_test

    @property
    def objective(self) -> Objective:
        """Return the first objective, which is the only one unless there is a front."""
        return self.goal.objectives[0]

    @property
    def metric_of_number(self) -> str:
        """Return the metric that a result is if it is a number without a name: a target's own, or the objective."""
        target = self.target
        return self.objective.metric if target is None or target.is_calculated else target.metric

    @property
    def objective_metrics(self) -> tuple[str, ...]:
        """Return the metrics that an evaluation must report for the objectives, each once."""
        return tuple(dict.fromkeys(name for objective in self.goal.objectives for name in objective.asked))

    @property
    def limited_metrics(self) -> tuple[str, ...]:
        """Return the metrics that an evaluation is asked for because of the constraints, each once."""
        goal = self.goal
        return tuple(dict.fromkeys(name for metric in goal.limited for name in goal.wanted(metric).asked))

    @property
    def expected_metrics(self) -> tuple[str, ...]:
        """Return every metric that an evaluation is asked for, each once, starting with those of the goal."""
        calculated = {each.metric for each in self.goal.calculations}
        others = (name for name in self.metrics if name not in calculated)
        return tuple(dict.fromkeys((*self.objective_metrics, *self.limited_metrics, *others)))

    @property
    def recorded_metrics(self) -> tuple[str, ...]:
        """Return every metric of a complete result: those that are asked for, and those calculated from them."""
        of_goal = (each.metric for each in (*self.goal.objectives, *self.goal.calculations))
        return tuple(dict.fromkeys((*of_goal, *self.expected_metrics)))

    @property
    def optional_metrics(self) -> tuple[str, ...]:
        """Return the expected metrics that a result may lack: those that only constraints or calculations ask for.

        A result may hold the value of a calculation instead of its parts.
        """
        required = {*self.metrics, *(each.metric for each in self.goal.objectives if each.expression is None)}
        return tuple(metric for metric in self.expected_metrics if metric not in required)

    def key_of(self, metric: str) -> str:
        """Return the key of the campaign file that asks for this metric."""
        if metric in self.objective_metrics:
            return next(key for key in WAYS_TO_AIM if getattr(self, key) not in (None, ()))
        return "constraints" if metric in (*self.goal.limited, *self.limited_metrics) else "metrics"


def has_space_of(one: Campaign, other: Campaign) -> bool:
    """Return whether two definitions have the same points; which parameters are fixed makes no difference."""
    constraints = one.parameter_constraints == other.parameter_constraints
    return one.parameters == other.parameters and constraints


def lies_in(campaign: Campaign, point: Point) -> bool:
    """Return whether the point is in the campaign's space."""
    return not campaign.space.problems(point)
