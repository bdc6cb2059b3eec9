"""The keys of an HTTP evaluator in a campaign file, and what `overnight check` refuses."""

import socket
from datetime import timedelta

import pytest

from overnight.campaign.errors import InvalidDefinition
from overnight.evaluators import HttpEvaluator
from overnight.flows.definition.campaign_file import CampaignFile, read_campaign

URL = "https://lab.example/evaluations"
FILE = {
    "name": "small",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "budget": {"trials": 4},
}
AB_TEST = {"kind": "ab_test", "arms": 2, "baseline": {"x": 0.5}, "traffic": {"per_batch": 100}}


def read(evaluator: object = None, **changes: object) -> CampaignFile:
    return read_campaign({**FILE, "evaluator": {"url": URL} if evaluator is None else evaluator, **changes})


def refusal(*args: object, **changes: object) -> str:
    with pytest.raises(InvalidDefinition) as refused:
        read(*args, **changes)
    return str(refused.value)


async def refused_by_check(file: CampaignFile) -> str:
    with pytest.raises(InvalidDefinition) as refused:
        await file.check()
    return str(refused.value)


def test_an_evaluator_with_an_address_is_an_http_evaluator_and_is_polled():
    file = read({"url": URL, "poll": "30s", "time_limit": "6h"})
    assert isinstance(file.evaluator, HttpEvaluator)
    assert file.polling is not None
    assert (file.polling.every, file.polling.at_most) == (timedelta(seconds=30), timedelta(hours=6))
    assert file.evaluator.described() == URL


async def test_nothing_is_sent_by_the_check():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        await read({"url": f"http://127.0.0.1:{server.getsockname()[1]}/evaluations"}).check()
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("lab.example/evaluations", "got 'lab.example/evaluations'"),
        ("ftp://lab.example/", "got 'ftp://lab.example/'"),
        ("file:///etc/passwd", "got 'file:///etc/passwd'"),
        ("https://", "got 'https://'"),
        ("https://lab.example:99999/", "cannot be read"),
        ("https://[::1/", "cannot be read"),
        ("https://lab.example/a b", "got 'https://lab.example/a b'"),
        ("https://lab.example/#part", "got 'https://lab.example/#part'"),
        ("https://lab.example/\nHost: other", "got"),
    ],
)
def test_an_address_that_is_none_is_refused(url, words):
    found = refusal({"url": url})
    assert "evaluator.url" in found
    assert "expected an address such as https://lab.example/evaluations" in found
    assert words in found


@pytest.mark.parametrize("user", ["ada:hunter2", "hunter2", ":hunter2", "ada:hunter2:x"])
def test_an_address_with_a_password_is_refused_without_showing_it(user):
    found = refusal({"url": f"https://{user}@lab.example/"})
    assert "use `token`, which is never recorded" in found
    assert "hunter2" not in found


def test_a_token_is_the_name_of_a_variable():
    assert "evaluator.token" in refusal({"url": URL, "token": "sk-live-123"})


async def test_a_token_must_be_set_and_must_not_be_part_of_a_name(monkeypatch):
    monkeypatch.delenv("LAB_TOKEN", raising=False)
    file = read({"url": URL, "token": "LAB_TOKEN"})
    assert "`LAB_TOKEN` to hold the token, found it unset" in await refused_by_check(file)
    monkeypatch.setenv("LAB_TOKEN", "loss")
    assert "the value of `LAB_TOKEN` is part of the metric `loss`" in await refused_by_check(file)
    monkeypatch.setenv("LAB_TOKEN", "a-long-secret")
    await file.check()
    assert "a-long-secret" not in str(file.settings()) + file.model_dump_json()
    assert file.settings()["evaluator"]["token"] == "LAB_TOKEN"


async def test_an_evaluation_at_a_server_need_not_fit_into_a_window():
    file = read({"url": URL, "time_limit": "6h"}, window="22:00–23:00 Europe/Berlin")
    assert file.evaluator.time_limit == timedelta(hours=6)
    assert read(window="22:00–23:00 Europe/Berlin").evaluator.time_limit == timedelta(days=1)


def test_the_server_is_the_place_where_evaluations_run():
    found = refusal(run_on={"kind": "pool", "pool": "gpus"})
    assert "expected here with `evaluator.kind: http`, whose server runs the evaluations" in found


async def test_the_arms_of_an_ab_test_are_not_sent():
    assert "`evaluator.kind`: expected a command or a function in an A/B test" in await refused_by_check(
        read(**AB_TEST)
    )
