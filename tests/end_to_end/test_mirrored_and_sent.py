"""A run that is mirrored to a tracking server and whose report is mailed; neither can stop it, nor learns a secret."""

import json
import re

import pytest
from command_line import overnight, overnight_here
from mail_server import mail_server
from tracking_server import tracking_server

CAMPAIGN = """
name: seen
parameters:
  x: {{kind: float, low: 0, high: 1}}
  mode: {{kind: categorical, choices: [slow, fast, broken]}}
minimize: loss
evaluator: {{function: "objective:evaluate", environment: [DATABASE_PASSWORD]}}
proposer: {{kind: sobol}}
budget: {{trials: 6}}
mirror: {{mlflow: "{tracker}", experiment: nights}}
send_report_to: [REPORT_MAIL]
"""
OBJECTIVE = """
import os

def evaluate(params, seed):
    if params["mode"] == "broken":
        raise ValueError("no access with " + os.environ["DATABASE_PASSWORD"])
    return {"loss": ((params["x"] - 0.3) ** 2, 0.01)}
"""
SECRET, PASSWORD = "sesame-17-opens", "sesame-18-opens"


@pytest.mark.slow
@pytest.mark.parametrize("behaviour", ["well", "hang"])
def test_a_run_is_mirrored_and_its_report_is_mailed_or_it_does_not_matter(tmp_path, server, behaviour):
    with tracking_server() as tracker, mail_server() as mails:
        tracker.behaviour = mails.behaviour = behaviour
        (tmp_path / "campaign.yaml").write_text(CAMPAIGN.format(tracker=tracker.address))
        (tmp_path / "objective.py").write_text(OBJECTIVE)
        to = f"mailto://127.0.0.1:{mails.port}/?from=o@example.com&to=ada@example.com&mode=insecure&rto=1"
        variables = server.environment | {"DATABASE_PASSWORD": SECRET, "REPORT_MAIL": f"{to}&pass={PASSWORD}"}
        ran = overnight(tmp_path, "run", "campaign.yaml", variables=variables)
        trials = json.loads(overnight_here(tmp_path, "trials", "campaign.yaml", "--format", "json").stdout)
        assert len(trials) == 6
        if behaviour == "hang":
            said = " ".join((ran.stdout + ran.stderr).split())
            assert len(re.findall("The mirror does not show everything", said)) == 1
            assert len(re.findall("The mirror is incomplete", said)) == 1
            assert len(re.findall("The report was not sent to REPORT_MAIL", said)) == 1
            tracker.behaviour = "well"
            assert "6 trials at" in overnight_here(tmp_path, "mirror", "campaign.yaml").stdout
        runs = {run["tags"]["overnight.run"]: run for run in tracker.runs.values()}
        for trial in trials:
            run = runs.pop(str(trial["trial"]))
            assert run["tags"]["overnight.status"] == trial["status"]
            written = run["metrics"].get("loss")
            assert (None if written is None else written["value"]) == trial["loss"]
        assert runs.keys() == {"campaign"}
        assert runs["campaign"]["info"]["status"] == "FINISHED"
        [page] = tracker.artifacts.values()
        assert page.startswith("<!doctype html>")
        if behaviour == "well":
            [mail] = mails.mails
            assert mail["Subject"].startswith("seen: finished")
            attached = [part.get_filename() for part in mail.walk() if part.get_filename()]
            assert attached == ["seen-report.html"]
            assert "mirror does not" not in ran.stdout + ran.stderr
    everything = json.dumps([tracker.runs, tracker.history]) + page + "".join(map(str, mails.mails))
    everything += ran.stdout + ran.stderr
    everything += "".join(path.read_bytes().decode("latin-1") for path in (tmp_path / "ledger").rglob("*.parquet"))
    assert "no access with" in json.dumps(tracker.runs)
    assert SECRET not in everything
    assert PASSWORD not in everything
