"""A campaign with a fidelity as people and programs see it: lines, the page, tables, charts, and explanations."""

import io
import json

import pytest
from recommendations import recommendation
from rich.console import Console
from standing import finding_lines, status_lines, story_about
from thorough_campaigns import Thorough, thorough

from overnight.campaign.history.events import CampaignRevised
from overnight.campaign.history.provenance import Chosen, Knew, MadeBy, Provenance
from overnight.campaign.history.trial import Resumed
from overnight.flows.commands.live import LiveDisplay
from overnight.flows.engine.artifacts import artifacts_of
from overnight.report.explanation import explanation
from overnight.report.finding import finding_sentence, standing_sentence
from overnight.report.happenings import News
from overnight.report.html import render_report
from overnight.report.pictures.charts import Pictures
from overnight.report.pictures.trace_picture import trace_picture
from overnight.report.selection import worth_listing
from overnight.report.tables import to_csv, trial_rows
from overnight.report.trial_lines import trial_lines


def told() -> Thorough:
    """Return a campaign whose lowest loss is at a low fidelity, which is not comparable."""
    found = Thorough()
    found.run(0.1, 1, loss=0.5, generator="sobol")
    found.run(0.2, 9, loss=2.0)
    found.run(0.3, 3, loss=0.7)
    found.run(0.4, 9, loss=1.5)
    return found


def chosen(instead_of: dict[str, float]) -> Provenance:
    of = Chosen(acquisition="gain per cost", value=0.1, expected_gain=0.1, instead_of=instead_of)
    return Provenance(made_by=MadeBy(seed=1), knew=Knew(observed=4), chosen=of)


def test_only_a_result_at_full_fidelity_is_the_best():
    history = told().history
    assert history.goals.best(history.trials.values()).id == 4
    assert [trial.id for trial in history.goals.best_first(history.trials.values())] == [4, 2]
    assert "best so far at epochs = 9: loss 1.5 (trial 4)" in status_lines(history)


def test_as_long_as_none_is_at_full_fidelity_there_is_no_best():
    found = Thorough()
    found.run(0.1, 1, loss=0.5)
    lines = status_lines(found.history)
    assert "best so far: 1 result, none of them yet at epochs = 9" in lines
    assert story_about(found.history).best.measured is None


def test_the_lines_and_the_page_show_how_the_cost_was_spent():
    found = told()
    trial = found.propose(0.1, 9)
    found.start(trial, Resumed(trial=1, fidelity=1))
    found.observe(trial, 1.8, cost=8 / 9)
    spent = "by epochs, 1: 1 trial, cost 0.1111; 3: 1 trial, cost 0.3333; 9: 3 trials (1 resumed), cost 2.889"
    assert spent in status_lines(found.history)
    story = story_about(found.history)
    assert spent[0].upper() + spent[1:] in standing_sentence(story)
    page = render_report(found.history, story)
    assert "Small and pale points were measured below full fidelity" in page
    assert "<th>epochs</th>" in page


def test_programs_receive_the_fidelities_as_json():
    fidelities = json.loads(story_about(told().history).model_dump_json())["fidelities"]
    assert (fidelities["name"], fidelities["full"], fidelities["observed"]) == ("epochs", 9, 2)
    assert [(level["fidelity"], level["trials"]) for level in fidelities["levels"]] == [(1, 1), (3, 1), (9, 2)]
    plain = Thorough(thorough(fidelity=None))
    assert story_about(plain.history).fidelities is None


def test_costs_of_failed_attempts_count_for_their_fidelity():
    found = told()
    levels = story_about(found.history).fidelities.levels
    assert sum(level.cost for level in levels) == pytest.approx(story_about(found.history).spent.cost.charged)


def test_tables_have_a_column_of_the_fidelity():
    history = told().history
    assert [row["epochs"] for row in trial_rows(history)] == [1, 9, 3, 9]
    assert to_csv(trial_rows(history)).splitlines()[0].split(",")[-1] == "epochs"
    assert "epochs" in trial_lines(history)["headings"]


def test_charts_draw_lower_fidelities_small_and_never_as_the_best():
    history = told().history
    pictures = Pictures(history, None)
    best, *points = pictures.course()["data"]
    assert best["y"] == [2.0, 1.5]
    sizes = {size for trace in points for size in trace["marker"]["size"]}
    assert sizes == {5, 7}
    trace = trace_picture(history)
    assert trace is not None
    assert trace.count('r="2" opacity="0.4"') == 2


def test_a_chart_without_results_at_full_fidelity_has_no_line():
    found = Thorough()
    found.run(0.1, 1, loss=0.5)
    assert not Pictures(found.history, None).has_line
    page = render_report(found.history, story_about(found.history))
    assert "There is no line, because no trial at full fidelity is known" in page


def test_a_new_best_is_news_only_at_full_fidelity():
    found, news = told(), News()
    news.of(found.history)
    found.run(0.5, 1, loss=0.1)
    assert news.of(found.history) == []
    found.run(0.6, 9, loss=1.2)
    [best] = news.of(found.history)
    assert best.trial == 6
    assert best.facts["before"] == 1.5


def test_an_explanation_names_the_fidelity_and_why_it_was_chosen():
    found = told()
    point = found.propose(0.5, 3, provenance=chosen({"x": 0.5, "epochs": 9}))
    text = " ".join(explanation(found.history, found.history.trials[point], {}))
    assert "Trial 5: x = 0.5, epochs = 3" in text
    assert "It measures a new point at epochs = 3 of 9, because that was expected to gain most for its cost." in text


def test_an_explanation_of_a_known_point_names_the_new_one_that_was_worth_less():
    found = told()
    again = found.propose(0.3, 9, provenance=chosen({"x": 0.8, "epochs": 9}))
    found.start(again, Resumed(trial=3, fidelity=3))
    found.observe(again, 1.4)
    text = " ".join(explanation(found.history, found.history.trials[again], {}))
    assert "It measures this point again at epochs = 9, because that was expected to gain most for its cost" in text
    assert "more than a new point at any fidelity (x = 0.8)." in text
    assert "It continued from trial 3, which had reached epochs = 3." in text


def test_a_point_of_the_sequence_is_at_the_fidelity_for_which_least_was_spent():
    found = told()
    text = " ".join(explanation(found.history, found.history.trials[1], {}))
    assert "It is measured at epochs = 1 of 9, the fidelity for which least had been spent." in text


def test_long_campaigns_list_the_best_at_full_fidelity():
    assert [trial.id for trial in worth_listing(told().history, None)] == [1, 2, 3, 4]


def test_a_recommendation_below_full_fidelity_names_its_fidelity():
    found = Thorough()
    found.run(0.1, 3, loss=0.5)
    only = recommendation(trial=1, point={"x": 0.1, "epochs": 3}, mean=0.5, sd=0.1, probability_best=1.0)
    assert any("measured only at epochs = 3 of 9" in line for line in finding_lines(found.history, only))
    assert "measured only at epochs = 3 of 9" in finding_sentence(story_about(found.history, recommendation=only))
    full = recommendation(trial=1, point={"x": 0.1, "epochs": 9}, mean=0.5, sd=0.1, probability_best=1.0)
    assert not any("measured only" in line for line in finding_lines(found.history, full))


def test_the_lines_of_a_running_campaign_name_fidelities_below_the_full_one():
    found = told()
    console = Console(width=100, file=io.StringIO(), record=True)
    display = LiveDisplay(found.campaign, console)
    display.watch(found.history)
    found.run(0.5, 3, loss=0.6)
    found.run(0.6, 9, loss=0.7)
    display.watch(found.history)
    text = console.export_text()
    assert "loss 0.6 at epochs = 3 of 9  (model)" in text
    assert "loss 0.7  (model)" in text


def test_progress_is_the_share_of_the_cost_if_that_is_more_than_the_share_of_the_trials():
    found = told()
    shown = {picture.name: picture.data for picture in artifacts_of(found.history, found.now)}
    assert shown["progress"] == pytest.approx(100 * (2 + 4 / 9) / 6)
    assert "| epochs |" in str(shown["trials"]).splitlines()[0]


def test_a_confirming_trial_names_the_trials_that_measured_its_point_below_full_fidelity():
    found = told()
    knew = Provenance(made_by=MadeBy(seed=1), knew=Knew(observed=4))
    last = found.propose(0.3, 9, generator="confirming", provenance=knew)
    text = " ".join(explanation(found.history, found.history.trials[last], {}))
    assert "This point had been measured only below full fidelity, by trial 3." in text
    other = found.propose(0.7, 9, generator="confirming", provenance=knew)
    text = " ".join(explanation(found.history, found.history.trials[other], {}))
    assert "This point had not been measured before." in text


@pytest.mark.parametrize("constraints", [(), ("watts <= 9",)])
def test_without_a_result_in_the_present_space_the_reason_is_that_and_nothing_is_recommended(constraints):
    found = Thorough(thorough(constraints=constraints))
    found.run(0.9, 1, loss=0.5)
    narrow = thorough(constraints=constraints, parameters={"x": {"kind": "float", "low": 0, "high": 0.5}})
    found.add(CampaignRevised(time=found.now, actor="ada@home", revision=1, definition=narrow))
    story = story_about(found.history)
    assert finding_sentence(story) == "No result lies in the present space. Nothing is recommended."
    assert "no result lies in the present space, so nothing is recommended" in finding_lines(found.history, None)
    assert "No result lies in the present space" in render_report(found.history, story)
