"""The ways in which a command may behave, and the outcome of its attempt."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from attempts import alive, campaign, command, kill, no_report, pid_in, request, until
from pydantic import ValidationError

from overnight.campaign import EvaluationFailed, EvaluationOutcome, EvaluationSucceeded, Measurement
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.evaluation import EvaluationReport
from overnight.evaluators import CommandEvaluator


async def outcome_of(tmp_path: Path, script: str, *metrics: str, **fields: object) -> EvaluationOutcome:
    return await command(tmp_path, script, **fields).evaluate(request(*metrics), tmp_path / "attempt", no_report)


async def failure_of(tmp_path: Path, script: str, *metrics: str, **fields: object) -> EvaluationFailed:
    outcome = await outcome_of(tmp_path, script, *metrics, **fields)
    assert isinstance(outcome, EvaluationFailed)
    return outcome


async def success_of(tmp_path: Path, script: str, *metrics: str, **fields: object) -> EvaluationSucceeded:
    outcome = await outcome_of(tmp_path, script, *metrics, **fields)
    assert isinstance(outcome, EvaluationSucceeded), outcome
    return outcome


async def test_a_result_file_with_every_way_to_write_a_metric_succeeds(tmp_path: Path):
    script = """
        Path(os.environ["EVAL_ARTIFACTS"], "model.bin").write_text("weights")
        done(status="ok", cost=2.5, artifacts=["model.bin"], metadata={"note": "fine"},
             metrics={"loss": {"mean": request["parameters"]["x"], "sem": 0.1}, "tps": [5, None],
                      "size": 7, "junk": "?"})
    """
    outcome = await success_of(tmp_path, script, "loss", "tps")
    assert outcome.metrics == {
        "loss": Measurement(mean=0.3, sem=0.1),
        "tps": Measurement(mean=5, sem=None),
        "size": Measurement(mean=7),
    }
    assert (outcome.cost, outcome.artifacts, outcome.metadata) == (2.5, ("model.bin",), {"note": "fine"})
    assert outcome.seconds > 0
    assert (tmp_path / "attempt" / "artifacts" / "model.bin").read_text() == "weights"


async def test_the_request_arrives_whole(tmp_path: Path):
    asked = request("loss", deadline="2030-01-02T03:04:05Z", parameters={"x": 0.1 + 0.2, "kind": "a", "on": True})
    evaluator = command(tmp_path, 'done(metrics={"loss": 0}, metadata=request)')
    outcome = await evaluator.evaluate(asked, tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationSucceeded)
    assert type(asked).model_validate(outcome.metadata) == asked


async def test_a_switch_arrives_as_true_or_false_in_json(tmp_path: Path):
    script = 'done(metrics={"loss": 0}, metadata={"text": open(os.environ["EVAL_REQUEST"]).read()})'
    asked = request("loss", parameters={"cache": True, "warm": False, "share": 0.15})
    outcome = await command(tmp_path, script).evaluate(asked, tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationSucceeded)
    assert '"parameters":{"cache":true,"warm":false,"share":0.15}' in "".join(outcome.metadata["text"].split())


async def test_the_last_line_of_stdout_counts_when_there_is_no_file(tmp_path: Path):
    script = """
        print('{"metrics": {"loss": 1}}')
        print("working...")
        print('{"metrics": {"loss": 2}}')
    """
    assert (await success_of(tmp_path, script)).metrics["loss"].mean == 2


async def test_the_file_counts_more_than_stdout(tmp_path: Path):
    script = """
        done(metrics={"loss": 1})
        print('{"metrics": {"loss": 2}}')
    """
    assert (await success_of(tmp_path, script)).metrics["loss"].mean == 1


async def test_a_crash_is_a_matter_of_configuration_and_its_last_words_are_kept(tmp_path: Path):
    failure = await failure_of(tmp_path, 'done(metrics={"loss": 1}); raise ValueError("too deep")')
    assert failure.cause == "configuration"
    assert "exit code 1" in failure.message
    assert failure.message.endswith("ValueError: too deep")


async def test_the_message_is_bounded_and_ends_with_the_end_of_stderr(tmp_path: Path):
    failure = await failure_of(tmp_path, 'sys.stderr.write("x" * 100_000 + "the end"); sys.exit(3)')
    assert len(failure.message) <= 2000
    assert failure.message.endswith("the end")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('print("database down", file=sys.stderr); sys.exit(75)', "database down"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "SIGTERM"),
    ],
)
async def test_exit_75_and_a_foreign_signal_are_matters_of_infrastructure(tmp_path: Path, script: str, words: str):
    failure = await failure_of(tmp_path, script)
    assert failure.cause == "infrastructure"
    assert words in failure.message


async def test_infeasible_and_failed_are_said_with_their_message(tmp_path: Path):
    failure = await failure_of(tmp_path, 'done(status="infeasible", reason="server refused", cost=1)')
    assert (failure.cause, failure.message, failure.cost) == ("infeasible", "server refused", 1)


async def test_failed_is_a_matter_of_configuration(tmp_path: Path):
    failure = await failure_of(tmp_path, 'done(status="failed", message="diverged")')
    assert (failure.cause, failure.message) == ("configuration", "diverged")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ('done(metrics={"loss": float("nan")})', "finite number"),
        ('done(metrics={"loss": 10 ** 400})', "metric `loss`"),
        ('done(metrics={"loss": [1, -1]})', "sem of 0 or more"),
        ('done(metrics={"tps": 1})', "expected the metric `loss`, found `tps`"),
        ('done(status="great", metrics={"loss": 1})', "`status`"),
        ('Path(os.environ["EVAL_RESULT"]).write_text(\'{"metrics": {"lo\')', "expected the result to be JSON"),
        ('Path(os.environ["EVAL_RESULT"]).write_text("[" * 100_000)', "expected the result to be JSON"),
        ('Path(os.environ["EVAL_RESULT"]).write_text("[1]")', "JSON object"),
        ('print("no result"); print("but words", file=sys.stderr)', "found neither"),
    ],
)
async def test_what_is_no_result_is_an_invalid_result(tmp_path: Path, script: str, words: str):
    failure = await failure_of(tmp_path, script)
    assert failure.cause == "invalid_result"
    assert words in failure.message


async def test_reports_arrive_while_it_runs_and_bad_lines_do_no_harm(tmp_path: Path):
    script = """
        with open(os.environ["EVAL_REPORTS"], "a") as reports:
            print('{"step": 1, "metrics": {"loss": 5}}', file=reports, flush=True)
            wait_for("heard")
            print("garbage", file=reports)
            print("[" * 2000, file=reports)
            print('{"step": 2, "metrics": {"loss": NaN}}', file=reports)
            print('{"step": 3, "metrics": {"loss": [4, 0.5]}}', file=reports)
            reports.write('{"step": 4, "met')
        done(metrics={"loss": 1})
    """
    heard: list[EvaluationReport] = []

    def report(one: EvaluationReport) -> None:
        heard.append(one)
        (tmp_path / "heard").touch()

    outcome = await command(tmp_path, script).evaluate(request(), tmp_path / "attempt", report)
    assert isinstance(outcome, EvaluationSucceeded)
    assert heard == [
        EvaluationReport(step=1, metrics={"loss": Measurement(mean=5)}),
        EvaluationReport(step=3, metrics={"loss": Measurement(mean=4, sem=0.5)}),
    ]
    assert outcome.metadata == {"ignored_report_lines": 3}


# Each starts a process that ignores SIGTERM and writes its id to the file `grandchild`.
STUBBORN = """
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        write_pid("grandchild")
        while True:
            time.sleep(100)
"""
DAEMON = """
    if os.fork() == 0:
        os.setsid()
        if os.fork() > 0:
            os._exit(0)
        for descriptor in range(3):
            os.close(descriptor)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        write_pid("grandchild")
        while True:
            time.sleep(100)
"""
SLEEP = """
    wait_for("grandchild")
    write_pid("child")
    time.sleep(1000)
"""


@pytest.mark.slow
@pytest.mark.parametrize("start_grandchild", [STUBBORN, DAEMON])
async def test_a_timeout_ends_every_descendant(tmp_path: Path, start_grandchild: str):
    failure = await failure_of(tmp_path, start_grandchild + SLEEP, time_limit=3)
    assert failure.cause == "timeout"
    assert not alive(await pid_in(tmp_path / "grandchild"))
    assert not alive(await pid_in(tmp_path / "child"))


@pytest.mark.parametrize("start_grandchild", [STUBBORN, DAEMON])
async def test_what_outlives_its_command_is_ended(tmp_path: Path, start_grandchild: str):
    script = start_grandchild + '\n    wait_for("grandchild")\n    done(metrics={"loss": 1})'
    await success_of(tmp_path, script)
    assert not alive(await pid_in(tmp_path / "grandchild"))


@pytest.mark.parametrize("start_grandchild", [STUBBORN, DAEMON])
async def test_a_cancellation_goes_on_when_everything_is_stopped(tmp_path: Path, start_grandchild: str):
    evaluator = command(tmp_path, start_grandchild + SLEEP)
    running = asyncio.create_task(evaluator.evaluate(request(), tmp_path / "attempt", no_report))
    child, grandchild = await pid_in(tmp_path / "child"), await pid_in(tmp_path / "grandchild")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not alive(child)
    assert not alive(grandchild)
    recovered = await evaluator.recover(request(), tmp_path / "attempt", no_report)
    assert isinstance(recovered, EvaluationFailed)
    assert recovered.cause == "cancelled"


async def test_a_report_that_cannot_be_taken_stops_the_evaluation(tmp_path: Path):
    script = """
        write_pid("child")
        print('{"step": 1, "metrics": {"loss": 1}}', file=open(os.environ["EVAL_REPORTS"], "a"), flush=True)
        time.sleep(1000)
    """

    def report(one: EvaluationReport) -> None:
        raise LookupError("the ledger is somebody else's")

    with pytest.raises(LookupError):
        await command(tmp_path, script).evaluate(request(), tmp_path / "attempt", report)
    assert not alive(await pid_in(tmp_path / "child"))


async def test_sigterm_leaves_time_to_clean_up(tmp_path: Path):
    script = """
        signal.signal(signal.SIGTERM, lambda *_: (Path("cleaned").touch(), sys.exit(0)))
        write_pid("child")
        time.sleep(1000)
    """
    evaluator = command(tmp_path, script, grace=60)
    running = asyncio.create_task(evaluator.evaluate(request(), tmp_path / "attempt", no_report))
    await pid_in(tmp_path / "child")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (tmp_path / "cleaned").exists()


async def test_only_what_is_named_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DB_PASSWORD", "swordfish")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other-secret")
    script = """
        done(metrics={"loss": len(os.environ["DB_PASSWORD"])},
             metadata={"names": sorted(os.environ), "mode": os.environ["MODE"]})
    """
    outcome = await success_of(tmp_path, script, environment=("DB_PASSWORD", "MODE=fast"))
    assert outcome.metrics["loss"].mean == len("swordfish")
    assert outcome.metadata["mode"] == "fast"
    assert {"PATH", "EVAL_RESULT", "DB_PASSWORD"} <= set(outcome.metadata["names"])
    assert "AWS_SECRET_ACCESS_KEY" not in outcome.metadata["names"]


async def test_a_secret_is_neither_kept_nor_put_on_disk_by_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DB_PASSWORD", "swordfish")
    monkeypatch.setenv("KEY", "-----BEGIN-----\nabcdefgh\n")
    script = """
        password = os.environ["DB_PASSWORD"]
        print("no login with", password, "nor abcdefgh", "y" * 1900, file=sys.stderr)
        with open(os.environ["EVAL_REPORTS"], "a") as reports:
            print(json.dumps({"step": 1, "metrics": {"loss of " + password: 1}}), file=reports)
        done(metrics={"loss": 1}, metadata={"url": ["db:" + password]}, artifacts=[password + ".log"])
        sys.exit(int(request["parameters"].get("exit", 0)))
    """
    evaluator = command(tmp_path, script, environment=("DB_PASSWORD", "KEY"))
    heard: list[EvaluationReport] = []
    succeeded = await evaluator.evaluate(request(), tmp_path / "1", heard.append)
    failed = await evaluator.evaluate(request(parameters={"exit": 1}), tmp_path / "2", no_report)
    assert isinstance(succeeded, EvaluationSucceeded)
    assert succeeded.metadata == {"url": ["db:[DB_PASSWORD]"]}
    assert succeeded.artifacts == ("[DB_PASSWORD].log",)
    assert [list(report.metrics) for report in heard] == [["loss of [DB_PASSWORD]"]]
    assert isinstance(failed, EvaluationFailed)
    assert not {"sword", "fish", "abcdefgh"} & set(failed.message.replace("]", " ").split())
    ours = [p for p in (tmp_path / "1").glob("*.json*") if p.name not in ("result.json", "reports.jsonl")]
    assert len(ours) >= 4
    assert all("swordfish" not in path.read_text() for path in ours)


async def test_text_is_split_like_a_shell_would_without_a_shell(tmp_path: Path):
    text = f"{sys.executable} script.py --name 'two words' $HOME;"
    evaluator = command(tmp_path, 'done(metrics={"loss": 1}, metadata={"argv": sys.argv[1:]})', command=text)
    outcome = await evaluator.evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.metadata["argv"] == ["--name", "two words", "$HOME;"]


async def test_a_program_that_cannot_be_started_is_a_matter_of_configuration(tmp_path: Path):
    evaluator = CommandEvaluator(command=("./missing",), folder=tmp_path)
    outcome = await evaluator.evaluate(request(), tmp_path / "attempt", no_report)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "configuration"
    assert "missing" in outcome.message


async def test_a_killed_supervisor_is_a_matter_of_infrastructure_and_nothing_is_left(tmp_path: Path):
    evaluator = command(tmp_path, DAEMON + SLEEP)
    running = asyncio.create_task(evaluator.evaluate(request(), tmp_path / "attempt", no_report))
    child, grandchild = await pid_in(tmp_path / "child"), await pid_in(tmp_path / "grandchild")
    kill(json.loads((tmp_path / "attempt" / "claim.json").read_text())["pid"])
    outcome = await running
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "infrastructure"
    assert not alive(child)
    assert not alive(grandchild)


async def test_check_accepts_what_can_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOKEN", "abc")
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    evaluator = CommandEvaluator(
        command=("./run.sh",), folder=tmp_path, environment=("TOKEN", "A=b=c"), returns=("loss", "tps")
    )
    await evaluator.check(campaign("tps"))


async def test_check_names_every_problem_with_its_place(tmp_path: Path):
    evaluator = CommandEvaluator(
        command=("./run.sh",), folder=tmp_path, environment=("NO_SUCH_VARIABLE",), returns=("accuracy",)
    )
    with pytest.raises(InvalidDefinition) as refused:
        await evaluator.check(campaign("tps"))
    places = [problem.split(":")[0] for problem in refused.value.problems]
    assert places == ["`evaluator.command`", "`evaluator.environment`", "`minimize`", "`metrics`"]
    assert "`accuracy`" in refused.value.problems[2]


@pytest.mark.parametrize(
    "fields",
    [
        {"command": ""},
        {"command": "echo 'open"},
        {"command": "true", "environment": ["1X"]},
        {"command": "true", "environment": ["EVAL_RESULT=/elsewhere"]},
        {"command": "true", "timelimit": "1h"},
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(fields: dict[str, object]):
    with pytest.raises(ValidationError):
        CommandEvaluator.model_validate(fields)


async def test_an_attempt_is_never_started_twice(tmp_path: Path):
    script = """
        with open("count", "a") as count:
            count.write("x")
        wait_for("go")
        done(metrics={"loss": 1})
    """
    evaluator = command(tmp_path, script)
    both = [asyncio.create_task(evaluator.evaluate(request(), tmp_path / "attempt", no_report)) for _ in range(2)]
    await until((tmp_path / "count").exists)
    (tmp_path / "go").touch()
    first, second = await asyncio.gather(*both)
    assert isinstance(first, EvaluationSucceeded)
    assert first == second
    assert (tmp_path / "count").read_text() == "x"
