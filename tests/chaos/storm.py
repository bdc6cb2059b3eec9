"""Kill and stop processes of a running campaign at random, and restart those that an operator's machine would."""

import math
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from operation import Operation
from victims import Scene, Victim

from overnight.campaign.history.events import CampaignFinished

KINDS = ("controller", "evaluator", "worker", "server", "supervisor")
# A stopped process stays stopped until another process ends it; only the server is continued.
STOPPED = ("controller", "evaluator", "server", "supervisor")
_STOP = "stopped "
_LOOK = 0.2
_LONGEST_LULL = 4.0
_LAST_TRIALS = 4


@dataclass(frozen=True)
class Plan:
    """A plan: the numbers of kills, stopped processes and second starts, and the length of the outage."""

    seed: int
    kills: int
    stops: int = 4
    second_starts: int = 2
    outage: float = 60.0
    everything: bool = True
    limit: float = 1500.0


@dataclass
class Damage:
    """The damage done: kills and stops by kind, the attempts that were hit, and the rest."""

    kills: Counter[str] = field(default_factory=Counter)
    stops: Counter[str] = field(default_factory=Counter)
    attempts: list[str] = field(default_factory=list)
    seconds_down: float = 0.0
    restarts: int = 0
    second_starts: int = 0


class Storm:
    """One run of a campaign from its first controller to its end."""

    def __init__(self, run: Operation, plan: Plan, notify: Callable[[str], None]) -> None:
        self.run, self.prefect, self.plan, self.tell = run, run.prefect, plan, notify
        self.dice = random.Random(plan.seed)
        self.damage = Damage()
        self.strikes = self._strikes()
        self.next_strike = 0.0
        self.down_until = {"server": 0.0, "worker": 0.0}
        self.goes_on_at = math.inf
        self.began = time.monotonic()

    def _strikes(self) -> list[str]:
        kinds = [KINDS[i % len(KINDS)] for i in range(self.plan.kills)]
        kinds += [f"{_STOP}{STOPPED[i % len(STOPPED)]}" for i in range(self.plan.stops)]
        kinds += ["second start"] * self.plan.second_starts
        kinds += ["outage"] * (self.plan.outage > 0) + ["everything"] * self.plan.everything
        self.dice.shuffle(kinds)
        return kinds

    def pass_over(self) -> Damage:
        """Strike until the campaign is finished and its controllers have ended, or the time limit has passed."""
        total = len(self.strikes)
        while self._passed() < self.plan.limit:
            history, scene = self.run.read(), self.run.scene()
            ended = sum(trial.outcome is not None for trial in history.trials.values())
            finished = isinstance(history.closed_by, CampaignFinished)
            if finished and not scene.controllers:
                break
            self._operate(scene, finished=finished)
            # Strikes are spread over the campaign, so that the last one comes before its end.
            due = ended * total >= (total - len(self.strikes)) * (self.run.trials - _LAST_TRIALS)
            if due and not finished and time.monotonic() >= self.next_strike:
                self._strike_where_something_is(ended)
            time.sleep(_LOOK)
        if self.goes_on_at < math.inf:
            self._send_to_server(signal.SIGCONT)
        return self.damage

    def _passed(self) -> float:
        return time.monotonic() - self.began

    def _strike_where_something_is(self, ended: int) -> None:
        """Carry out the first pending strike that has a victim now: without a controller there are no evaluations."""
        for i, kind in enumerate(self.strikes):
            if self._strike(kind):
                del self.strikes[i]
                self.tell(f"{self._passed():4.0f} s: {kind}, {ended} trials ended")
                # Sometimes an outage is over before the next strike.
                longest = self.plan.outage * 1.5 if kind == "outage" else _LONGEST_LULL
                self.next_strike = time.monotonic() + self.dice.uniform(0, longest)
                return

    def _operate(self, scene: Scene, *, finished: bool) -> None:
        """Do the work of an init system and a schedule."""
        now = time.monotonic()
        if now >= self.goes_on_at:
            self._send_to_server(signal.SIGCONT)
            self.goes_on_at = math.inf
        if _has_ended(self.prefect.server) and now >= self.down_until["server"]:
            self.prefect.start_server()
        if _has_ended(self.prefect.worker) and now >= self.down_until["worker"]:
            self.prefect.start_worker()
        if not finished:
            # The server may be down; a schedule would then be late, too.
            with suppress(OSError):
                self.run.start_run_if_none_is_alive(scene)

    def _strike(self, kind: str) -> bool:
        """Carry out a strike, and return whether it had a victim."""
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
            case _ if kind.startswith(_STOP):
                return self._stop(kind.removeprefix(_STOP))
            case _:
                killed = self._strike_one(kind, Victim.kill)
        self.damage.kills[kind] += killed
        return killed

    def _stop(self, kind: str) -> bool:
        stopped = (
            self._server_hangs(self.dice.uniform(5, 20)) if kind == "server" else self._strike_one(kind, Victim.stop)
        )
        self.damage.stops[kind] += stopped
        return stopped

    def _strike_one(self, kind: str, strike: Callable[[Victim], bool]) -> bool:
        scene = self.run.scene()
        victims = {
            "controller": scene.controllers,
            "evaluator": scene.evaluations,
            "supervisor": scene.supervisors,
        }[kind]
        if not (awake := [victim for victim in victims if not victim.stopped]):
            return False
        victim = self.dice.choice(awake)
        key = victim.evaluates
        struck = strike(victim)
        if struck and key is not None:
            self.damage.attempts.append(key)
        return struck

    def _note_attempts(self, victims: list[Victim]) -> None:
        self.damage.attempts += [key for victim in victims if (key := victim.evaluates) is not None]

    def _server_down(self, seconds: float) -> bool:
        server = self.prefect.server
        if server is None or server.poll() is not None or not self.prefect.answers():
            return False
        self._send_to_server(signal.SIGKILL)
        self.goes_on_at = math.inf
        server.wait()
        self.down_until["server"] = time.monotonic() + seconds
        self.damage.seconds_down = max(self.damage.seconds_down, seconds)
        return True

    def _server_hangs(self, seconds: float) -> bool:
        server = self.prefect.server
        if server is None or server.poll() is not None or not self.prefect.answers():
            return False
        self._send_to_server(signal.SIGSTOP)
        self.goes_on_at = time.monotonic() + seconds
        return True

    def _send_to_server(self, number: signal.Signals) -> None:
        """Signal the server's whole session: its command may have started the actual server as another process."""
        assert self.prefect.server is not None
        for victim in self.run.scene().victims:
            if victim.process.session == self.prefect.server.pid:
                victim.send(number)

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
