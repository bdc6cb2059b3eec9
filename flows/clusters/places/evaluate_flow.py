"""One attempt as a Prefect flow, for the workers of a work pool."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from overnight.campaign.values.harmless import harmless
from overnight.evaluators.processes.attempt_folder import AttemptFolder, last_text
from overnight.evaluators.secrets.environment import Redaction
from overnight.flows.clusters.order import Order
from overnight.flows.clusters.worker import attempt_folder, carry_out

_LAST_WORDS = 4096


@flow(name="evaluate", retries=0, persist_result=False)
async def evaluate_flow(order: Order) -> State:
    """Carry out an order; a bad evaluation is an outcome, not a failed flow run."""
    told = await carry_out(order, worker=f"flow run {flow_run.name}")
    log = get_run_logger()
    redaction = Redaction(order.evaluator.secrets())
    folder = AttemptFolder(attempt_folder(order))
    for path in (folder.stdout, folder.stderr):
        # Redacted before it is cut: half of a secret is a secret, too.
        if words := redaction.text(last_text(path))[-_LAST_WORDS:].strip():
            log.info("%s ends with:\n%s", path.name, harmless(words))
    return Completed(message=harmless(told))
