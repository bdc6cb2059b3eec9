"""News of the front while a campaign with several objectives runs."""

from front_stories import ROWS, several
from told_stories import Story

from overnight.campaign import History
from overnight.report.happenings import Happening, News


def news_of(story: Story, start: int = 0) -> list[Happening]:
    """Return the news of each event of a campaign after the first ones."""
    begun = next(i for i, event in enumerate(story.events) if event.kind == "trial_proposed") + start
    history, news, heard = History.from_events(story.events[:begun]), News(), list[Happening]()
    assert news.of(history) == []
    for event in story.events[begun:]:
        history = history.extended([event])
        heard += news.of(history)
    return heard


def test_each_trial_that_joins_the_front_is_news_with_the_size_of_the_front():
    heard = news_of(several([*ROWS, {"kb": 90.0, "vmaf": 93.0}]))
    assert [(happening.kind, happening.trial) for happening in heard] == [
        ("campaign.joined-front", trial) for trial in (1, 2, 3, 4, 6)
    ]
    assert heard[0].text == "rates: trial 1 joined the front (kb 300, vmaf 90); it holds 1 configuration"
    assert heard[-1].text == "rates: trial 6 joined the front (kb 90, vmaf 93); it holds 2 configurations"
    assert heard[-1].facts["front"] == [4, 6]
    assert heard[-1].facts["left"] == [2, 3]
    assert heard[-1].facts["metrics"] == {"kb": 90, "vmaf": 93}


def test_a_trial_that_is_beaten_or_infeasible_is_no_news():
    assert [happening.trial for happening in news_of(several(constraints=["kb <= 250"]))] == [2, 3]


def test_what_was_on_the_front_before_this_controller_is_no_news():
    story = several()
    assert [happening.trial for happening in news_of(story, start=9)] == [4]


def test_several_trials_of_one_append_are_one_piece_of_news():
    story, news = several(), News()
    begun = next(i for i, event in enumerate(story.events) if event.kind == "trial_proposed")
    history = History.from_events(story.events[:begun])
    news.of(history)
    [heard] = news.of(history.extended(story.events[begun:]))
    assert heard.text == "rates: trials 2–4 joined the front; it holds 3 configurations"


def test_the_end_names_the_size_of_the_front_and_no_single_best():
    heard = news_of(several().finished(30))
    assert heard[-1].text == "rates: finished: budget spent; 3 configurations on the front"
    assert heard[-1].facts["front"] == [2, 3, 4]
    assert heard[-1].facts["best_trial"] is None
