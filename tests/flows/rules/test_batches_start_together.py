"""The arms of a batch start together, and the next batch is proposed once all of them have ended."""

from datetime import timedelta

from told_arms import NOW, ToldArms, measured

from overnight.campaign.history.events import AttemptFailed, TrialApproved, TrialProposed
from overnight.flows.rules.allowance import Allowance


def allowed(story: ToldArms, running: int = 0, later: timedelta = timedelta(hours=1)) -> Allowance:
    trials = frozenset(trial.id for trial in story.history.trials.open if trial.open_attempt is not None)
    return Allowance(
        history=story.history,
        now=NOW + later,
        in_flight=trials,
        running=running,
        willing=True,
        in_window=True,
        exhausted=False,
    )


def proposed(story: ToldArms, *parked: bool) -> None:
    """Propose a batch with an arm for each of these, which waits for approval if it is true."""
    first = story.history.next_trial
    arms = [
        TrialProposed(
            time=NOW,
            actor="c",
            trial=first + i,
            point={"size": i},
            generator="sobol" if i else "baseline",
            batch=first,
            weight=1 / len(parked),
            parked=waits,
        )
        for i, waits in enumerate(parked)
    ]
    story.history = story.history.extended(arms)


def test_a_whole_batch_is_wanted_at_the_beginning_and_starts_at_once():
    story = ToldArms()
    assert (allowed(story).unproposed, allowed(story).idle) == (3, 3)
    proposed(story, False, False, False)
    assert [trial.id for trial in allowed(story).to_start] == [1, 2, 3]
    assert allowed(story).unproposed == 0


def test_nothing_is_proposed_while_an_arm_runs():
    story = ToldArms()
    trials = story.batch((0, 0.5), (3, 0.3), (4, 0.2))
    assert allowed(story, running=3).unproposed == 0
    story.observe({trial: {"clicks": measured(1.0)} for trial in trials[:2]})
    assert allowed(story, running=1).unproposed == 0
    story.observe({trials[2]: {"clicks": measured(1.0)}})
    assert allowed(story).unproposed == 3


def test_a_batch_waits_for_the_approval_of_every_arm():
    story = ToldArms(approve="always")
    proposed(story, False, True, True)
    assert allowed(story).to_start == []
    story.history = story.history.extended([TrialApproved(time=NOW, actor="ada", trial=2, why="yes")])
    assert allowed(story).to_start == []
    story.history = story.history.extended([TrialApproved(time=NOW, actor="ada", trial=3, why="yes")])
    assert [trial.id for trial in allowed(story).to_start] == [1, 2, 3]


def test_a_batch_that_failed_is_tried_again_as_a_whole_after_its_pause():
    story = ToldArms()
    trials = story.batch((0, 0.5), (3, 0.3), (4, 0.2))
    about = {"time": NOW, "actor": "c", "attempt": 1, "cause": "infrastructure", "will_retry": True}
    story.history = story.history.extended(AttemptFailed(**about, trial=trial, message="lost") for trial in trials)
    assert allowed(story, later=timedelta(seconds=1)).to_start == []
    assert [trial.id for trial in allowed(story).to_start] == trials


def test_it_is_over_when_the_budget_pays_for_no_other_batch():
    story = ToldArms(budget={"trials": 5}, arms=3)
    trials = story.batch((0, 0.5), (3, 0.3), (4, 0.2))
    assert allowed(story, running=3).why_over is None
    story.observe({trial: {"clicks": measured(1.0)} for trial in trials})
    assert allowed(story).why_over is None
    stage = story.batch((0, 0.5), (3, 0.5), generator="ramp_up")
    story.observe({trial: {"clicks": measured(1.0)} for trial in stage})
    over = allowed(story).why_over
    assert over is not None
    assert over.because == "trials"
