"""Communicate with one peer in its own process: one JSON object a line in each direction."""

import json
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from benchmarks.peers.space_question import SpaceQuestion

Values = Iterable[float]
Rows = Iterable[Values]


@dataclass(frozen=True)
class Question:
    """What is known of a campaign, in arrays or lists: points on the unit cube, and objectives to minimise.

    `y` holds the values of the first objective at the observed points `X`, and `further` those of each other one.
    `worst` is the worst value of use of each objective, the first one included; it is empty for a single objective.
    `limited` holds the values of each limited metric, which are at most 0 at feasible points. `exact` results have no
    noise.
    """

    d: int
    X: Rows
    y: Values
    pending: Rows = ()
    failed: Rows = ()
    further: Rows = ()
    worst: Values = ()
    limited: Mapping[str, Values] = field(default_factory=dict)
    seed: int = 0
    exact: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the question in JSON types."""
        return {
            "d": self.d,
            "X": _rows(self.X),
            "y": _numbers(self.y),
            "pending": _rows(self.pending),
            "failed": _rows(self.failed),
            "further": _rows(self.further),
            "worst": _numbers(self.worst),
            "limited": {name: _numbers(values) for name, values in self.limited.items()},
            "seed": int(self.seed),
            "exact": self.exact,
        }


def _numbers(values: Values) -> list[float]:
    return [float(value) for value in values]


def _rows(rows: Rows) -> list[list[float]]:
    return [_numbers(row) for row in rows]


class PeerFailure(Exception):
    """The peer's library raised an exception; its process is still alive."""


class PeerDied(Exception):
    """The peer's process ended, or was killed at its time limit, before it answered."""


@dataclass(frozen=True)
class Asked:
    """A peer's answer to an ask: q points, the seconds measured by the peer, and the fit if the library provides it.

    Points are coordinates, or values by name if the question was about a space. `cpu_seconds` is the processor time of
    all threads of the peer's process.
    """

    points: list[Any]
    seconds: float
    cpu_seconds: float
    fit: dict[str, Any] | None
    threads: int


@dataclass(frozen=True)
class Recommended:
    """The indices into X of the points that a peer recommends: one, or a front if there are several objectives."""

    indices: list[int]
    seconds: float


class PeerProcess:
    """Start a peer, ask it, and kill it at the end: `with PeerProcess(PEERS["botorch"].command()) as peer:`.

    limit_seconds: how long one answer may take (the first one includes the start); after that the process is killed and
    PeerDied is raised.
    """

    def __init__(self, command: Sequence[str], threads: int = 2, limit_seconds: float = 600.0):
        self._command = [*command, "--threads", str(threads)]
        self.limit_seconds = limit_seconds

    def __enter__(self) -> Self:
        """Start the process; the output of its libraries goes to a file, which is quoted if the process dies."""
        self._said = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the process: it holds nothing worth an orderly end."""
        self._process.kill()
        self._process.communicate()
        self._said.close()

    @property
    def pid(self) -> int:
        """Return the id of the process, for measuring its memory."""
        return self._process.pid

    def ask(self, question: Question, q: int = 1) -> Asked:
        """Ask for q points."""
        return Asked(**self._answer({"op": "ask", "q": q, **question.as_json()}))

    def ask_in_space(self, question: SpaceQuestion, q: int = 1) -> list[dict[str, Any]]:
        """Ask for q points, each with the values of its active parameters."""
        return self._answer({"op": "ask", "q": q, **question.as_json()})["points"]

    def recommend(self, question: Question | SpaceQuestion) -> Recommended:
        """Ask which of the observed points the peer recommends."""
        return Recommended(**self._answer({"op": "recommend", **question.as_json()}))

    def versions(self) -> dict[str, str]:
        """Return the versions of the packages that matter."""
        return self._answer({"op": "versions"})["versions"]

    def request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request of a program with operations of its own."""
        return self._answer(request)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # A timer that kills the process is the only limit that still works if a library hangs in compiled code.
        limit = threading.Timer(self.limit_seconds, self._process.kill)
        limit.start()
        try:
            with suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
            line = self._process.stdout.readline()
        finally:
            limit.cancel()
        if not line:
            raise PeerDied(
                f"{self._command}: ended with {self._process.wait()} before it answered: {self._last_words()}"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise PeerFailure(answer["error"])
        return answer

    def _last_words(self) -> str:
        self._said.seek(0)
        return self._said.read()[-2000:]
