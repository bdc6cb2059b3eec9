"""Every way in which an attempt can end, in the order of the table in docs/how-to/command-evaluator.md."""

import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attempts import command, kill, no_report, pid_in, request

from overnight.campaign import EvaluationFailed, EvaluationOutcome
from overnight.evaluators import CommandEvaluator, PythonEvaluator
from overnight.evaluators.processes.attempt_folder import AttemptFolder
from overnight.evaluators.processes.exit_status import Exit
from overnight.evaluators.processes.supervisor import oom_kills
from overnight.evaluators.results.command_result import outcome_of_exit
from overnight.evaluators.secrets.environment import Redaction

DIE = "os.kill(os.getpid(), signal.{})"
# Writing a core file would take longer than the rest of the test.
CRASH = "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); " + DIE
STARVE = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28)); bytearray(1 << 30)"
SHELL = ["sh", "-c", "sh -c 'ulimit -c 0; kill -{0} $$'; exit $?"]


async def ending_of(tmp_path: Path, evaluator: CommandEvaluator | PythonEvaluator) -> tuple[str, str]:
    outcome = await evaluator.evaluate(request(), tmp_path / "attempt", no_report)
    return said(outcome)


def said(outcome: EvaluationOutcome | None) -> tuple[str, str]:
    assert outcome is not None
    return (outcome.cause, outcome.message) if isinstance(outcome, EvaluationFailed) else ("observed", "")


@pytest.mark.parametrize(
    ("script", "cause", "words"),
    [
        ('done(metrics={"loss": 1})', "observed", ""),
        ("pass", "invalid_result", "found neither"),
        ('print("loss is 3")', "invalid_result", "found neither; the output was: loss is 3"),
        ('print("{loss: 3}")', "invalid_result", "expected the result to be JSON"),
        ('done(metrics={"loss": float("nan")})', "invalid_result", 'the output was: {"metrics": {"loss": NaN}}'),
        ('done(metrics={"loss": float("-inf")})', "invalid_result", 'the output was: {"metrics": {"loss": -Infinity}}'),
        ("done(metrics={'loss': json.loads('[' * 900 + ']' * 900)})", "invalid_result", "metric `loss`"),
        ('done(metrics={"tps": 12.5})', "invalid_result", 'the output was: {"metrics": {"tps": 12.5}}'),
        ('done(status="infeasible", message="melts")', "infeasible", "melts"),
        ('done(status="failed", message="diverged")', "configuration", "diverged"),
        ("sys.exit(1)", "configuration", "exit code 1"),
        ("sys.exit(255)", "configuration", "exit code 255"),
        ("sys.exit(75)", "infrastructure", "exit code 75"),
        (DIE.format("SIGKILL"), "infrastructure", "killed by SIGKILL"),
        (DIE.format("SIGTERM"), "infrastructure", "killed by SIGTERM"),
        (DIE.format("SIGINT"), "infrastructure", "killed by SIGINT"),
        (DIE.format("SIGHUP"), "infrastructure", "killed by SIGHUP"),
        (CRASH.format("SIGSEGV"), "configuration", "killed by SIGSEGV"),
        (CRASH.format("SIGBUS"), "configuration", "killed by SIGBUS"),
        (CRASH.format("SIGFPE"), "configuration", "killed by SIGFPE"),
        (CRASH.format("SIGABRT"), "configuration", "killed by SIGABRT"),
        (CRASH.format("SIGXCPU"), "configuration", "killed by SIGXCPU"),
        (STARVE, "configuration", "MemoryError"),
    ],
)
async def test_how_a_command_ends_tells_whose_fault_it_was(tmp_path: Path, script: str, cause: str, words: str):
    found, message = await ending_of(tmp_path, command(tmp_path, script))
    assert found == cause
    assert words in message


@pytest.mark.parametrize(
    ("name", "cause"), [("KILL", "infrastructure"), ("TERM", "infrastructure"), ("SEGV", "configuration")]
)
async def test_a_shell_that_passes_on_how_its_command_was_killed_is_understood(tmp_path: Path, name: str, cause: str):
    shell = [part.format(name) for part in SHELL]
    found, message = await ending_of(tmp_path, CommandEvaluator(command=tuple(shell), folder=tmp_path))
    assert found == cause
    assert f"killed by SIG{name} (exit code " in message


async def test_a_command_that_does_not_end_in_time_is_a_timeout(tmp_path: Path):
    found, message = await ending_of(tmp_path, command(tmp_path, "time.sleep(1000)", time_limit=0.5))
    assert found == "timeout"
    assert "time limit" in message


async def test_a_command_that_cannot_be_started_is_a_matter_of_configuration(tmp_path: Path):
    found, message = await ending_of(tmp_path, CommandEvaluator(command=("./absent",), folder=tmp_path))
    assert found == "configuration"
    assert "could not be started" in message


async def test_a_supervisor_that_is_killed_is_a_matter_of_infrastructure(tmp_path: Path):
    evaluator = command(tmp_path, 'write_pid("supervisor", os.getppid()); time.sleep(1000)')
    running = asyncio.create_task(evaluator.evaluate(request(), tmp_path / "attempt", no_report))
    kill(await pid_in(tmp_path / "supervisor"))
    found, message = said(await running)
    assert found == "infrastructure"
    assert "its supervisor was killed" in message


async def test_a_supervisor_that_others_ask_to_end_is_a_matter_of_infrastructure(tmp_path: Path):
    found, message = await ending_of(tmp_path, command(tmp_path, "os.kill(os.getppid(), 15); time.sleep(1000)"))
    assert found == "infrastructure"
    assert "Overnight did not send" in message


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        *((number, "infrastructure") for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.EIO)),
        (errno.ENOENT, "configuration"),
        (errno.EACCES, "configuration"),
    ],
)
def test_what_could_not_be_started_for_the_machines_sake_is_the_machines_failure(
    tmp_path: Path, number: int, cause: str
):
    ended = Exit(start_error=os.strerror(number), start_errno=number)
    attempt, no_secrets = AttemptFolder.at(tmp_path / "attempt"), Redaction({})
    outcome = outcome_of_exit(attempt, request(), ended, no_secrets, result_ends=False)
    assert isinstance(outcome, EvaluationFailed)
    assert (outcome.cause, outcome.machine) == (cause, cause == "infrastructure")


FUNCTIONS = """
import os, resource, signal

def memory_error(params):
    resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))
    return len(bytearray(1 << 30))
def full_disk(params):
    with open("/dev/full", "w") as file:
        file.write("weights")
def quota(params):
    import errno
    raise OSError(errno.EDQUOT, "Disk quota exceeded")
def no_such_file(params): return open("no-such-file").read()
def crash(params):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.abort()
def killed(params): os.kill(os.getpid(), signal.SIGKILL)
def nan(params): return {"loss": float("nan"), "size": 3}
def infinite(params): return float("inf")
def other_metric(params): return {"size": 3}
def words(params): return "x" * 10_000
"""


@pytest.mark.parametrize(
    ("function", "cause", "words"),
    [
        ("memory_error", "configuration", "MemoryError"),
        ("full_disk", "infrastructure", "No space left on device"),
        ("quota", "infrastructure", "Disk quota exceeded"),
        ("no_such_file", "configuration", "FileNotFoundError"),
        ("crash", "configuration", "SIGABRT"),
        ("killed", "infrastructure", "SIGKILL"),
        ("nan", "invalid_result", 'the output was: {"metrics": {"loss": NaN, "size": 3}}'),
        ("infinite", "invalid_result", 'the output was: {"metrics": {"loss": Infinity}}'),
        ("other_metric", "invalid_result", 'expected the metric `loss`, found `size`; the output was: {"metrics"'),
        ("words", "invalid_result", "expected a finite number as mean"),
    ],
)
async def test_how_a_function_ends_tells_whose_fault_it_was(tmp_path: Path, function: str, cause: str, words: str):
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    found, message = await ending_of(tmp_path, PythonEvaluator(function=f"functions:{function}", folder=tmp_path))
    assert found == cause
    assert words in message
    assert len(message) <= 2000


async def test_a_secret_in_what_came_instead_of_a_result_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOKEN", "swordfish")
    # The secret spans the position at which the evidence is cut.
    script = 'print("x" * 495 + os.environ["TOKEN"])'
    _, message = await ending_of(tmp_path, command(tmp_path, script, environment=("TOKEN",)))
    assert "the output was: xxx" in message
    assert "sword" not in message


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk takes rights that are missing here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_under_the_attempts_folder_is_a_matter_of_infrastructure(tmp_path: Path):
    fill = """
    with open(os.environ["EVAL_ARTIFACTS"] + "/weights", "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    """
    with small_disk(tmp_path / "disk") as disk:
        outcome = await command(tmp_path, fill).evaluate(request(), disk / "attempt", no_report)
    found, message = said(outcome)
    assert found == "infrastructure"
    assert "no space is left" in message


CONTROLLER = """
import asyncio, os, sys
from pathlib import Path
Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
from overnight.campaign import EvaluationRequest
from overnight.evaluators import CommandEvaluator
evaluator = CommandEvaluator.model_validate_json(sys.argv[2])
request = EvaluationRequest.model_validate_json(sys.argv[3])
outcome = asyncio.run(evaluator.evaluate(request, Path(sys.argv[4]), lambda report: None))
print(outcome.model_dump_json())
"""


@contextmanager
def little_memory() -> Iterator[Path]:
    """Yield a new control group with a limit of 200 MiB; skip the test if this machine does not allow it."""
    groups = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    old = "memory" in groups
    root = Path("/sys/fs/cgroup/memory" if old else "/sys/fs/cgroup") / groups.get("memory", groups.get("", "")).lstrip(
        "/"
    )
    group = root / f"overnight-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(200 << 20))
    except OSError:
        if group.exists():
            group.rmdir()
        pytest.skip("a control group with a limit of its own takes rights that are missing here")
    try:
        yield group
    finally:
        group.rmdir()


async def test_what_the_kernel_ends_for_want_of_memory_is_a_matter_of_configuration(tmp_path: Path):
    evaluator = command(tmp_path, "kept = [bytearray(b'x' * (1 << 20)) for _ in range(1000)]")
    arguments = [evaluator.model_dump_json(), request().model_dump_json(), str(tmp_path / "attempt")]
    with little_memory() as group:
        ran = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", CONTROLLER, str(group), *arguments],
            capture_output=True,
            text=True,
        )
    outcome = EvaluationFailed.model_validate_json(ran.stdout)
    assert outcome.cause == "configuration"
    assert "out of memory" in outcome.message


def test_how_often_the_kernel_killed_for_memory_can_be_asked_everywhere():
    assert oom_kills() >= 0
