"""The contestants: four configurations of this project, and the peers; each is a command that starts a process."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.peers import PEERS

MAP_COLD, MAP_WARM = "overnight MAP cold", "overnight MAP warm"
DEFAULT_COLD, DEFAULT_WARM = "overnight default cold", "overnight default warm"
DEFAULTS = (DEFAULT_COLD, DEFAULT_WARM)
OURS = (MAP_COLD, MAP_WARM, *DEFAULTS)
BOTORCH, AX, OPTUNA, RUST = "botorch", "ax", "optuna-gp", "botorch-rust"
RIVALS = (BOTORCH, AX, OPTUNA, RUST)
# Contestants that use the same model as ours in MAP mode and report their fit.
SAME_MODEL = (MAP_COLD, MAP_WARM, BOTORCH, RUST)


class UnknownPeer(Exception):
    """No peer has this name."""


@dataclass(frozen=True)
class Contestant:
    """A name and the command of its process, without the number of threads."""

    name: str
    command: tuple[str, ...]


def contestants(peers: Sequence[str], device: str = "cpu", threads: int = 2) -> list[Contestant]:
    """Return ours and the named peers; raise PeerIsNotInstalled if a peer has no environment."""
    return [*(ours(name, device, threads) for name in OURS), *(_peer(name) for name in peers)]


def ours(name: str, device: str = "cpu", threads: int = 2) -> Contestant:
    """Return one of our configurations."""
    _, mode, start = name.lower().split()
    arguments = ("--mode", mode, "--start", start, "--device", device)
    return Contestant(name, _program("benchmarks.speed.worker", threads, *arguments))


def of_goals(peers: Sequence[str], threads: int, *, native: bool) -> list[Contestant]:
    """Return ours and the named peers for questions about goals; peers are `native` if they are asked in a space.

    Raises PeerIsNotInstalled if a peer has no environment.
    """
    starts = dict(zip(DEFAULTS, ("cold", "warm"), strict=True))
    worker = "benchmarks.speed.goals.worker"
    mine = [Contestant(name, _program(worker, threads, "--start", start)) for name, start in starts.items()]
    return [*mine, *(_peer(name, native=native) for name in peers)]


def _program(module: str, threads: int, *arguments: str) -> tuple[str, ...]:
    """Return a command that sets the thread limits, which thread pools read when they are loaded."""
    pools = (f"{pool}_NUM_THREADS={threads}" for pool in ("OMP", "MKL", "OPENBLAS"))
    return ("env", *pools, sys.executable, "-m", module, *arguments)


def _peer(name: str, *, native: bool = False) -> Contestant:
    if name not in PEERS:
        raise UnknownPeer(f"--peers: expected names of {', '.join(PEERS)}, got {name!r}")
    return Contestant(name, tuple(PEERS[name].command(native=native)))
