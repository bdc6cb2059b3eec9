"""The choice of observations for a recommendation when there are very many."""

import random

import torch
from told_campaigns import bowl, campaign_of, cube, history_of, observed_by, some_points
from told_fronts import front_campaign, told_front

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.model import Model
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommend import recommend
from overnight.bo_core.recommendation.decisive import decisive
from overnight.campaign import History, ModelView

SPACE = campaign_of(cube(2), baseline={"x0": 1.0, "x1": 1.0})
MANY, MOST = 400, 90


def noisy(count: int) -> History:
    luck = random.Random(3)
    points = [{"x0": 1.0, "x1": 1.0}, *some_points(SPACE, count - 1)]
    return history_of(SPACE, points, [bowl(p) + luck.gauss(0.0, 0.05) for p in points], [0.05] * count)


def kept(history: History, most: int) -> ModelView:
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        return decisive(SPACE, history.model_view(), BayesianProposer(), Encoding(SPACE.space), generator, most=most)


def test_nothing_is_left_out_where_there_are_not_too_many() -> None:
    view = noisy(40).model_view()
    generator = torch.Generator().manual_seed(0)
    assert decisive(SPACE, view, BayesianProposer(), Encoding(SPACE.space), generator) is view
    assert torch.equal(generator.get_state(), torch.Generator().manual_seed(0).get_state()), "and nothing is drawn"


def test_what_bears_on_the_best_is_kept_and_with_it_every_repetition_and_the_baseline() -> None:
    history = noisy(MANY)
    view = kept(history, MOST)
    assert len(view.observed) <= MOST + 1
    assert 1 in {trial.id for trial in view.observed}, "the baseline"
    nearest = sorted(history.trials.values(), key=lambda trial: bowl(trial.point))[:15]
    assert {trial.id for trial in nearest} <= {trial.id for trial in view.observed}
    again = history_of(SPACE, [nearest[0].point] * 3 + [t.point for t in history.trials.values()], [0.0] * (MANY + 3))
    assert {1, 2, 3} <= {trial.id for trial in kept(again, MOST).observed}


def test_a_model_of_the_part_believes_of_the_best_what_a_model_of_all_does() -> None:
    history, encoding, proposer = noisy(MANY), Encoding(SPACE.space), BayesianProposer()
    found = []
    for view in (history.model_view(), kept(history, MOST)):
        with torch.inference_mode():
            model = Model.of(observed_by(SPACE, view), proposer, torch.Generator().manual_seed(0))
            found.append(model.predicted(encoding.encode([{"x0": 0.3, "x1": 0.3}])))
    (whole, sd), (part, _) = found
    assert abs(whole - part) < 2 * sd, "within the uncertainty that is left"
    best = recommend(SPACE, history, proposer)
    assert best is not None
    assert bowl(best.point) < 0.02


def test_with_several_objectives_what_bears_on_any_part_of_the_front_is_kept() -> None:
    campaign = front_campaign(noise="known", constraints=["heat <= 0.5"])
    luck, points = random.Random(5), some_points(campaign, MANY)
    # The true front is at x1 = 0.5; all of it would be beaten by what is hotter.
    results = [
        {
            "size": 10 * p["x0"] + luck.gauss(0, 0.1),
            "speed": 10 * p["x0"] + 20 * p["x1"] + luck.gauss(0, 0.1),
            "heat": p["x1"],
        }
        for p in points
    ]
    history, generator = told_front(campaign, points, results, 0.1), torch.Generator().manual_seed(0)
    view = history.model_view()
    with torch.inference_mode():
        part = decisive(campaign, view, BayesianProposer(), Encoding(campaign.space), generator, most=MOST)
    assert len(part.observed) == MOST
    found = recommend(campaign, history)
    assert found is not None
    assert len(found.front) > 5
    assert {each.trial for each in found.front} <= {trial.id for trial in part.observed}
