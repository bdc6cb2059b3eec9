"""The example that tunes a network learns, stops trainings, and names those that diverge."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from overnight import AskTell, Infeasible

EXAMPLE = Path(__file__).parents[2] / "examples" / "hyperparameters_mlp"


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(EXAMPLE)
    module, threads = import_module("network"), torch.get_num_threads()
    monkeypatch.setattr(module, "EPOCHS", 3)
    yield module
    torch.set_num_threads(threads)


def definition(folder: Path) -> Path:
    text = (EXAMPLE / "campaign.yaml").read_text()
    for old, new in {
        "trials: 60": "trials: 4",
        "after_step: 3": "after_step: 1",
        "after_trials: 6": "after_trials: 4",
    }.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "campaign.yaml").write_text(text)
    return folder / "campaign.yaml"


@pytest.mark.slow
def test_the_example_reports_each_epoch_and_its_loss_falls(network, tmp_path):
    campaign = AskTell(definition(tmp_path))
    trial = campaign.ask()
    heard = list[tuple[int, dict[str, Any]]]()

    def report(epoch: int, metrics: dict[str, Any]) -> None:
        heard.append((epoch, metrics))
        assert campaign.report(trial, epoch, metrics) is None

    result = network.evaluate(dict(trial.point), 1, report)
    campaign.tell(trial, result)
    assert [epoch for epoch, _ in heard] == [1, 2, 3]
    losses = [metrics["log_loss"]["mean"] for _, metrics in heard]
    assert losses == sorted(losses, reverse=True)
    assert result == heard[-1][1]
    # 64 pixels, 100 units and 10 digits, each unit and each digit with a constant.
    assert result["weights"] == 65 * 100 + 101 * 10
    assert campaign.recommend() is not None


@pytest.mark.slow
def test_the_same_seed_gives_the_same_loss_whichever_the_optimizer(network):
    common = {"depth": 2, "width": 8, "dropout": 0.1, "weight_decay": 1e-6, "batch": 64, "label_smoothing": 0.1}
    for own in (
        {"optimizer": "adam", "learning_rate": 0.01},
        {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.1},
    ):
        losses = {network.evaluate(common | own, 3, lambda epoch, metrics: None)["log_loss"]["mean"] for _ in range(2)}
        assert len(losses) == 1


@pytest.mark.slow
def test_a_training_that_diverges_is_infeasible(network):
    wild = {"depth": 3, "width": 64, "dropout": 0.0, "optimizer": "sgd", "momentum": 0.99, "learning_rate": 1e6}
    wild |= {"weight_decay": 0.1, "batch": 16, "label_smoothing": 0.0}
    with pytest.raises(Infeasible, match="diverged in epoch 1"):
        network.evaluate(wild, 1, lambda epoch, metrics: None)


def test_the_network_of_each_fold_learns_as_it_would_alone(network):
    params = {"depth": 2, "width": 5, "dropout": 0.0, "optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.5}
    params |= {"weight_decay": 0.01, "batch": 64, "label_smoothing": 0.1}
    drawn = torch.Generator().manual_seed(1)
    X, y = torch.rand(60, 64, generator=drawn), torch.randint(10, (60,), generator=drawn)
    folds = torch.randperm(60, generator=drawn).split(20)
    together = network.Networks(params)
    alone = [_sequential(together.layers, number) for number in range(3)]
    for _ in range(2):
        together.learn(X, y, folds)
    for model, fold in zip(alone, folds, strict=True):
        loss = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9, weight_decay=0.01)
        for _ in range(2):
            optimizer.zero_grad()
            loss(model(X[fold]), y[fold]).backward()
            optimizer.step()
    for number, model in enumerate(alone):
        assert torch.allclose(together.of_one(number, X), model(X), atol=1e-5)


def _sequential(layers: Any, number: int) -> torch.nn.Sequential:
    """Return the network of one fold, of PyTorch's own layers."""
    made = list[torch.nn.Module]()
    for weights, bias in layers:
        linear = torch.nn.Linear(weights.shape[1], weights.shape[2])
        linear.load_state_dict({"weight": weights[number].detach().T.clone(), "bias": bias[number, 0].detach().clone()})
        made += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*made[:-1])
