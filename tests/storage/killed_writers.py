"""Let several processes append to one ledger during faults, then compare the ledger with the acknowledged appends."""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from event_samples import started

from overnight.campaign.errors import LedgerError
from overnight.storage import open_ledger, verify

REPOSITORY = Path(__file__).parents[2]
WRITERS = 4


@dataclass
class Tally:
    """The acknowledged appends, compared with the ledger."""

    injected: int
    acknowledged: int
    segments: int
    lost: int
    twice: int
    damage: str = ""

    def __add__(self, other: "Tally") -> "Tally":
        """Return the sum of both, with the first damage."""
        return Tally(
            self.injected + other.injected,
            self.acknowledged + other.acknowledged,
            self.segments + other.segments,
            self.lost + other.lost,
            self.twice + other.twice,
            self.damage or other.damage,
        )

    @property
    def kept(self) -> bool:
        """Return whether every promise was kept."""
        return not (self.lost or self.twice or self.damage)


@dataclass
class Writer:
    """A process that appends, and the segment numbers that were acknowledged to it."""

    actor: str
    process: subprocess.Popen[str]
    won: list[int] = field(default_factory=list)
    listener: Thread | None = None

    @classmethod
    def start(cls, place: str, actor: str) -> "Writer":
        """Start a writer and let it append as soon as it is ready."""
        program = str(Path(__file__).with_name("appending_process.py"))
        process = subprocess.Popen(
            [sys.executable, program, place, actor],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        writer = cls(actor, process)
        writer.listener = Thread(target=writer._listen)
        writer.listener.start()
        return writer

    def _listen(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        for line in self.process.stdout:
            if line == "ready\n":
                self.process.stdin.write("go\n")
                self.process.stdin.flush()
            elif line.endswith("\n"):
                self.won.append(int(line))

    def kill(self) -> None:
        """Kill the process and read its remaining output."""
        assert self.listener is not None
        self.process.kill()
        self.listener.join()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


def run_writers(place: str, faults: int, inject: Callable[[random.Random], None] | None, seed: int) -> Tally:
    """Let four writers append during faults, and return the tally of their acknowledged appends.

    Each fault is `inject`. Without it, a fault is the SIGKILL of a writer with an acknowledged append, which is
    replaced by a new writer.
    """
    dice = random.Random(seed)
    writers = [Writer.start(place, f"writer-{i}") for i in range(WRITERS)]
    gone: list[Writer] = []
    try:
        # A writer waits only a few seconds for its very first answer.
        while not all(writer.won for writer in writers):
            _wait_until_somebody_wins(writers, more=1)
        for fault in range(faults):
            _wait_until_somebody_wins(writers, more=dice.randint(1, 5))
            time.sleep(dice.uniform(0, 0.02))
            if inject is not None:
                inject(dice)
                continue
            victim = dice.choice([writer for writer in writers if writer.won])
            victim.kill()
            gone.append(victim)
            writers[writers.index(victim)] = Writer.start(place, f"writer-{WRITERS + fault}")
        _wait_until_somebody_wins(writers, more=WRITERS)
    finally:
        for writer in writers:
            writer.kill()
    return tally(place, faults, [*gone, *writers])


def _wait_until_somebody_wins(writers: list[Writer], more: int) -> None:
    """Return when these writers have won the given number of further segments."""
    goal = sum(len(writer.won) for writer in writers) + more
    while sum(len(writer.won) for writer in writers) < goal:
        for writer in writers:
            if writer.process.poll() is not None:
                raise RuntimeError(f"{writer.actor} ended by itself with {writer.process.returncode}")
        time.sleep(0.01)


def tally(place: str, injected: int, writers: list[Writer]) -> Tally:
    """Read the ledger and compare it with the appends that these writers had acknowledged."""
    ledger = open_ledger(place, "bread", Path())
    promised = [(number, writer.actor) for writer in writers for number in writer.won]
    twice = len(promised) - len({number for number, _ in promised})
    try:
        segments = asyncio.run(ledger.read())
        verify(ledger)
    except LedgerError as problem:
        return Tally(injected, len(promised), 0, len(promised), twice, str(problem))
    there = {segment.number: segment.events for segment in segments}
    lost = sum(there.get(number) != (started(number, actor),) for number, actor in promised)
    return Tally(injected, len(promised), len(segments), lost, twice)
