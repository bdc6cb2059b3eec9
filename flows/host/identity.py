"""Names of processes that are unique across hosts and containers."""

from overnight.evaluators.processes.supervisor import boot_id, pid_namespace, read_process


def can_be_seen(started: str) -> bool:
    """Return whether a process, if alive, is visible from here; a host name is not enough, as containers share them."""
    return started.rpartition(":")[0] == _here()


def _here() -> str:
    """Identify the processes that are visible from here, by the running kernel and the namespace of process ids."""
    return f"{boot_id()}:{pid_namespace()}"


def process_started(pid: int) -> str | None:
    """Return a name that no other process has, here or elsewhere: its place and its start; None if it is gone."""
    process = read_process(pid)
    return None if process is None else f"{_here()}:{process.ticks}"
