"""A worker finds the artifacts of the evaluation that it continues in its own work folder."""

import sys
from pathlib import Path

from overnight.campaign import EvaluationRequest
from overnight.campaign.evaluation import ResumeFrom
from overnight.evaluators import CommandEvaluator
from overnight.flows.clusters.order import Order, Pulse
from overnight.flows.clusters.worker import carry_out

READS = """
import json, os
from pathlib import Path
earlier = json.load(open(os.environ["EVAL_REQUEST"]))["resume_from"]
steps = 0.0 if earlier is None else float(Path(earlier["artifacts"][0]).read_text())
(Path(os.environ["EVAL_ARTIFACTS"]) / "steps").write_text(str(steps + 3))
print(json.dumps({"loss": steps, "artifacts": ["steps"]}))
"""


def order(folder: Path, trial: int, resume_from: ResumeFrom | None = None) -> Order:
    request = EvaluationRequest(
        campaign="night",
        trial=trial,
        attempt=1,
        key=f"night-1a2b/{trial}/1",
        parameters={"x": 0.1, "steps": 3 * trial},
        seed=1,
        expected_metrics=("loss",),
        objective="loss",
        resume_from=resume_from,
    )
    evaluator = CommandEvaluator(command=(sys.executable, "-c", READS), folder=folder)
    ledger, work = str(folder / "ledger"), "/controller/only"
    return Order(ledger=ledger, work=work, evaluator=evaluator, request=request, pulse=Pulse(beat=0.05))


async def test_a_worker_with_another_work_folder_opens_what_an_earlier_evaluation_kept_there(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "shared"))
    assert await carry_out(order(tmp_path, 1)) == "loss 0.0"
    earlier = ResumeFrom(trial=1, fidelity=3, key="night-1a2b/1/1", artifacts=("steps",))
    sent = Order.model_validate_json(order(tmp_path, 2, earlier).model_dump_json())
    assert await carry_out(sent) == "loss 3.0"
