"""Write the figures, the commands and the pictures of two nights into the page about them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from textwrap import fill
from zoneinfo import ZoneInfo

from kill_judge import Evidence
from marked_sections import replace_section
from night_picture import picture
from night_rules import Night
from report_pictures import take
from terminal import Typed

from overnight.campaign import History
from overnight.campaign.history.events import AttemptFailed, AttemptStarted, TrialObserved, TrialProposed
from overnight.flows.host.commit import running_commit
from overnight.report.story.goal.best import best_measured

ZONE = ZoneInfo("Europe/Berlin")
PAGE = Path(__file__).parents[2] / "docs" / "one-night.md"
_NOT_RUN = "<!-- not run: needs the installation; `make one-night` ran it -->\n"
_NIGHTS = """
| start by the schedule | controller began | proposals | attempts | results | best feasible so far | how it ended |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Facts:
    """Facts that the ledger does not hold.

    `changes` are the changed lines of the campaign's file, `setup` the commands of the set-up, `given_up` the number of
    dead runs of the pool that proposes, and `report` is the path of the report.
    """

    changes: str
    setup: Sequence[Typed]
    given_up: int
    report: Path


def publish(evidence: Evidence, facts: Facts, faults: Sequence[str], made: str) -> None:
    """Write all sections of the page, and its pictures."""
    pictures = PAGE.with_suffix("")
    pictures.mkdir(exist_ok=True)
    (pictures / "nights.svg").write_text(picture(evidence, ZONE))
    take(facts.report, pictures / "report.png", 1000, 1000)
    take(facts.report, pictures / "report-at-390-pixels.png", 390, 844)
    for name, text in sections(evidence, facts, faults, made).items():
        replace_section(PAGE, f"make one-night, {name}", text)


def sections(evidence: Evidence, facts: Facts, faults: Sequence[str], made: str) -> dict[str, str]:
    """Return the generated sections by name."""
    return {
        "file": f"\n```text\n{facts.changes}\n```\n",
        "set-up": "".join(_shown(typed) for typed in facts.setup),
        "evening": _prose(_evening(evidence)),
        "kill": _kill(evidence),
        "next run": _next_run(evidence, facts),
        "second night": _prose(_second_night(evidence)),
        "nights": _NIGHTS + "".join(f"| {' | '.join(row)} |\n" for row in _rows(evidence)),
        "morning": "".join(_shown(typed) for typed in evidence.morning),
        "judged": _judged(evidence, faults) + _prose(f"{made}, commit {(running_commit() or 'unknown')[:12]}."),
    }


def _evening(evidence: Evidence) -> str:
    night = evidence.nights[0]
    first = night.started[0]
    return (
        f"The run was due at {_time(evidence.starts[0])}, and its controller took the lease at "
        f"{_time(night.events[0].time)}. The first evaluation began at {_time(first.time)}. By "
        f"{_time(evidence.kill.at)}, {_count(len(night.observed), 'trial')} had a result, and {_best(evidence, night)}."
    )


def _kill(evidence: Evidence) -> str:
    kill = evidence.kill
    head = (
        f"At {_time(kill.at)}, `SIGKILL` went to all {sum(kill.processes.values())} processes. "
        f"{_count(len(evidence.left_open), 'attempt')} had no outcome at that moment. The bucket held "
        f"{len(kill.seen)} events."
    )
    rows = "".join(f"| {part} | {count} |\n" for part, count in sorted(kill.processes.items()))
    tail = (
        f"At {_time(kill.again)} the servers and the workers were running again, started with the same commands on the "
        "same data. Nothing started the campaign."
    )
    return f"{_prose(head)}\n| part | processes killed |\n|---|---|\n{rows}{_prose(tail)}{_shown(kill.status)}"


def _next_run(evidence: Evidence, facts: Facts) -> str:
    night = evidence.nights[1]
    began = (
        f"The schedule's next start was due at {_time(evidence.starts[1])}, and its controller took the lease at "
        f"{_time(night.events[0].time)}. It found {_count(len(evidence.left_open), 'attempt')} without an outcome:"
    )
    ended = (
        f"Until {_time(night.events[-1].time)} it observed {_count(len(night.observed), 'trial')}, and "
        f"{_best(evidence, night)}. The controller ended because {night.reason}."
    )
    given_up = (
        f"The proposal under way had died as well. Its run still held the only place of the pool `gpu`, until the "
        f"controller gave it up ({_count(facts.given_up, 'run')})."
        if facts.given_up
        else "No proposal was under way when everything was killed."
    )
    return f"{_prose(began)}\n{''.join(_found(evidence))}{_prose(ended)}{_prose(given_up)}"


def _found(evidence: Evidence) -> Iterator[str]:
    """Yield a line for each attempt that was cut off: how it ended, and when its trial was observed."""
    failed = {(e.trial, e.attempt): e for e in evidence.events if isinstance(e, AttemptFailed)}
    for event in evidence.left_open:
        end, outcome = failed.get((event.trial, event.attempt)), evidence.outcomes.get(event.trial)
        how = "its stored result counts" if end is None else f"failed ({end.cause}: {end.message})"
        then = "never observed" if outcome is None else f"observed at {_time(outcome.time)}, attempt {outcome.attempt}"
        line = f"- trial {event.trial}, attempt {event.attempt}, begun at {_time(event.time)}: {how}; {then}"
        yield fill(line, 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False) + "\n"


def _second_night(evidence: Evidence) -> str:
    night = evidence.nights[2]
    return (
        f"The same deployment started the campaign again on {_day(evidence.starts[2])}. The controller took the lease "
        f"at {_time(night.events[0].time)}, observed {_count(len(night.observed), 'trial')} and ended at "
        f"{_time(night.events[-1].time)}: {night.reason}. By then {_best(evidence, night)}."
    )


def _rows(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    for number, (due, night) in enumerate(zip(evidence.starts, evidence.nights, strict=True)):
        yield (
            f"{_day(due)}, {_time(due)}",
            _time(night.events[0].time),
            _proposals(night),
            str(len(night.started)),
            str(len(night.observed)),
            _best(evidence, night, short=True),
            night.reason if number else f"killed at {_time(evidence.kill.at)}",
        )


def _proposals(night: Night) -> str:
    proposed = [event for event in night.events if isinstance(event, TrialProposed)]
    stood_in = [e for e in proposed if e.provenance is not None and e.provenance.asked.stand_in is not None]
    model = sum(event.generator == "model" for event in proposed)
    return f"{len(proposed)}: {model} by the model, {len(stood_in)} by a stand-in"


def _best(evidence: Evidence, night: Night, *, short: bool = False) -> str:
    """Return the best feasible measurement up to the end of a controller."""
    until = evidence.events.index(night.events[-1]) + 1
    history = History.from_events(evidence.events[:until])
    best = best_measured(history, [trial for trial in history.trials.values() if trial.measured])
    if best is None:
        return "none" if short else "none of them met all limits"
    found = f"{best.measurement.mean:.4g} µW"
    return f"{found} (trial {best.trial})" if short else f"the best feasible one needed {found} (trial {best.trial})"


def _judged(evidence: Evidence, faults: Sequence[str]) -> str:
    began = sum(len(one.began) for one in evidence.evaluated.values())
    outcomes = sum(isinstance(event, TrialObserved) for event in evidence.events)
    started = sum(isinstance(event, AttemptStarted) for event in evidence.events)
    lines = [
        f"the {len(evidence.kill.seen)} events that the bucket held before the kill are the first "
        f"{len(evidence.kill.seen)} of its {len(evidence.events)} events;",
        f"{outcomes} of {evidence.trials} trials have a result, each has exactly one, and no other trial exists;",
        f"of {started} attempts in the ledger, {began} began according to the evaluations' own log, each of them once; "
        "the figures of each result are those in that log;",
        "each attempt began in the window, by the ledger's clock and by its own, and only if it was expected to end in "
        "it;",
        "the schedule started each controller; there were three runs and no other;",
        "each trial that was cut off has a recorded failure and was tried again after its pause, unless its result was "
        "already stored; each later proposal of the model knew all earlier trials and exactly the pending ones;",
        f"`overnight verify` and `overnight replay` ended with 0, and replay found {_replayed(evidence)}.",
    ]
    listed = "".join(fill(f"- {line}", 118, subsequent_indent="  ", break_on_hyphens=False) + "\n" for line in lines)
    end = f"**Broken: {'; '.join(faults)}.**" if faults else "All of this held."
    return f"\n{listed}{_prose(end)}"


def _replayed(evidence: Evidence) -> str:
    return next(typed.output.splitlines()[-1] for typed in evidence.morning if " replay" in typed.command)


def _shown(typed: Typed) -> str:
    """Return a command and its output; of a long output, its head and its end."""
    lines = typed.output.splitlines()
    if "└" in typed.output and typed.command.startswith("overnight check"):
        lines = ["…", *lines[1 + max(i for i, line in enumerate(lines) if "└" in line) :]]
    if len(lines) > 40:
        lines = [*lines[:3], "…", *lines[-4:]]
    output = "\n".join(lines)
    return f"\n{_NOT_RUN}```sh\n{typed.command}\n```\n\n```text\n{output}\n```\n"


def _prose(text: str) -> str:
    return f"\n{fill(text, 118, break_long_words=False, break_on_hyphens=False)}\n"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%A %-d %B}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%H:%M:%S}"
