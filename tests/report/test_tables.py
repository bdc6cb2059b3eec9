import csv
import io
import json

from told_stories import HOSTILE, Story, campaign_of

from overnight.report.tables import to_csv, to_json, trial_rows


def test_a_row_says_everything_about_an_observed_trial():
    story = Story().proposed(1, 0, generator="model", predicted=2.5).started(1, 0)
    story.failed(1, 1, retry=True, seconds=30).started(1, 1, attempt=2).observed(1, 2, 2.0, 0.1, seconds=45)
    assert trial_rows(story.history) == [
        {
            "trial": 1,
            "status": "observed",
            "generator": "model",
            "loss": 2.0,
            "loss_sem": 0.1,
            "attempts": 2,
            "seconds": 75.0,
            "cause": None,
            "message": None,
            "predicted_mean": 2.5,
            "predicted_sd": 0.5,
            "rate": 0.01,
            "depth": 2,
            "mode": "fast",
            "cache": True,
        }
    ]


def test_a_failed_trial_says_why_and_an_open_one_how_it_stands():
    story = Story().proposed(2, 0).started(2, 0).failed(2, 1, message="no memory").proposed(1, 1)
    story.proposed(3, 1).started(3, 1)
    rows = trial_rows(story.history)
    assert [(r["trial"], r["status"], r["cause"], r["message"]) for r in rows] == [
        (1, "waiting", None, None),
        (2, "failed", "configuration", "no memory"),
        (3, "running", None, None),
    ]
    assert [r["seconds"] for r in rows] == [None, 60.0, None]


def test_an_imported_trial_took_no_time_of_ours():
    [row] = trial_rows(Story().imported(1, 0, mean=1.0).history)
    assert (row["status"], row["generator"], row["attempts"], row["seconds"]) == ("observed", "import", 0, None)


def test_all_rows_have_the_same_columns_whatever_was_measured():
    story = Story().proposed(1, 0).started(1, 0).observed(1, 1, 1.0, memory=3.5).tried(2, 2, mean=2.0)
    first, second = trial_rows(story.history)
    assert list(first) == list(second)
    assert (first["memory"], second["memory"]) == (3.5, None)


def test_no_name_of_the_users_hides_another_column():
    campaign = campaign_of(
        minimize="seconds",
        parameters={"x": {"kind": "int", "low": 0, "high": 9}, "trial": {"kind": "int", "low": 0, "high": 9}},
        baseline=None,
    )
    (row,) = trial_rows(Story(campaign).tried(1, 0, mean=2.5, point={"x": 4, "trial": 7}).history)
    assert (row["trial"], row["parameter_trial"], row["x"]) == (1, 7, 4)
    assert (row["seconds"], row["metric_seconds"]) == (60.0, 2.5)


def test_json_gives_the_rows_back_and_has_no_nan():
    story = Story().proposed(1, 0, predicted=float("nan")).started(1, 0).observed(1, 1, mean=1e-300)
    story.proposed(2, 1).started(2, 1).failed(2, 2, message=HOSTILE)
    rows = trial_rows(story.history)
    assert json.loads(to_json(rows), parse_constant=lambda name: name) == rows
    assert rows[0]["predicted_mean"] is None


def test_csv_gives_every_cell_back_as_text():
    message = f'two\nlines, "quoted"; {HOSTILE}'
    story = Story().tried(1, 0, mean=0.1 + 0.2).proposed(2, 1).started(2, 1).failed(2, 2, message=message)
    rows = trial_rows(story.history)
    found = list(csv.DictReader(io.StringIO(to_csv(rows), newline="")))
    assert [list(row) for row in found] == [list(row) for row in rows]
    assert float(found[0]["loss"]) == 0.1 + 0.2
    assert (found[0]["cache"], found[0]["cause"]) == ("true", "")
    assert found[1]["message"] == message


def test_a_campaign_without_trials_has_an_empty_table():
    assert json.loads(to_json(trial_rows(Story().history))) == []
    assert to_csv(trial_rows(Story().history)) == "trial\n"
