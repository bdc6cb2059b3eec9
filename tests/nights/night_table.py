"""The results of two nights, as a section of the guide."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from marked_sections import replace_section
from night_campaign import ZONE
from night_judge import Evidence, Night

from overnight.flows.host.commit import running_commit

PAGE = Path(__file__).parents[2] / "docs" / "proofs" / "nights.md"
SECTION = "make nights"
_HEAD = """
`make nights` runs two campaigns of {trials} trials, one with `running: finish` and one with `running: stop`, whose
window is `22:00–22:05 {zone}`, over two nights between which the clocks are changed: with a Prefect server on
SQLite that has all of its services, one process worker, and `overnight deploy`. Only the server's own scheduler starts
them.
Evaluations are processes of 10 to 40 seconds, three at a time, that keep a log of their own; the first one of a
campaign to begin in the last 75 seconds of its first night is written to take until 15 seconds after its end.

**Accelerated**: the hours in which nothing is due. A preloaded library adds the same number of seconds to the time of
day in every process (server, worker, controllers, proposers, evaluations), and this number is raised three times: from
noon to 20 seconds before the first opening, from the end of the first night to 20 seconds before the clocks are
changed, and from 15 seconds after that to 20 seconds before the second opening. **Not accelerated**: everything else.
Each second of the nights and of the clock change takes one second. So the 23 idle hours of servers, workers and
connections were not tested, and nights of eight hours occur only in the simulations of
`tests/flows/controller/test_windows.py`. Everything ran on one machine.

| `running` | night of | due by schedule | run began | attempts begun | results | at work at the end | why it ended |
|---|---|---|---|---|---|---|---|
"""

_BY_HAND = """
In the first night `overnight run campaign.yaml` was also called by hand, and ended with an error:

> {said}
"""
_JUDGED = """
Judged afterwards from the ledgers and from the log of the {attempts} attempts:

- there was one run by the schedule for each opening, which began at most a second before the opening, and there was no
  other run;
- nothing began outside of the window, and nothing was started that was not expected to end in it, with the expectation
  computed again from the knowledge of that moment;
- both nights gave results; every proposal of the second knew all trials of the first, and exactly the pending trials;
- evaluations that were running at the end either finished, or were stopped within their grace and started again before
  any others;
- each trial has one outcome, each key was evaluated once, the ledger and the evaluations' own log name the same keys,
  and the budget is exact;
- the chains are whole, and {same} of {proposals} computed proposals replay to the same bits.

{found} `tests/nights/test_night_judge.py` shows that each of these comparisons can fail.
"""


def publish(evidence: Sequence[Evidence], faults: Mapping[str, Sequence[str]], seed: int, seconds: float) -> None:
    """Write the section of the page."""
    replace_section(PAGE, SECTION, section(evidence, faults, seed, seconds))


def section(evidence: Sequence[Evidence], faults: Mapping[str, Sequence[str]], seed: int, seconds: float) -> str:
    """Return the page's section on these nights."""
    head = _HEAD.format(trials=evidence[0].trials, zone=ZONE)
    rows = "".join(f"| {' | '.join(row)} |\n" for each in evidence for row in _rows(each))
    said = "".join(_BY_HAND.format(said=each.by_hand) for each in evidence if each.by_hand is not None)
    return head + rows + said + _findings(evidence, faults) + _made(seed, seconds)


def _rows(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    for number, (opens, night) in enumerate(zip(evidence.openings, evidence.nights, strict=False)):
        run = next((run for run in evidence.runs if run.due == opens), None)
        yield (
            f"`{evidence.window.running}`",
            f"{opens.astimezone(ZoneInfo(ZONE)):%d %B}",
            _shown(opens) if run is not None and run.by_schedule else "–",
            _shown(run.began) if run is not None and run.began is not None else "–",
            _begun(night),
            str(len(night.observed)),
            _at_the_end(evidence, number),
            night.reason,
        )


def _begun(night: Night) -> str:
    if not night.started:
        return "0"
    again = sum(event.attempt > 1 for event in night.started)
    first, last = (f"{_shown(night.started[i].time)}" for i in (0, -1))
    return f"{len(night.started)}{f', {again} of them again' if again else ''}, {first} to {last}"


def _at_the_end(evidence: Evidence, night: int) -> str:
    there = evidence.at_work_at_the_end(night)
    ends = [_shown(one.ended) for one in there if one.ended is not None]
    word = "stopped" if any(one.stopped for one in there) else "ended"
    return f"{len(there)}, {word} {', '.join(sorted(ends))}" if there else "0"


def _findings(evidence: Sequence[Evidence], faults: Mapping[str, Sequence[str]]) -> str:
    broken = [f"{name}: {fault}" for name, some in faults.items() for fault in some]
    return _JUDGED.format(
        attempts=sum(len(each.evaluated) for each in evidence),
        proposals=sum(len(each.replayed) for each in evidence),
        same=sum(found.verdict == "same" for each in evidence for found in each.replayed),
        found=f"**Broken: {'; '.join(broken)}.**" if broken else "All of these promises held.",
    )


def _made(seed: int, seconds: float) -> str:
    return f"\nSeed {seed}, commit {(running_commit() or 'unknown')[:12]}, {seconds / 60:.0f} minutes.\n"


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(ZONE)):%H:%M:%S %Z}"
