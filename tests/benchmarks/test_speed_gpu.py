"""The GPU command on the CPU: its parts at small sizes, and reports of runs that end badly."""

import json
import math

import numpy as np
import pytest
import torch

from benchmarks.speed.contestants import BOTORCH, DEFAULT_COLD, DEFAULT_WARM, MAP_COLD, MAP_WARM, Contestant
from benchmarks.speed.gpu.asks import Asks
from benchmarks.speed.gpu.batch import campaigns, refit_together
from benchmarks.speed.gpu.command import ASKS, LINES, REPORT, measure_gpu
from benchmarks.speed.gpu.equality import apart, compare_with_cpu
from benchmarks.speed.gpu.estimate import ask_seconds, estimate
from benchmarks.speed.gpu.lines import Line, at_most, read_lines
from benchmarks.speed.gpu.padded import PaddedLogPosteriors
from benchmarks.speed.gpu.parts import PARTS, Part
from benchmarks.speed.gpu.service import campaign_file, of_evaluations, of_pool, overlaps
from benchmarks.speed.gpu.setting import Setting
from benchmarks.speed.problem import Cell, problem_of
from benchmarks.speed.seat import Attempt, Seat
from overnight.bo_core.settings.acquisitions import ACQUISITIONS
from overnight.bo_core.surrogate import LogPosterior, Prior, TrainingData
from overnight.flows.definition.campaign_file import load_campaign_file

SMALL = Setting(device="cpu", sizes=(30, 40), campaigns=4, campaign_size=24, alone=2, threads=1)
CPU = torch.device("cpu")


class OtherSeat(Seat):
    """A rival that takes a second up to n = 30, and gives no answer at larger sizes."""

    def __init__(self) -> None:
        super().__init__(Contestant(BOTORCH, ()), threads=1, limit_seconds=1.0)

    def ask(self, problem):
        died = problem.cell.n > 30
        return Attempt(BOTORCH, error="ended with -9") if died else Attempt(BOTORCH, 1.0)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def of_size(n: int) -> TrainingData:
    generator = torch.Generator().manual_seed(n)
    X, y = (torch.rand(n, 3, generator=generator).double(), torch.randn(n, generator=generator).double())
    variance = torch.full_like(y, torch.nan)
    variance[: n // 2] = 0.04
    return TrainingData.of(X, y, variance)


@pytest.mark.parametrize("kernel", ["matern52", "rbf"])
def test_padding_changes_neither_a_log_posterior_nor_its_gradient(kernel):
    sets, prior = [of_size(n) for n in (5, 9, 7)], Prior(3)
    theta = prior.location + 0.3 * np.random.default_rng(0).standard_normal((3, 4))
    together = PaddedLogPosteriors(sets, kernel, prior, jitter=1e-8, device=CPU)
    values, gradients = together(theta[[2, 0]], np.array([2, 0]))
    for i, value, gradient in zip((2, 0), values, gradients, strict=True):
        alone = LogPosterior(sets[i], kernel, prior, jitter=1e-8)(theta[[i]])
        assert value == pytest.approx(alone[0][0], rel=1e-11)
        assert gradient == pytest.approx(alone[1][0], rel=1e-8, abs=1e-10)


def test_a_data_set_with_a_singular_matrix_leaves_the_others_of_the_batch_alone():
    twice, whole = of_size(6), of_size(6)
    twice.X[1], twice.known[:] = twice.X[0], -1.0
    prior = Prior(3)
    theta = np.repeat(prior.location[None], 2, axis=0)
    values, _ = PaddedLogPosteriors([twice, whole], "rbf", prior, jitter=0.0, device=CPU)(theta, np.arange(2))
    assert values[0] == -np.inf
    assert values[1] == pytest.approx(LogPosterior(whole, "rbf", prior, jitter=0.0)(theta[:1])[0][0])


def test_campaigns_refitted_together_are_as_good_as_those_fitted_alone():
    assert len({len(data.y) for data in campaigns(8, 40)}) > 1
    lines = {line.what: line for line in refit_together(SMALL)}
    judged = [line.what for line in lines.values() if line.held]
    assert "campaigns whose fit failed" in judged
    assert "log posterior of the padded batch against one campaign's, relative" in judged
    assert "worst shortfall against the fit alone, nats per observation" in judged


def test_the_device_is_compared_in_every_kind_of_number():
    lines = list(compare_with_cpu(SMALL))
    assert all(line.held for line in lines)
    said = "\n".join(line.what for line in lines)
    for kind in (
        "log posterior",
        "its gradient",
        "posterior mean",
        "posterior sd",
        "warped",
        "category",
        *ACQUISITIONS,
    ):
        assert kind in said


def test_a_difference_is_relative_to_the_largest_number_or_to_one():
    assert apart(np.array([100.0, 1.0]), np.array([100.0, 1.5])) == 0.005
    assert apart(np.array([0.1]), np.array([0.3])) == pytest.approx(0.2)
    assert not at_most("", "", apart(np.array([1.0]), np.array([math.nan])), 1e-6).held


def test_every_contestant_is_asked_at_every_size_until_one_gives_no_answer():
    asks = Asks(SMALL, OtherSeat())
    found = [attempt for n in (30, 40, 50) for attempt in asks.at(problem_of(Cell(n, 20, 8, 1), 0))]
    assert [each.contestant for each in found[:5]] == [MAP_COLD, MAP_WARM, DEFAULT_COLD, DEFAULT_WARM, BOTORCH]
    assert all(each.seconds for each in found if each.contestant != BOTORCH)
    assert [each.error for each in found if each.contestant == BOTORCH] == [
        "",
        "no answer within 60 s, the limit for a start or an ask",
        "not asked: given up on at n = 40",
    ]


def test_an_ask_that_would_take_longer_than_the_time_left_is_not_begun():
    asks = Asks(SMALL, OtherSeat())
    asks.seconds = {(name, 3): 1e9 for name in (MAP_COLD, MAP_WARM, DEFAULT_COLD, DEFAULT_WARM)}
    found = list(asks.at(problem_of(Cell(30, 20, 8, 1), 0)))
    assert [each.error[:9] for each in found[:4]] == ["not asked"] * 4


@pytest.mark.long
@pytest.mark.slow
def test_what_was_found_before_a_part_broke_or_was_killed_is_in_the_files(tmp_path):
    parts = [Part(name, f"parts_of_a_run:{name}", 1.0) for name in ("breaks", "is_killed")]
    measure_gpu(SMALL, tmp_path, 1000.0, parts)
    lines = read_lines(tmp_path / LINES)
    assert [(line.reached, line.held) for line in lines] == [
        ("cpu", None),
        ("ended early (code 1): ValueError: no luck", False),
        ("cpu", True),
        ("ended early (code -9): it printed nothing", False),
    ]
    assert "1 pass, 2 fail, 1 without a demand" in (tmp_path / REPORT).read_text()
    assert not (tmp_path / ASKS).exists()


def test_a_part_without_time_is_reported_and_not_begun(tmp_path):
    measure_gpu(SMALL, tmp_path, 1.0)
    assert read_lines(tmp_path / LINES) == [
        Line(part.name, "the whole part", "not measured: no time was left") for part in PARTS
    ]


def test_an_estimate_grows_with_the_cube_of_n_and_names_every_size():
    assert ask_seconds(20_000, 10) > 7 * (ask_seconds(10_000, 10) - ask_seconds(10, 0))
    assert all(f"| {n:,} |" in estimate(Setting()) for n in (1000, 5000, 10_000, 20_000))


@pytest.mark.parametrize("place", ["slot", "pool"])
def test_the_campaigns_that_share_a_gpu_are_valid(tmp_path, monkeypatch, place):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    path = campaign_file(tmp_path, place, "tcp://127.0.0.1:8786", "cpu")
    file = load_campaign_file(path)
    assert file.resources.gpus == 1
    assert (file.proposing.pool is None) == (place == "slot")


@pytest.mark.parametrize(
    ("second", "card", "held"), [(1.5, "0", [True, True]), (0.5, "0", [False, True]), (1.5, "1", [True, False])]
)
def test_two_evaluations_on_one_gpu_at_once_or_on_another_gpu_fail_the_report(tmp_path, second, card, held):
    log = tmp_path / "evaluations.log"
    log.write_text("".join(f"{json.dumps(each)}\n" for each in ([0.0, 1.0, "0"], [second, 2.0, card])))
    assert [line.held for line in of_evaluations(log, 2, "0")] == held
    assert not any(line.held for line in of_evaluations(tmp_path / "missing.log", 2, "0"))


def test_two_questions_answered_at_once_or_a_failed_one_fail_the_report():
    def run(began, ended, state="COMPLETED"):
        times = {"start_time": f"2026-03-01T12:00:0{began}Z", "end_time": f"2026-03-01T12:00:0{ended}Z"}
        return {**times, "state_type": state, "tags": ["gpu"]}

    def held(*runs):
        return [line.held for line in of_pool(runs)]

    assert held(run(1, 2), run(2, 3)) == [True, True, True]
    assert held(run(1, 3), run(2, 4)) == [True, True, False]
    assert held(run(1, 2), run(2, 3, "FAILED")) == [False, True, True]
    assert held() == [False, False, False]


def test_an_evaluation_that_begins_before_another_has_ended_is_noticed():
    assert overlaps([(0.0, 1.0), (1.0, 2.0), (5.0, 6.0)]) == 0
    assert overlaps([(5.0, 6.0), (0.0, 9.0), (8.0, 10.0)]) == 2
