"""The report is in one place, and is written again only when more has happened."""

import os

from happening_events import NOW, defined, measured

from overnight.campaign.history.events import LeaseTaken
from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.host.identity import process_started
from overnight.flows.report_file import ReportFile


def a_report(folder):
    asked = {"name": "c", "parameters": {"x": {"kind": "float", "low": 0, "high": 1}}, "minimize": "loss"}
    places = {"ledger": str(folder / "ledger"), "work": str(folder / "work")}
    file = read_campaign({**asked, **places, "evaluator": "math:sin", "budget": {"trials": 5}})
    return ReportFile(file, folder / "new")


def test_a_report_that_says_it_already_is_not_made_again(tmp_path):
    report, history = a_report(tmp_path), defined().extended(measured(1, 0.5))
    report.write(history).write_text("as it was left")
    assert report.write(history).read_text() == "as it was left"


def test_a_report_is_made_again_when_more_has_happened(tmp_path):
    report, history = a_report(tmp_path), defined().extended(measured(1, 0.5))
    report.write(history).write_text("as it was left")
    assert report.write(history.extended(measured(2, 0.25))).read_text() != "as it was left"


def test_a_report_shows_what_the_model_has_learnt_from_the_fifth_result_on(tmp_path):
    report, history = a_report(tmp_path), defined()
    for trial in range(1, 5):
        history = history.extended(measured(trial, 1.0 / trial))
    assert "What the model has learnt about loss" not in report.write(history).read_text()
    history = history.extended(measured(5, 0.2))
    assert "What the model has learnt about loss" in report.write(history).read_text()


def test_the_report_that_a_run_writes_at_its_end_does_not_call_it_running_although_an_error_left_it_open(tmp_path):
    here = {"host": os.uname().nodename, "pid": os.getpid(), "started": process_started(os.getpid())}
    held = defined().extended([LeaseTaken(time=NOW, actor="controller", epoch=1, **here), *measured(1, 0.5)])
    page = a_report(tmp_path).write(held).read_text()
    assert "Interrupted." in page
    assert "Running." not in page
