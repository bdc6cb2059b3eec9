"""An error in showing a campaign does not keep anything from being recorded."""

import logging
from pathlib import Path

from overnight.campaign import EvaluationRequest, History
from overnight.evaluators import CommandEvaluator
from overnight.flows.controller.job import Execution
from overnight.flows.engine.campaign_flow import show_printed, watched_by


def an_execution(folder: Path) -> Execution:
    request = EvaluationRequest(
        campaign="night",
        trial=1,
        attempt=1,
        key="night-1/1/1",
        parameters={},
        seed=1,
        expected_metrics=("loss",),
        objective="loss",
    )
    return Execution(CommandEvaluator(command=("true",)), request, folder, lambda report: None, recover=False)


def test_what_an_evaluation_printed_is_logged(tmp_path, caplog):
    (tmp_path / "stdout").write_text("step 1 of 3")
    with caplog.at_level(logging.INFO):
        show_printed(an_execution(tmp_path), logging.getLogger("test"))
    assert "stdout:\nstep 1 of 3" in caplog.text


def test_what_cannot_be_read_takes_nothing_from_how_an_evaluation_ended(tmp_path, caplog):
    # A folder cannot be read as text, not even by root.
    (tmp_path / "stdout").mkdir()
    with caplog.at_level(logging.INFO):
        show_printed(an_execution(tmp_path), logging.getLogger("test"))
    assert caplog.text == ""


def test_a_terminal_that_is_gone_keeps_nobody_else_from_hearing():
    heard: list[History] = []

    def gone(history: History) -> None:
        raise OSError("no space left on device")

    watched_by(gone, heard.append)(History())
    assert heard == [History()]
