"""Carry out an order on a Dask worker; a separate module, so that workers need no Prefect."""

from distributed import get_worker

from overnight.flows.clusters.order import Order
from overnight.flows.clusters.worker import carry_out


async def evaluate_on_dask(order: str) -> str:
    """Carry out an order, given as JSON; it counts as one of the worker's threads, but occupies none of them."""
    return await carry_out(Order.model_validate_json(order), worker=get_worker().address)
