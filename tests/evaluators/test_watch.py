"""Waiting for a supervisor in the process that started it."""

import os
import subprocess

from overnight.evaluators import watch
from overnight.evaluators.processes.supervisor import read_process


def test_a_supervisor_that_ends_while_it_is_looked_at_leaves_no_zombie(monkeypatch):
    def ends_first(pid):
        process.kill()
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return read_process(pid)

    with subprocess.Popen(["sleep", "600"]) as process:
        monkeypatch.setattr(watch, "read_process", ends_first)
        assert watch.OwnChild(process).supervisor() is None
        assert process.returncode == -9


def test_the_id_of_a_reaped_supervisor_is_not_looked_up_again():
    with subprocess.Popen(["true"]) as process:
        process.wait()
        process.pid = os.getpid()
        assert watch.OwnChild(process).supervisor() is None
