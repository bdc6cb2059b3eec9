"""Run an attempt through an engine; if the engine fails, end the attempt before giving it up."""

import asyncio

from overnight.campaign import EvaluationFailed
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.flows.controller.job import Execution, Steps


async def through_engine(steps: Steps, execution: Execution) -> EvaluationAnswer | None:
    """Run an attempt through the engine; an attempt to recover is found or ended even if the engine does not begin.

    When this returns or raises, nothing of the attempt is running, so its slot is free.
    """
    try:
        return await steps.evaluate(execution)
    except asyncio.CancelledError:
        if execution.asked:
            return await execution.end()
        if not execution.recover:
            raise
        ending = asyncio.create_task(execution.run())
        await execution.begun.wait()
        ending.cancel()
        return await ending
    except Exception as problem:
        if execution.asked:
            return await _after_trouble(execution, problem)
        if execution.recover:
            return await execution.run()
        why = f"it could not be started: {type(problem).__name__}: {problem}"
        return EvaluationFailed(cause="infrastructure", message=why, machine=True)


async def _after_trouble(execution: Execution, problem: Exception) -> EvaluationAnswer | None:
    """Return the outcome of an attempt whose engine has failed; it runs to its end, unless its time was over.

    If the attempt has no outcome, raises the problem once nothing of it is running.
    """
    try:
        return await (execution.end() if isinstance(problem, TimeoutError) else execution.outcome())
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise problem from None
