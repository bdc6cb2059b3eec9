"""Kills processes of a running campaign when and as dice say, and starts again what an operator's machine would."""

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from operation import Operation
from victims import Scene, Victim

from campaign.events import CampaignFinished

KINDS = ("controller", "evaluator", "worker", "server", "supervisor")
_LOOK = 0.2
_LONGEST_LULL = 4.0
_LAST_TRIALS = 4


@dataclass(frozen=True)
class Plan:
    """What is to happen: so many kills, how often two controllers start at once, and the seconds of an outage."""

    seed: int
    kills: int
    second_starts: int = 2
    outage: float = 60.0
    everything: bool = True
    limit: float = 1500.0


@dataclass
class Damage:
    """What was done: kills by kind, the attempts that were hit, and the rest."""

    kills: Counter[str] = field(default_factory=Counter)
    attempts: list[str] = field(default_factory=list)
    seconds_down: float = 0.0
    restarts: int = 0
    second_starts: int = 0


class Storm:
    """One run of a campaign from its first controller to its end."""

    def __init__(self, run: Operation, plan: Plan, tell: Callable[[str], None]) -> None:
        self.run, self.prefect, self.plan, self.tell = run, run.prefect, plan, tell
        self.dice = random.Random(plan.seed)
        self.damage = Damage()
        self.strikes = self._strikes()
        self.next_strike = 0.0
        self.down_until = {"server": 0.0, "worker": 0.0}
        self.began = time.monotonic()

    def _strikes(self) -> list[str]:
        kinds = [KINDS[i % len(KINDS)] for i in range(self.plan.kills)]
        kinds += ["second start"] * self.plan.second_starts
        kinds += ["outage"] * (self.plan.outage > 0) + ["everything"] * self.plan.everything
        self.dice.shuffle(kinds)
        return kinds

    def pass_over(self) -> Damage:
        """Strike until the campaign is finished and its controllers have ended, or the time limit is over."""
        total = len(self.strikes)
        while self._passed() < self.plan.limit:
            history, scene = self.run.read(), self.run.scene()
            ended = sum(trial.outcome is not None for trial in history.trials.values())
            finished = isinstance(history.closed_by, CampaignFinished)
            if finished and not scene.controllers:
                break
            self._operate(scene, finished=finished)
            # Spread over the campaign, so that the last one finds it unfinished.
            due = ended * total >= (total - len(self.strikes)) * (self.run.trials - _LAST_TRIALS)
            if due and not finished and time.monotonic() >= self.next_strike:
                self._strike_where_something_is(ended)
            time.sleep(_LOOK)
        return self.damage

    def _passed(self) -> float:
        return time.monotonic() - self.began

    def _strike_where_something_is(self, ended: int) -> None:
        """Do the first of what is to come that finds a victim now: without a controller there are no evaluations."""
        for i, kind in enumerate(self.strikes):
            if self._strike(kind):
                del self.strikes[i]
                self.tell(f"{self._passed():4.0f} s: {kind}, {ended} trials ended")
                # An outage is sometimes over before anything else happens.
                longest = self.plan.outage * 1.5 if kind == "outage" else _LONGEST_LULL
                self.next_strike = time.monotonic() + self.dice.uniform(0, longest)
                return

    def _operate(self, scene: Scene, *, finished: bool) -> None:
        """Do what an init system and a schedule do."""
        now = time.monotonic()
        if _has_ended(self.prefect.server) and now >= self.down_until["server"]:
            self.prefect.start_server()
        if _has_ended(self.prefect.worker) and now >= self.down_until["worker"]:
            self.prefect.start_worker()
        if not finished:
            # The server may be down; a schedule is late then, too.
            with suppress(OSError):
                self.run.start_run_if_none_is_alive(scene)

    def _strike(self, kind: str) -> bool:
        """Do it, and tell whether there was something to be struck."""
        match kind:
            case "outage":
                return self._server_down(self.plan.outage)
            case "everything":
                self._note_attempts(list(self.run.scene().victims))
                self.damage.restarts += self.prefect.kill_everything() > 0
                return True
            case "second start":
                if not self.run.scene().controllers:
                    return False
                with suppress(OSError):
                    self.run.start_run()
                    self.damage.second_starts += 1
                    return True
                return False
            case "server":
                killed = self._server_down(self.dice.uniform(0, 5))
            case "worker":
                killed = self._worker_down(self.dice.uniform(0, 5))
            case _:
                killed = self._kill_one(kind)
        self.damage.kills[kind] += killed
        return killed

    def _kill_one(self, kind: str) -> bool:
        scene = self.run.scene()
        victims = {
            "controller": scene.controllers,
            "evaluator": scene.evaluations,
            "supervisor": scene.supervisors,
        }[kind]
        if not victims:
            return False
        victim = self.dice.choice(victims)
        killed = victim.kill()
        if killed:
            self._note_attempts([victim])
        return killed

    def _note_attempts(self, victims: list[Victim]) -> None:
        self.damage.attempts += [key for victim in victims if (key := victim.evaluates) is not None]

    def _server_down(self, seconds: float) -> bool:
        server = self.prefect.server
        if server is None or server.poll() is not None or not self.prefect.answers():
            return False
        # All of its session: the command may have started the server proper beside itself.
        for victim in self.run.scene().victims:
            if victim.process.session == server.pid:
                victim.kill()
        server.wait()
        self.down_until["server"] = time.monotonic() + seconds
        self.damage.seconds_down = max(self.damage.seconds_down, seconds)
        return True

    def _worker_down(self, seconds: float) -> bool:
        worker = self.prefect.worker
        if worker is None or worker.poll() is not None:
            return False
        for victim in self.run.scene().victims:
            if victim.pid == worker.pid:
                victim.kill()
        worker.wait()
        self.down_until["worker"] = time.monotonic() + seconds
        return True


def _has_ended(process: "subprocess.Popen[bytes] | None") -> bool:
    return process is not None and process.poll() is not None
