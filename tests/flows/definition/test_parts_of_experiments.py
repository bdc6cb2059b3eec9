import pytest
from told_experiments import QUICK, Told, experiment

from overnight.bo_core.settings.surrogates import GpytorchSurrogate
from overnight.campaign.errors import CannotPropose
from overnight.evaluators import SimulatedEvaluator
from overnight.flows.definition.parts import part_problems

MODEL = GpytorchSurrogate(kind="gpytorch", model="mine:model")
OWN_MODEL = QUICK.model_copy(update={"surrogate": MODEL, "outliers": "believe"})
DOUBTING = QUICK.model_copy(update={"outliers": "doubt"})


@pytest.mark.parametrize(
    ("proposer", "where", "text"),
    [
        (OWN_MODEL, ("proposer", "surrogate"), "expected exact in an A/B test, whose model knows that batches drift"),
        (DOUBTING, ("proposer", "outliers"), "expected believe in an A/B test, whose results are means over many"),
    ],
)
def test_settings_that_know_no_batches_are_refused_in_an_ab_test_alone(proposer, where, text):
    evaluator = SimulatedEvaluator.model_validate({"kind": "simulated", "function": "branin"})
    [problem] = part_problems(experiment(), evaluator, proposer)
    assert problem.where == where
    assert problem.text.startswith(text)
    plain = experiment().model_dump(exclude={"kind", "arms", "traffic"})
    assert part_problems(type(experiment()).model_validate(plain), evaluator, proposer) == []


def test_a_model_of_ones_own_is_refused_when_it_is_asked_as_well():
    told = Told(experiment())
    told.run(1, 1.0)
    told.proposer = OWN_MODEL
    with pytest.raises(CannotPropose, match=r"`proposer.surrogate`: expected `exact` in an A/B test"):
        told.next()
