"""Minimize or maximize a function of this process in one call."""

import numbers
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from overnight.campaign import History, Trial
from overnight.campaign.errors import AskLater, CampaignStopped, InvalidDefinition, InvalidResult
from overnight.campaign.evaluation import cause_text
from overnight.campaign.history.trial import Failure
from overnight.campaign.problems import shown
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.api.run import CampaignResult
from overnight.flows.people.read_outcome import read_outcome
from overnight.flows.people.under_way import is_evaluated
from overnight.flows.rules.failures_in_a_row import FailuresInARow

Function = Callable[[dict[str, Any]], Any]
_EXPECTED = (
    "expected a pair of numbers (low, high), a range of whole numbers such as range(1, 9), a list of choices, or a "
    "mapping such as a campaign file has"
)
_LOST = "the process that evaluated it has ended"
_INTERRUPTED = "the call that evaluated it was interrupted"


def minimize(
    function: Function,
    parameters: Mapping[str, Any],
    *,
    trials: int = 30,
    workers: int = 1,
    metric: str = "value",
    ledger: str | Path | None = None,
    **more: Any,
) -> CampaignResult:
    """Find the parameters at which a function is smallest, as in `minimize(f, {"x": (0, 1)}, trials=30)`.

    `parameters` maps each name to a pair (low, high), to a range of whole numbers, to a list of choices (numbers in
    order are ordered), or to a mapping such as a campaign file has. The function receives a dict of them and returns
    what `AskTell.tell` accepts: a number, (mean, sem), or metrics by name, with the objective as `metric`. A function
    that raises has no result there; CampaignStopped is raised from the last failure if there were too many in a row
    (`failures.max_in_a_row`), or if nothing was measured. With several `workers`, it is called in as many threads.

    `more` are further keys of a campaign file, such as `constraints`, `seed`, `name` or `stop_when`. With `ledger`, a
    folder or a URL, every trial is durable and the commands can read it; the same call continues a campaign that was
    interrupted, one process at a time. Without it, nothing is kept. Raises InvalidDefinition for wrong arguments.
    """
    return _best("minimize", function, parameters, trials, workers, metric, ledger, more)


def maximize(
    function: Function,
    parameters: Mapping[str, Any],
    *,
    trials: int = 30,
    workers: int = 1,
    metric: str = "value",
    ledger: str | Path | None = None,
    **more: Any,
) -> CampaignResult:
    """Find the parameters at which a function is greatest; see `minimize`."""
    return _best("maximize", function, parameters, trials, workers, metric, ledger, more)


def _best(
    direction: str,
    function: Function,
    parameters: Mapping[str, Any],
    trials: int,
    workers: int,
    metric: str,
    ledger: str | Path | None,
    more: Mapping[str, Any],
) -> CampaignResult:
    if not isinstance(parameters, Mapping):
        raise InvalidDefinition([f"`parameters`: expected a mapping of names, got {shown(parameters)}"])
    budget = more.get("budget") or {}
    source = {
        "name": direction,
        direction: metric,
        "parameters": {name: _declared(name, given) for name, given in parameters.items()},
        "workers": workers,
        **more,
        "budget": {"trials": trials, **budget} if isinstance(budget, Mapping) else budget,
    }
    with _kept(ledger) as place:
        campaign = AskTell(source | {"ledger": place})
        workers = campaign.file.campaign.workers
        with _workers(workers) as pool:
            _evaluate(campaign, function, workers, pool)
        return CampaignResult(campaign.history, campaign.recommend())


def _declared(name: str, given: Any) -> Mapping[str, Any]:
    """Return a parameter as a campaign file declares it."""
    if isinstance(given, Mapping):
        return given
    # A long range has no length.
    if isinstance(given, range) and given[1:]:
        low, high = sorted((given[0], given[-1]))
        return {"kind": "int", "low": low, "high": high, "step": abs(given.step)}
    if isinstance(given, tuple) and len(given) == 2 and all(_is_number(each) for each in given):
        return {"kind": "float", "low": given[0], "high": given[1]}
    if isinstance(given, list) and len(given) > 1:
        if all(isinstance(each, bool) for each in given):
            return {"kind": "bool"}
        ordered = all(_is_number(each) for each in given) and given in (sorted(given), sorted(given, reverse=True))
        return {"kind": "ordinal" if ordered else "categorical", "choices": given}
    raise InvalidDefinition([f"`parameters.{name}`: {_EXPECTED}, got {shown(given)}"])


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


@contextmanager
def _kept(ledger: str | Path | None) -> Iterator[str]:
    """Yield the place of the ledger, one that is deleted afterwards if none is given."""
    if ledger is not None:
        yield str(ledger)
        return
    with tempfile.TemporaryDirectory(prefix="overnight-") as folder:
        yield folder


@contextmanager
def _workers(count: int) -> Iterator[Executor]:
    """Yield what calls the function: this thread if one call runs at a time, so that Ctrl-C interrupts it."""
    if count == 1:
        yield _Here()
        return
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Here(Executor):
    """Calls in the thread that submits."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done = Future[Any]()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


def _evaluate(campaign: AskTell, function: Function, workers: int, pool: Executor) -> None:
    """Evaluate trials until the campaign is over; raises CampaignStopped if no result or too many failures came."""
    for trial in campaign.history.trials.values():
        if trial.outcome is None and trial.open_attempt is not None and not is_evaluated(trial.open_attempt):
            campaign.retry(trial, _LOST)
    under_way, running, failures = dict[int, Trial](), dict[Future[Any], int](), FailuresInARow(None)
    error: BaseException | None = None
    try:
        while True:
            nothing: CampaignStopped | AskLater | None = None
            while nothing is None and len(running) < workers:
                try:
                    trial = campaign.ask()
                except (CampaignStopped, AskLater) as found:
                    nothing = found
                    continue
                under_way[trial.id] = trial
                running[pool.submit(function, dict(trial.point))] = trial.id
            if not running:
                if isinstance(nothing, AskLater):
                    raise nothing
                _refuse_without_result(campaign.history, error)
                return
            for ended in wait(running, return_when=FIRST_COMPLETED).done:
                if not _is_about_its_point(ended):
                    # As in one thread, where SystemExit ends the call.
                    ended.result()
                trial = under_way.pop(running.pop(ended))
                error = _tell(campaign, trial, ended)
                _refuse_more(campaign, trial, error, failures)
    except BaseException:
        _leave(campaign, under_way, running)
        raise


def _leave(campaign: AskTell, under_way: dict[int, Trial], running: Mapping[Future[Any], int]) -> None:
    """Record the results that have come, and that all other trials were interrupted."""
    for ended, number in running.items():
        if ended.done() and _is_about_its_point(ended):
            _tell(campaign, under_way.pop(number), ended)
    for trial in under_way.values():
        campaign.retry(trial, _INTERRUPTED)


def _is_about_its_point(ended: Future[Any]) -> bool:
    """Return whether a call has returned or raised an Exception; KeyboardInterrupt and SystemExit are none."""
    return isinstance(ended.exception(), Exception | None)


def _tell(campaign: AskTell, trial: Trial, ended: Future[Any]) -> BaseException | None:
    """Record how a trial ended, and return the error if it has no result."""
    error = ended.exception()
    try:
        result = ended.result() if error is None else error
        read_outcome(campaign.history.definition, result)
    except InvalidResult as invalid:
        result = error = invalid
    campaign.tell(trial, result)
    return error


def _refuse_more(campaign: AskTell, trial: Trial, error: BaseException | None, failures: FailuresInARow) -> None:
    stopped = failures.after(campaign.history, trial.id, trial.attempts[-1].number)
    if stopped is not None:
        # The lines after the first one are about commands.
        raise CampaignStopped(str(stopped).partition("\n")[0]) from error


def _refuse_without_result(history: History, error: BaseException | None) -> None:
    """Raise CampaignStopped if trials failed and none was measured; that all points are infeasible is a finding."""
    failed = [
        (trial.id, trial.outcome)
        for trial in history.trials.values()
        if isinstance(trial.outcome, Failure) and trial.outcome.cause != "infeasible"
    ]
    if history.trials.observed or not failed:
        return
    number, last = failed[-1]
    raise CampaignStopped(
        f"No trial has a result, so there is nothing to recommend: {len(failed)} of {len(history.trials)} failed. The "
        f"last one, trial {number} ({cause_text(last.cause)}): {last.message}"
    ) from error
