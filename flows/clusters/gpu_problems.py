"""Problems of `resources.gpus` in a campaign whose evaluations run on this host."""

from overnight.campaign import Campaign
from overnight.evaluators import AnyEvaluator, OwnLoop
from overnight.evaluators.process_evaluator import ProcessEvaluator
from overnight.flows.clusters.gpus import VISIBLE


def gpu_problems(each: int, campaign: Campaign, evaluator: AnyEvaluator, found: tuple[str, ...] | None) -> list[str]:
    """Return a sentence for each reason why evaluations could not hold `each` of the GPUs `found` on their host.

    None: the host is another one, whose GPUs are unknown. A loop of the user's own chooses its GPUs itself.
    """
    if isinstance(evaluator, OwnLoop):
        return []
    if not isinstance(evaluator, ProcessEvaluator):
        return [
            f"`resources.gpus`: expected an evaluator that starts a process for each attempt, which {VISIBLE} can "
            f"limit to its own GPUs, found `evaluator.kind: {evaluator.kind}`, which starts none. Leave `gpus` out"
        ]
    problems = list[str]()
    if evaluator.polling is not None:
        problems.append(
            "`resources.gpus`: expected no `gpus` with `evaluator.polled`, because an evaluation holds GPUs of this "
            f"host only while its process runs, and this one continues after that, got {each}. Leave `gpus` out, and "
            "request them where the evaluation continues"
        )
    if VISIBLE in (variable.partition("=")[0] for variable in evaluator.environment):
        problems.append(
            f"`evaluator.environment`: expected no `{VISIBLE}` with `resources.gpus`, which sets it for each "
            "evaluation, found it listed. Remove it, or leave `gpus` out and choose GPUs yourself"
        )
    if found is not None and (too_few := too_few_gpus(each, campaign, found)) is not None:
        problems.append(too_few)
    return problems


def too_few_gpus(each: int, campaign: Campaign, found: tuple[str, ...]) -> str | None:
    """Return why evaluations with `each` GPUs cannot run at once on the GPUs `found` on this host; None if they can."""
    # One call evaluates all arms of a batch.
    at_once = 1 if campaign.is_ab_test else campaign.workers
    if at_once * each <= len(found):
        return None
    needed = f"{at_once * each} for `workers: {at_once}` with {each} each" if at_once > 1 else f"{each}"
    if not found:
        why = f"{VISIBLE} lists none, or is not set and neither nvidia-smi nor /dev shows any"
        return (
            f"`resources.gpus`: expected {needed} on this host, where evaluations run, found no GPU: {why}. Leave "
            "`gpus` out, run on a host with GPUs, or name a cluster under `run_on`"
        )
    fewer = f"write at most `workers: {len(found) // each}`" if at_once > 1 and each <= len(found) else "request fewer"
    return (
        f"`resources.gpus`: expected at most {len(found)} in use at once, the GPUs of this host "
        f"({', '.join(found)}), found {needed}. Evaluations share no GPU, so some workers would only wait: {fewer}, or "
        "name a cluster under `run_on`"
    )
