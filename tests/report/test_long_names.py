"""Long names on the page: broken after underscores, and short enough for the axis that they name."""

import re

import pytest
from told_stories import Story, at, campaign_of

from overnight.report.html import render_report
from overnight.report.page.template import breakable, worded
from overnight.report.pictures.charts import Pictures
from overnight.report.story import story_of

LONG = "validation_loss_after_the_last_epoch_averaged_over_five_folds"


def test_a_page_may_break_a_name_after_its_underscores_and_shows_it_unchanged():
    history = Story(campaign_of(minimize=LONG)).tried(1, 1, 0.5).tried(2, 2, 0.25).history
    page = render_report(history, story_of(history, at(9)))
    heading = LONG.replace("_", "_<wbr>")
    assert f"<h2>The course of {heading} (minimize)</h2>" in page
    assert f"<h2>{heading} against each parameter</h2>" in page
    assert LONG in re.sub("<wbr>", "", page)


@pytest.mark.parametrize("text", ["a_b", "<b>_</b>", "no name", "__", "", LONG, f"<{LONG}>", f"ops_per_s and {LONG}"])
def test_breakable_text_is_escaped_and_only_its_long_names_can_be_broken(text: str):
    plain = str(breakable(text)).replace("<wbr>", "")
    assert plain == text.replace("<", "&lt;").replace(">", "&gt;")
    assert str(breakable(text)).count("<wbr>") == (LONG.count("_") if LONG in text else 0)


def test_a_number_stays_on_the_line_of_what_belongs_to_it():
    assert str(breakable("0.5 ± 0.1 with 95 %: no")) == "0.5\u00a0±\u00a00.1 with 95\u00a0%: no"
    assert str(breakable("(6 × timeout)")) == "(6\u00a0×\u00a0timeout)"
    assert str(breakable("default_transactions_per_s")) == "default_<wbr>transactions_<wbr>per_s"
    assert str(breakable("at 2026-11-03 21:00 UTC")) == 'at <span class="whole">2026-11-03</span> 21:00 UTC'


@pytest.mark.parametrize(("metric", "label"), [("loss", "loss"), (LONG, "validation_loss_after_the_last_…")])
def test_the_name_of_an_axis_is_shortened_to_the_room_of_a_narrow_page(metric: str, label: str):
    history = Story(campaign_of(minimize=metric)).tried(1, 1, 0.5).tried(2, 2, 0.25).history
    layout = Pictures(history, None).course()["layout"]
    assert layout["yaxis"]["title"]["text"] == label


def test_a_number_after_a_word_from_right_to_left_stays_after_it():
    assert str(breakable("best: שגיאה 0.5")) == "best: <bdi>שגיאה</bdi> 0.5"
    assert str(breakable("loss 0.5")) == "loss 0.5"


def test_a_command_between_backticks_is_code_and_its_text_is_escaped():
    assert str(worded("next: `overnight run <x>`")) == "next: <code>overnight run &lt;x&gt;</code>"
    assert str(worded("a ` alone")) == "a ` alone"
