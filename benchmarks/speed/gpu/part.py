"""Run one part in a process of its own: `python -m benchmarks.speed.gpu.part MODULE:FUNCTION SETTING`.

Findings are lines of JSON on the original standard output. Text that libraries print goes to standard error.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import cast

import torch
from ending import end_as_by_ctrl_c

from benchmarks.speed.gpu.lines import Line
from benchmarks.speed.gpu.setting import Findings, Setting
from benchmarks.speed.origin import now
from overnight.flows.host.parent import die_with


def main() -> None:
    """Report the findings of the part."""
    die_with(os.getppid())
    end_as_by_ctrl_c()
    findings = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    setting = Setting.of_json(sys.argv[2])
    torch.set_num_threads(setting.threads)
    origin = setting.origin()
    of_run = {"machine": origin.machine, "command": origin.command, "commit": origin.commit}
    for finding in _function(sys.argv[1])(setting):
        if isinstance(finding, Line):
            finding = replace(finding, date=now(), **of_run)
        kind = "line" if isinstance(finding, Line) else "row"
        findings.write(json.dumps({kind: asdict(finding)}) + "\n")


def _function(reference: str) -> Callable[[Setting], Findings]:
    """Return the generator; a part's module imports what this part needs, and no other part."""
    module, _, name = reference.partition(":")
    return cast("Callable[[Setting], Findings]", getattr(importlib.import_module(module), name))


if __name__ == "__main__":
    main()
