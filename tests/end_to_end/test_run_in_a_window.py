from datetime import UTC, datetime, timedelta

import pytest
from command_line import OBJECTIVE, overnight, overnight_here

CAMPAIGN = """
name: night
parameters:
  x: {{kind: float, low: 0, high: 1}}
  mode: {{kind: fixed, value: fast}}
minimize: loss
evaluator: {{function: "objective:evaluate", time_limit: 5m}}
proposer: {{kind: sobol}}
budget: {{trials: 2, evaluations: 9, cost: 100}}
window: {opens:%H:%M}–{shuts:%H:%M} UTC
"""


@pytest.mark.slow
def test_outside_of_its_window_a_campaign_ends_at_once_unless_somebody_cannot_wait(tmp_path, server):
    opens = datetime.now(UTC) + timedelta(hours=6)
    written = CAMPAIGN.format(opens=opens, shuts=opens + timedelta(hours=1))
    (tmp_path / "campaign.yaml").write_text(written)
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    checked = overnight_here(tmp_path, "check", "campaign.yaml").stdout
    assert f"opens {opens:%a %Y-%m-%d %H:%M} UTC" in checked

    outside = overnight(tmp_path, "run", "campaign.yaml").stdout
    assert f"outside the window {opens:%H:%M}–" in outside
    assert f"it opens {opens:%a %Y-%m-%d %H:%M} UTC (at any time: overnight run --now campaign.yaml)" in outside
    assert not [name for name in ("ledger", "work", "night-report.html") if (tmp_path / name).exists()]

    now = overnight(tmp_path, "run", "--now", "campaign.yaml", variables=server.environment).stdout
    assert "finished: all 2 trials of the budget have been tried" in now
    status = overnight_here(tmp_path, "status", "campaign.yaml").stdout
    assert "evaluations: 2 of 9" in status
