import importlib
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.peers import PEERS, Peer, PeerDied, PeerFailure, PeerIsNotInstalled, PeerProcess, Question
from benchmarks.peers.registry import FOLDER
from benchmarks.peers.space_question import SpaceQuestion
from benchmarks.quality.campaign_run import run_campaign
from benchmarks.quality.cells import CELLS
from benchmarks.quality.peer_contestant import PeerContestant
from benchmarks.quality.problems import GARDNER1

X = [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
Y = [1.0, -1.0, 0.0]
PENDING = [[0.7, 0.8], [0.9, 1.0]]
KNOWN = Question(2, X, Y, PENDING)
COMMAND = [sys.executable, str(FOLDER / "programs" / "answer.py"), "fake_peer"]


@pytest.fixture(autouse=True)
def _the_fake_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


@pytest.fixture
def fake() -> Iterator[PeerProcess]:
    with PeerProcess(COMMAND, threads=1, limit_seconds=60) as process:
        yield process


@pytest.mark.slow
def test_a_peer_answers_and_lives_on_after_its_library_fails(fake: PeerProcess) -> None:
    asked = fake.ask(replace(KNOWN, failed=[[0.0, 0.5]], seed=1), 3)
    assert asked.points == [*PENDING, [0.0, 0.5]]
    assert asked.threads == 1
    assert 0 <= asked.seconds < 10
    assert asked.fit == {"lengthscales": [0.5, 0.5], "noise": 0.01, "mean": 0.0}
    with pytest.raises(PeerFailure, match="ValueError: no luck"):
        fake.ask(replace(KNOWN, seed=13))
    assert fake.recommend(KNOWN).indices == [1]
    assert fake.versions() == {"pytest": pytest.__version__}


@pytest.mark.slow
def test_a_peer_recommends_the_best_feasible_point_or_the_one_that_exceeds_the_limits_the_least(
    fake: PeerProcess,
) -> None:
    def recommended(a: list[float], b: list[float]) -> list[int]:
        return fake.recommend(replace(KNOWN, limited={"a": a, "b": b})).indices

    assert recommended([0.0, -1.0, -1.0], [-1.0, 0.1, 0.0]) == [2]
    assert recommended([0.2, 0.3, -9.0], [-1.0, -1.0, 0.4]) == [0]


@pytest.mark.slow
def test_a_peer_recommends_the_measured_front_of_feasible_points_with_several_objectives(fake: PeerProcess) -> None:
    def recommended(second: list[float], limited: list[float]) -> list[int]:
        told = replace(KNOWN, further=[second], worst=[2.0, 9.0], limited={"limit": limited})
        return fake.recommend(told).indices

    assert recommended([1.0, 3.0, 2.0], [0.0, 0.0, 0.0]) == [0, 1, 2]
    assert recommended([1.0, 3.0, 3.0], [0.0, 0.0, 0.0]) == [0, 1]
    assert recommended([1.0, 3.0, 3.0], [0.0, 0.1, 0.0]) == [0, 2]
    assert recommended([1.0, 3.0, 3.0], [0.3, 0.2, 0.2]) == [1]


@pytest.mark.slow
def test_a_peers_process_runs_a_campaign_under_limits(fake: PeerProcess) -> None:
    cell = replace(CELLS["gardner1-20-trials"], trials=10)
    contestant = PeerContestant(fake)
    run = run_campaign(cell, 0, contestant)
    observed = run.history.model_view().observed
    assert len(observed) == 10
    best = min((t for t in observed if GARDNER1.feasible(t.point)), key=lambda t: GARDNER1.value(t.point))
    assert contestant.recommend(run.campaign, run.history) == (best.point,)


@pytest.mark.slow
def test_a_peers_process_answers_in_the_parameters_themselves() -> None:
    question = SpaceQuestion(
        parameters={
            "learner": {"kind": "categorical", "choices": ["svm", "forest"]},
            "kernel": {"kind": "categorical", "choices": ["rbf", "poly"], "when": {"learner": "svm"}},
        },
        linear=[],
        X=[{"learner": "forest"}, {"learner": "svm", "kernel": "rbf"}],
        y=[2.0, 1.0],
        pending=[{"learner": "svm", "kernel": "poly"}],
        failed=[],
        excess={"X": [[], []], "pending": [[]], "failed": []},
    )
    with PeerProcess([*COMMAND[:-1], "fake_space_peer"], threads=1, limit_seconds=60) as process:
        assert process.ask_in_space(question, 2) == [{"learner": "svm", "kernel": "poly", "active": True}] * 2
        assert process.recommend(question).indices == [1]


@pytest.mark.slow
def test_a_peer_that_dies_says_so_with_its_last_words(fake: PeerProcess) -> None:
    with pytest.raises(PeerDied, match=r"ended with 3 .*(\n|.)*noise that a library prints"):
        fake.ask(replace(KNOWN, seed=15))


@pytest.mark.slow
def test_a_peer_that_hangs_is_killed_at_its_limit(fake: PeerProcess) -> None:
    fake.versions()
    fake.limit_seconds = 0.2
    with pytest.raises(PeerDied, match="ended with -9"):
        fake.ask(replace(KNOWN, seed=14))


def test_a_missing_environment_is_told_with_the_command_that_makes_it() -> None:
    with pytest.raises(PeerIsNotInstalled, match=r"python -m benchmarks\.peers\.install nobody"):
        Peer("nobody", "no-such-venv", ("answer.py", "fake_peer"), "nobody.txt").command()


def test_the_registry_names_the_peers_and_their_files_exist() -> None:
    assert list(PEERS) == ["botorch", "ax", "optuna-gp", "optuna-tpe", "hebo", "smac", "botorch-rust"]
    for name, peer in PEERS.items():
        assert peer.name == name
        assert (FOLDER / "programs" / peer.program[0]).is_file()
        assert (FOLDER / "programs" / f"{peer.program[1]}.py").is_file()
        assert peer.native is None or (FOLDER / "programs" / "native" / f"{peer.native}.py").is_file()


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
def test_every_requirement_is_an_exact_pin(peer: Peer) -> None:
    pins = peer.requirements_file.read_text().splitlines()
    assert pins
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9.]+", pin) for pin in pins)


def test_shares_sum_to_one_and_lead_back_to_the_numbers_that_were_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER / "programs"))
    shares = importlib.import_module("native.shares")
    raw = {"kind": "oil", "a": 0.2, "b": 0.9, "c": 1.0}
    found = shares.normalised(raw, ["a", "b", "c"])
    assert found["a"] + found["b"] + found["c"] == pytest.approx(1.0)
    assert found["a"] > found["b"] > found["c"] == 0.0
    assert shares.suggested(found, ["a", "b", "c"]) == raw
    # Shares of a point that was never suggested lead to numbers that would have given them.
    given = {"kind": "oil", "a": 0.5, "b": 0.25, "c": 0.25}
    again = shares.normalised(shares.suggested(given, ["a", "b", "c"]), ["a", "b", "c"])
    assert again == {name: value if name == "kind" else pytest.approx(value) for name, value in given.items()}
    assert shares.normalised(given, []) == given
