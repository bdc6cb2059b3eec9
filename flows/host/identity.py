"""Unique names for processes, across hosts and containers, and whether a process is alive."""

from overnight.evaluators.processes.supervisor import boot_id, pid_namespace, read_process


def can_be_seen(started: str) -> bool:
    """Tell whether a process would be seen from here: names of hosts are not enough, containers share them."""
    return started.rpartition(":")[0] == _here()


def _here() -> str:
    """Return what says which processes can be seen: the running kernel and the namespace of process numbers."""
    return f"{boot_id()}:{pid_namespace()}"


def process_started(pid: int) -> str | None:
    """Return what tells a process from any other, here and elsewhere: where it runs and its start; None if gone."""
    process = read_process(pid)
    return None if process is None else f"{_here()}:{process.ticks}"
