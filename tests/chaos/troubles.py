"""Disturb campaigns in ways other than kills, each with a campaign of its own: part of `make chaos`, a few minutes.

Each trouble is stored; the table in docs/proofs/reliability.md sums the stored ones.
"""

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from hostile_user import become_nobody, successes
from judge import Evidence, Fault, judge
from lone_campaign import LoneCampaign, ended
from operation import write_campaign
from trouble_table import StoredTrouble, publish, store
from victims import Scene

_SECONDS_FULL = 45.0
_DISK = 256 << 20

Trouble = Callable[[Path, int], tuple[Evidence, list[Fault]]]


def rolled_back(folder: Path, seed: int) -> tuple[Evidence, list[Fault]]:
    """Restore an older copy of the ledger after everything has died, and leave the work folder unchanged."""
    write_campaign(folder, 12, seed)
    campaign = LoneCampaign(folder, 12)
    campaign.start()
    campaign.wait_until(lambda history: ended(history) >= 3)
    shutil.copytree(folder / "ledger", folder / "backup", ignore=shutil.ignore_patterns("*.tmp", ".*"))
    campaign.wait_until(lambda history: ended(history) >= 8)
    campaign.kill_everything()
    shutil.rmtree(folder / "ledger")
    (folder / "backup").rename(folder / "ledger")
    campaign.start()
    campaign.wait()
    return campaign.evidence(rolled_back=True), []


def long_grace(folder: Path, seed: int) -> tuple[Evidence, list[Fault]]:
    """Give evaluations that ignore SIGTERM more than a minute of grace after their time limit."""
    write_campaign(folder, 4, seed, workers=2, time_limit="8s", grace="70s", stubborn=300)
    campaign = LoneCampaign(folder, 4)
    campaign.start()
    campaign.wait()
    return campaign.evidence(), []


def full_work_disk(folder: Path, seed: int) -> tuple[Evidence, list[Fault]]:
    """Fill the disk of the work folder for a while in the middle of a campaign."""
    write_campaign(folder, 16, seed)
    work = folder / "work"
    work.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=700", "tmpfs", work], check=True)
    try:
        campaign = LoneCampaign(folder, 16)
        campaign.start()
        campaign.wait_until(lambda history: ended(history) >= 3)
        _fill(work / "filler")
        time.sleep(_SECONDS_FULL)
        (work / "filler").unlink()
        campaign.wait()
        return campaign.evidence(), []
    finally:
        subprocess.run(["umount", "--lazy", work], check=True)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)


def hostile_user(folder: Path, seed: int) -> tuple[Evidence, list[Fault]]:
    """Let another user of the machine try everything that the file system and the ports allow."""
    write_campaign(folder, 10, seed)
    # The campaign's own folder is as open as a home folder may be, and its parents can be entered.
    folder.chmod(0o755)
    campaign = LoneCampaign(folder, 10)
    campaign.start()
    campaign.wait_until(lambda history: ended(history) >= 2)
    ports = _ports(Scene.of(folder))
    with multiprocessing.get_context("fork").Pool(1, become_nobody) as nobody:
        faults = [Fault("open", what) for what in nobody.apply(successes, (folder / "work", ports))]
    if not ports:
        faults.append(Fault("open", "the campaign's server listens on no port that could be tried"))
    campaign.wait()
    return campaign.evidence(), faults


def _ports(scene: Scene) -> list[int]:
    """Return the ports on which these processes listen."""
    sockets = set()
    for victim in scene.victims:
        with suppress(OSError):
            sockets |= {os.readlink(at) for at in Path(f"/proc/{victim.pid}/fd").iterdir() if at.is_symlink()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sorted({int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets})


TROUBLES: Mapping[str, Trouble] = {
    "rolled back": rolled_back,
    "long grace": long_grace,
    "full work disk": full_work_disk,
    "hostile user": hostile_user,
}


def main() -> int:
    """Run the named troubles, store the results, write the table, and return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("troubles", nargs="*", choices=[*TROUBLES, []], help="all of them if none is named")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--try-out", action="store_true", help="store and write nothing")
    asked = parser.parse_args()
    broken = 0
    for what in asked.troubles or TROUBLES:
        for _ in range(asked.times):
            run, faults = hurt(what, time.time_ns() % 1_000_000)
            broken += len(faults)
            for fault in faults:
                sys.stdout.write(f"{what}: {fault.broken}: {fault.what}\n")
            sys.stdout.write(f"{what}: {run.seconds:g} s, {len(faults)} broken\n")
            sys.stdout.flush()
            if not asked.try_out:
                store(run)
    if not asked.try_out:
        publish()
    return 1 if broken else 0


def hurt(what: str, seed: int) -> tuple[StoredTrouble, list[Fault]]:
    """Run one campaign through one trouble, and return its figures and every broken promise."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        folder = Path(temporary).resolve() / "campaign"
        folder.mkdir()
        try:
            evidence, faults = TROUBLES[what](folder, seed)
        finally:
            LoneCampaign(folder, 0).kill_everything()
    faults += judge(evidence)
    return StoredTrouble.of(what, seed, evidence, faults, seconds=time.monotonic() - began), faults


if __name__ == "__main__":
    sys.exit(main())
