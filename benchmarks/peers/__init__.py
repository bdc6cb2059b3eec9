"""Other optimizers, each in a virtual environment and a process of its own, asked over one protocol."""

from benchmarks.peers.process import Asked, PeerDied, PeerFailure, PeerProcess, Question, Recommended
from benchmarks.peers.registry import PEERS, STUDIES, Peer, PeerIsNotInstalled

__all__ = [
    "PEERS",
    "STUDIES",
    "Asked",
    "Peer",
    "PeerDied",
    "PeerFailure",
    "PeerIsNotInstalled",
    "PeerProcess",
    "Question",
    "Recommended",
]
