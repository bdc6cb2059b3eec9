"""The outcome of a stored result; a defect in one part of it never costs the rest."""

import json
from pathlib import Path

import pytest
from attempts import campaign, request

from overnight.campaign import EvaluationFailed, EvaluationOutcome, EvaluationSucceeded, Measurement
from overnight.campaign.evaluation import EvaluationReport
from overnight.campaign.result import LARGEST_METADATA
from overnight.evaluators.call_function import result_of, to_json
from overnight.evaluators.processes.attempt_folder import AttemptFolder
from overnight.evaluators.processes.exit_status import Exit
from overnight.evaluators.results.command_result import outcome_of_exit, without_secrets
from overnight.evaluators.results.report_lines import LARGEST_FILE, LONGEST_LINE, MOST_REPORTS, ReportLines
from overnight.evaluators.results.written_result import LARGEST_RESULT
from overnight.evaluators.secrets.environment import Redaction
from overnight.evaluators.secrets.secret_names import name_problems

ENDED = Exit(status=0, seconds=1.0)
LOSS = {"loss": Measurement(mean=0.25)}
# Python's `splitlines` ends a line at each of these; in JSON they are ordinary characters.
SEPARATORS = "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"


def of_file(folder: Path, text: str, *metrics: str, secrets: dict[str, str] | None = None) -> EvaluationOutcome:
    attempt = AttemptFolder.at(folder / "attempt")
    attempt.result.write_text(text)
    return of(attempt, *metrics, secrets=secrets)


def of_stdout(folder: Path, text: str, *metrics: str) -> EvaluationOutcome:
    attempt = AttemptFolder.at(folder / "attempt")
    attempt.stdout.write_text(text)
    return of(attempt, *metrics)


def of(attempt: AttemptFolder, *metrics: str, secrets: dict[str, str] | None = None) -> EvaluationOutcome:
    redaction = Redaction(secrets or {})
    outcome = outcome_of_exit(attempt, request(*(metrics or ("loss",))), ENDED, redaction, result_ends=False)
    return without_secrets(outcome, redaction)


def succeeded(outcome: EvaluationOutcome) -> EvaluationSucceeded:
    assert isinstance(outcome, EvaluationSucceeded), outcome
    return outcome


def failed(outcome: EvaluationOutcome) -> EvaluationFailed:
    assert isinstance(outcome, EvaluationFailed), outcome
    return outcome


@pytest.mark.parametrize(
    ("beside", "says"),
    [
        ('"cost": NaN', "`cost` was refused"),
        ('"cost": -5', "expected a cost of 0 or more, got -5"),
        ('"cost": "free"', "`cost` was refused"),
        ('"metadata": [1]', "`metadata` was ignored"),
        ('"metadata": "fine"', "`metadata` was ignored"),
        ('"metadata": {"tree": ' + "[" * 300 + "]" * 300 + "}", "at most 100 deep"),
        ('"metadata": {"text": "' + "x" * LARGEST_METADATA + '"}', f"at most {LARGEST_METADATA} bytes"),
        ('"artifacts": "model.pt"', "`artifacts` were ignored"),
        ('"artifacts": [1, "model.pt"]', "1 of 2 `artifacts`"),
    ],
)
def test_side_information_that_is_not_well_is_noted_and_costs_nothing_else(tmp_path: Path, beside: str, says: str):
    outcome = succeeded(of_file(tmp_path, '{"metrics": {"loss": 0.25, "f1": NaN}, ' + beside + "}"))
    assert (outcome.metrics, outcome.cost, outcome.metadata) == (LOSS, None, {})
    assert outcome.notes[0].startswith("metric `f1` was ignored")
    assert says in outcome.notes[1]


@pytest.mark.parametrize("beside", ['"metadata": null', '"cost": null', '"artifacts": null', '"status": null'])
def test_null_states_nothing(tmp_path: Path, beside: str):
    outcome = succeeded(of_file(tmp_path, '{"metrics": {"loss": 0.25}, ' + beside + "}"))
    assert (outcome.metrics, outcome.notes) == (LOSS, ())


def test_a_whole_number_that_nobody_can_read_costs_nothing_else(tmp_path: Path):
    huge = "1" * 6000
    outcome = succeeded(of_file(tmp_path, f'{{"loss": 0.25, "size": {huge}, "metadata": {{"n": {huge}}}}}'))
    assert outcome.metrics == LOSS
    assert EvaluationSucceeded.model_validate_json(outcome.model_dump_json()).metadata == {"n": float("inf")}


def test_a_result_file_beyond_the_limit_is_refused_unread(tmp_path: Path):
    attempt = AttemptFolder.at(tmp_path / "attempt")
    with attempt.result.open("wb") as file:
        file.truncate(3 << 30)
    failure = failed(of(attempt))
    assert failure.cause == "invalid_result"
    assert f"at most {LARGEST_RESULT} bytes, found a file of {3 << 30} bytes" in failure.message


@pytest.mark.parametrize(
    ("written", "metrics", "cost"),
    [
        ({"loss": 3}, {"loss": 3}, None),
        ({"loss": 3, "f1": [0.5, 0.1], "cost": 2, "metadata": {"a": 1}}, {"loss": 3, "f1": 0.5}, 2),
        ({"loss": {"mean": 3, "sem": 0.1}, "status": "ok"}, {"loss": 3}, None),
        ({"loss": 3, "metrics": 7}, {"loss": 3, "metrics": 7}, None),
        ({"loss": 3, "metrics": None}, {"loss": 3}, None),
        ({"metrics": {"loss": 3}, "f1": 0.5}, {"loss": 3}, None),
    ],
)
def test_metrics_may_stand_at_the_top_level(tmp_path: Path, written: object, metrics: dict[str, float], cost: object):
    outcome = succeeded(of_stdout(tmp_path, json.dumps(written)))
    assert ({name: found.mean for name, found in outcome.metrics.items()}, outcome.cost) == (metrics, cost)
    assert outcome.notes == ()


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ({"cost": 3, "status": 4}, ("cost", "status")),
        ({"metrics": 3}, ("metrics",)),
        ({"metrics": {"mean": 3}}, ("metrics",)),
        ({"metrics": {"metrics": 3}}, ("metrics",)),
        ({"metrics": {"mean": 3, "sem": 1}}, ("mean", "sem")),
        ({"metrics": {"cost": 3}, "cost": 5}, ("cost",)),
    ],
)
def test_a_metric_that_was_asked_for_may_be_named_like_a_part_of_the_form(
    tmp_path: Path, written: object, asked: tuple[str, ...]
):
    assert succeeded(of_file(tmp_path, json.dumps(written), *asked)).metrics[asked[0]].mean == 3


def test_a_line_separator_of_unicode_is_no_end_of_the_result(tmp_path: Path):
    note = f"a{SEPARATORS}b"
    line = json.dumps({"loss": 0.25, "metadata": {"note": note}}, ensure_ascii=False)
    escaped = line.replace("\x0b", "\\u000b").replace("\x0c", "\\f")
    for control in "\x1c\x1d\x1e":
        escaped = escaped.replace(control, f"\\u{ord(control):04x}")
    outcome = succeeded(of_stdout(tmp_path, f"working\u2028 …\n{escaped}\n"))
    assert outcome.metadata == {"note": note}


def test_a_progress_bar_before_the_last_line_does_no_harm(tmp_path: Path):
    assert succeeded(of_stdout(tmp_path, '10 %\r100 %\r{"loss": 0.25}\r\n')).metrics == LOSS


def test_what_was_measured_at_an_infeasible_point_is_kept(tmp_path: Path):
    written = {"status": "infeasible", "message": "p99 is above 5 ms", "p99": 6.5, "rows": "many", "cost": -1}
    failure = failed(of_file(tmp_path, json.dumps(written)))
    assert (failure.cause, failure.message) == ("infeasible", "p99 is above 5 ms")
    assert failure.metrics == {"p99": Measurement(mean=6.5)}
    assert [note.split()[1] for note in failure.notes] == ["`rows`", "was"]


def test_names_of_metrics_that_were_asked_for_are_never_rewritten(tmp_path: Path):
    text = json.dumps({"valid_loss": 1, "valid_f1": 2, "metadata": {"split": "valid"}})
    outcome = succeeded(of_file(tmp_path, text, "valid_loss", secrets={"SPLIT": "valid"}))
    assert list(outcome.metrics) == ["valid_loss", "[SPLIT]_f1"]
    assert outcome.metadata == {"split": "[SPLIT]"}


def test_a_status_is_read_though_a_secret_is_the_same_word(tmp_path: Path):
    text = json.dumps({"metrics": {"loss": 0.25}, "status": "ok"})
    assert succeeded(of_file(tmp_path, text, secrets={"A": "metrics", "B": "status", "C": "loss"})).metrics == LOSS


@pytest.mark.parametrize(
    "word", ["mean", "sem", "metrics", "cost", "metadata", "artifacts", "message", "status", "step"]
)
def test_no_word_of_the_form_is_taken_for_a_secret(tmp_path: Path, word: str):
    secrets = {"WORD": word}
    written = {"metrics": {"loss": {"mean": 0.25, "sem": 0.5}}, "cost": 2, "metadata": {"a": 1}, "artifacts": ["b"]}
    outcome = succeeded(of_file(tmp_path, json.dumps(written), secrets=secrets))
    assert outcome.metrics == {"loss": Measurement(mean=0.25, sem=0.5)}
    assert (outcome.cost, outcome.metadata, outcome.artifacts, outcome.notes) == (2, {"a": 1}, ("b",), ())
    failure = failed(of_file(tmp_path, json.dumps({"status": "failed", "message": "no"}), secrets=secrets))
    assert failure.message == "no"
    reports = Reports(tmp_path, secrets=secrets)
    reports.write('{"step": 1, "metrics": {"loss": {"mean": 0.25, "sem": 0.5}}}\n{"step": 2}\n')
    reports.lines.read()
    assert [report.metrics for report in reports.heard] == [{"loss": Measurement(mean=0.25, sem=0.5)}]


@pytest.mark.parametrize("offset", range(-9, 10))
def test_no_half_of_a_secret_stays_wherever_a_text_is_cut(tmp_path: Path, offset: int):
    secret = "swordfish"
    for length in (100, 500, 1000, 2000):
        text = "y" * (length + offset) + secret + "z" * 5000
        for written in (
            {"status": "failed", "message": text},
            {"loss": text},
            {"loss": 0.25, "f1": text, "metadata": text, "cost": text, "artifacts": text},
            {"loss": 0.25, text: "no number"},
            {"status": text},
            {text: 1},
        ):
            outcome = of_file(tmp_path, json.dumps(written), secrets={"T": secret}).model_dump_json()
            assert not any(secret[:cut] in outcome or secret[-cut:] in outcome for cut in range(3, 9))


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("loss", "the metric `loss`"),
        ("alid", "the metric `valid_loss`"),
        ("test", "the campaign's `name`, `test`"),
        ("learning", "the parameter `learning_rate`"),
        ("adam", "the choice `adam` of `optimizer`"),
        ("stone", "the choice `stone` of `oven`"),
    ],
)
def test_check_refuses_a_secret_that_is_part_of_a_name(monkeypatch: pytest.MonkeyPatch, value: str, what: str):
    monkeypatch.setenv("TOKEN", value)
    asked = campaign(
        "valid_loss",
        learning_rate={"kind": "float", "low": 0, "high": 1},
        optimizer={"kind": "categorical", "choices": ["adam", "sgd", 512, True]},
        oven={"kind": "fixed", "value": "stone"},
    )
    problems = name_problems(["TOKEN", "SPLIT=valid"], asked)
    assert any(
        problem.startswith(f"`evaluator.environment`: the value of `TOKEN` is part of {what}.") for problem in problems
    )
    assert all("`TOKEN=`" in problem for problem in problems)


@pytest.mark.parametrize("value", ["1", "true", "512", "", "swordfish", "0.5"])
def test_a_value_that_no_name_holds_or_that_hides_nothing_is_accepted(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("TOKEN", value)
    asked = campaign(x1={"kind": "categorical", "choices": ["true", "1", 512, True]})
    assert name_problems(["TOKEN"], asked) == []


class Reports:
    """A growing file of reports, and the reports read from it."""

    def __init__(self, folder: Path, secrets: dict[str, str] | None = None, asked: tuple[str, ...] = ()) -> None:
        self.path = folder / "reports.jsonl"
        self.heard: list[EvaluationReport] = []
        self.lines = ReportLines(self.path, self.heard.append, Redaction(secrets or {}), asked)

    def write(self, text: str | bytes) -> None:
        with self.path.open("ab") as file:
            file.write(text.encode() if isinstance(text, str) else text)


def test_a_metric_of_a_report_that_is_not_well_costs_none_of_the_others(tmp_path: Path):
    reports = Reports(tmp_path)
    reports.write('{"step": 1, "metrics": {"loss": 0.25, "grad_norm": NaN}}\n' * 3 + '{"step": 4, "loss": 0.25}\n')
    reports.lines.read_rest()
    assert reports.heard == [EvaluationReport(step=step, metrics=LOSS) for step in (1, 1, 1, 4)]
    assert reports.lines.notes() == (
        "in reports, metric `grad_norm` was ignored: expected a finite number as mean, got nan",
    )


def test_names_and_steps_of_reports_are_not_rewritten(tmp_path: Path):
    reports = Reports(tmp_path, secrets={"A": "step", "B": "metrics", "C": "loss"}, asked=("loss",))
    reports.write('{"step": 1, "metrics": {"loss": 0.25}}\n')
    reports.lines.read()
    assert reports.heard == [EvaluationReport(step=1, metrics=LOSS)]


def test_a_line_of_reports_ends_at_a_line_feed_only(tmp_path: Path):
    reports = Reports(tmp_path)
    reports.write('{"step": 1, "metrics": {"a\u2028\x85b": 0.25}}\r\n{"step": 2, "metrics": {"loss": 0.25}}\n')
    reports.lines.read()
    assert [list(report.metrics) for report in reports.heard] == [["a\u2028\x85b"], ["loss"]]


def test_a_line_without_an_end_is_skipped_and_what_follows_is_read(tmp_path: Path):
    reports = Reports(tmp_path)
    reports.write(b"x" * (3 * LONGEST_LINE))
    for _ in range(5):
        reports.lines.read()
    reports.write(b'x\n{"step": 1, "metrics": {"loss": 0.25}}\n')
    reports.lines.read_rest()
    assert reports.heard == [EvaluationReport(step=1, metrics=LOSS)]
    assert reports.lines.ignored == 1


def test_reports_beyond_the_limit_are_counted_and_not_passed_on(tmp_path: Path):
    reports = Reports(tmp_path)
    reports.write('{"step":1,"loss":1}\n' * (MOST_REPORTS + 5))
    reports.lines.read_rest()
    assert len(reports.heard) == MOST_REPORTS
    assert reports.lines.notes() == (f"5 reports were ignored: expected at most {MOST_REPORTS} from one attempt",)


def test_a_file_of_reports_is_read_up_to_a_limit(tmp_path: Path):
    reports = Reports(tmp_path)
    with reports.path.open("wb") as file:
        file.truncate(1 << 40)
    reports.lines.read_rest()
    assert any(f"up to {LARGEST_FILE} bytes" in note for note in reports.lines.notes())


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        ('{"metrics": {"cost": 0.25}, "cost": 2}', ("cost",), {"cost": 0.25}),
        ('{"metrics": {"metrics": 0.25, "loss": 1}, "cost": 2}', ("metrics", "loss"), {"metrics": 0.25, "loss": 1}),
        ('{"metrics": {"mean": 0.25}, "cost": 2}', ("metrics",), {"metrics": 0.25}),
        ('{"loss": 0.25, "metrics": {"accuracy": 0.5}}', ("loss",), {"loss": 0.25}),
    ],
)
def test_a_metric_that_is_called_like_a_word_of_the_form_is_found_alike_for_commands_and_functions(
    tmp_path: Path, text: str, asked: tuple[str, ...], expected: dict[str, float]
):
    for written in (text, to_json(result_of(json.loads(text), [*asked], asked[0]))):
        (tmp_path / "attempt" / "result.json").unlink(missing_ok=True)
        outcome = succeeded(of_file(tmp_path, written, *asked))
        assert {name: outcome.metrics[name].mean for name in asked} == expected
