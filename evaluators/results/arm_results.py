"""Read the results of the arms of a batch, each by the rules of a result."""

from collections.abc import Collection, Mapping
from typing import Any

from overnight.campaign.evaluation import ArmResult, EvaluationRequest, named_value
from overnight.campaign.result import bounded, read_metrics
from overnight.evaluators.call_function import is_full, metrics_of
from overnight.evaluators.results.written_result import InvalidResult
from overnight.evaluators.secrets.environment import Redaction


def read_arms(
    found: Any, request: EvaluationRequest, redaction: Redaction, asked: Collection[str]
) -> tuple[dict[int, ArmResult], tuple[str, ...]]:
    """Return the results of the arms by trial, without secrets, and notes about results of unknown trials.

    `found` has them by trial, or in the order of the request's arms. An arm that lacks a required one of the `asked`
    metrics has a problem, unless it has ended; the others are not affected. Raises InvalidResult if `found` is
    something else.
    """
    trials = [arm.trial for arm in request.arms]
    ended = {arm.trial for arm in request.arms if arm.ended}
    if isinstance(found, list):
        found = {str(trial): result for trial, result in zip(trials, found, strict=False)} | {
            f"number {number}": result for number, result in enumerate(found[len(trials) :], len(trials) + 1)
        }
    if not isinstance(found, Mapping):
        raise InvalidResult(
            "`arms`: expected the metrics of each arm by its trial, or a list in the order of the arms, found "
            f"{'none' if found is None else named_value(redaction.tree(found))}"
        )
    named = {str(trial) for trial in trials}
    notes = [
        f"`arms`: the result of {redaction.text(str(name))} was ignored: expected one of the trials "
        f"{', '.join(map(str, trials))}"
        for name in found
        if str(name) not in named
    ]
    expected = {trial: () if trial in ended else asked for trial in trials}
    read = {trial: _read_arm(found.get(str(trial)), request, redaction, expected[trial]) for trial in trials}
    return read, bounded(notes)


def _read_arm(written: Any, request: EvaluationRequest, redaction: Redaction, asked: Collection[str]) -> ArmResult:
    if written is None:
        return ArmResult(problem="expected metrics of this arm, found none" if asked else None)
    if isinstance(written, Mapping) and is_full(written, request.expected_metrics):
        written = written["metrics"]
    metrics = redaction.metrics(metrics_of(written, request.objective), request.expected_metrics)
    read = read_metrics(metrics, asked, request.optional_metrics)
    return ArmResult(metrics=read.metrics, problem=read.problem, notes=read.notes)
