"""Writers in processes of their own, racing and being killed: nothing acknowledged is lost."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from event_samples import started

from storage import open_ledger

REPOSITORY = Path(__file__).parents[2]
KILLS = 10


def start_writer(folder: Path, actor: str, until: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(__file__).with_name("appending_process.py")), str(folder), actor, str(until)]
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def let_go(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write("go\n")
    writer.stdin.flush()


@pytest.mark.slow
async def test_of_several_processes_one_wins_each_number(tmp_path):
    writers = {actor: start_writer(tmp_path, actor, until=60) for actor in "abcd"}
    for writer in writers.values():
        let_go(writer)
    won = {actor: [int(line) for line in writer.communicate()[0].split()] for actor, writer in writers.items()}
    assert [writer.returncode for writer in writers.values()] == [0, 0, 0, 0]

    assert sorted(number for numbers in won.values() for number in numbers) == list(range(1, 61))
    segments = await open_ledger("./ledger", "bread", tmp_path).read()
    assert [segment.events for segment in segments] == [
        (started(number, actor),)
        for number, actor in sorted((number, actor) for actor, numbers in won.items() for number in numbers)
    ]


@pytest.mark.slow
async def test_everything_that_a_killed_writer_acknowledged_is_kept(tmp_path):
    dice = random.Random(1)
    acknowledged: dict[int, str] = {}
    for kill in range(KILLS):
        writer = start_writer(tmp_path, f"writer-{kill}", until=1_000_000)
        acknowledged |= dict.fromkeys(_killed_at_random(writer, dice), f"writer-{kill}")

    segments = await open_ledger("./ledger", "bread", tmp_path).read()
    assert [segment.number for segment in segments] == list(range(1, len(segments) + 1))
    actors = {segment.number: segment.events[0].actor for segment in segments}
    assert [segment.events for segment in segments] == [(started(n, actor),) for n, actor in actors.items()]
    assert {number: actors.get(number) for number in acknowledged} == acknowledged
    assert len(segments) - len(acknowledged) <= KILLS, "at most the last append of each writer was not heard of"


def _killed_at_random(writer: subprocess.Popen[str], dice: random.Random) -> list[int]:
    """Kill the writer at some moment after some acknowledgements, and return all that it gave."""
    assert writer.stdout is not None
    let_go(writer)
    heard = [int(writer.stdout.readline()) for _ in range(dice.randint(1, 20))]
    time.sleep(dice.uniform(0, 0.01))
    writer.kill()
    rest, _ = writer.communicate()
    return heard + [int(line) for line in rest.split()]
