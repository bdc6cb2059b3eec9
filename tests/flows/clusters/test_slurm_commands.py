"""The commands of Slurm that do not answer."""

from pathlib import Path

import pytest

from overnight.flows.clusters.places.slurm.scheduler import NoAnswer, Scheduler


async def test_a_command_that_hangs_is_killed_with_all_that_it_has_started(tmp_path: Path):
    # Clusters wrap the commands in scripts of their own.
    squeue, survived = tmp_path / "squeue", tmp_path / "survived"
    squeue.write_text(f"#!/bin/sh\n(sleep 5; touch {survived})\ntrue\n")
    squeue.chmod(0o755)
    scheduler = Scheduler({"PATH": f"{tmp_path}:/usr/bin:/bin"}, seconds=0.2)
    with pytest.raises(NoAnswer, match=r"gave no answer within 0\.2 s"):
        await scheduler.jobs(["night"])
    assert not survived.exists()
