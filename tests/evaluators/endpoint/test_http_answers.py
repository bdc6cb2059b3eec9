"""Each answer of an HTTP server has one meaning for an evaluation, and a hostile server cannot do harm."""

import gzip
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from scripted_server import Says, ScriptedServer

from overnight.campaign.evaluation import (
    EvaluationAnswer,
    EvaluationFailed,
    EvaluationOngoing,
    EvaluationRequest,
    EvaluationSucceeded,
)
from overnight.evaluators import HttpEvaluator

KEY = "night-ab12/1/1-c0ffee"
SECRET = "hunter2-correct-horse"
BOMB = gzip.compress(bytes(1 << 24), mtime=0)
TOO_LARGE = json.dumps({"log": "x" * (1 << 20)}).encode()
ASKED_FOR = f"Idempotency-Key: {KEY}"


@pytest.fixture(autouse=True)
def _token(monkeypatch):
    monkeypatch.setenv("LAB_TOKEN", SECRET)


def request(**changes) -> EvaluationRequest:
    plain = {"campaign": "night", "trial": 1, "attempt": 1, "key": KEY, "parameters": {"x": 0.5}, "seed": 7}
    asked = {"expected_metrics": ("loss",), "objective": "loss", "deadline": datetime.now(UTC)}
    return EvaluationRequest.model_validate(plain | asked | changes)


def look(handle: str, **changes) -> EvaluationRequest:
    return request(key=f"{KEY}/look-1-ab", handle=handle, look=1, **changes)


def evaluator(server: ScriptedServer, **changes) -> HttpEvaluator:
    settings = {"url": f"{server.url}/evaluations", "token": "LAB_TOKEN", "answer_within": 5.0}
    return HttpEvaluator.model_validate(settings | changes)


async def answer_to(asked: EvaluationRequest, server: ScriptedServer, **changes) -> EvaluationAnswer:
    return await evaluator(server, **changes).evaluate(asked, Path(), lambda heard: None)


async def start(*answers, **changes) -> EvaluationAnswer:
    with ScriptedServer(*answers) as server:
        return await answer_to(request(), server, **changes)


async def looked(*answers, **changes) -> EvaluationAnswer:
    with ScriptedServer(*answers) as server:
        return await answer_to(look(f"{server.url}/evaluations/17"), server, **changes)


async def test_a_start_sends_the_request_the_key_and_the_token():
    with ScriptedServer(Says(200, {"loss": 1})) as server:
        await answer_to(request(), server)
        [asked] = server.asked
    assert (asked.method, asked.path) == ("POST", "/evaluations")
    assert asked.headers["idempotency-key"] == KEY
    assert asked.headers["authorization"] == f"Bearer {SECRET}"
    expected = request().model_dump(mode="json", exclude_none=True)
    assert asked.json == {
        name: expected[name] for name in expected.keys() - {"deadline", "handle", "look", "cancel", "arms"}
    }


async def test_every_start_of_an_attempt_sends_the_same_bytes():
    with ScriptedServer(Says(200, {"loss": 1})) as server:
        await answer_to(request(), server)
        later = request(deadline=datetime.now(UTC) + timedelta(days=1))
        await evaluator(server).recover(later, Path(), lambda heard: None)
        await answer_to(look(ASKED_FOR), server)
        first, *others = server.asked
    assert [(a.method, a.path, a.body, a.headers) for a in others] == [
        ("POST", first.path, first.body, first.headers)
    ] * 2


@pytest.mark.parametrize(
    ("body", "mean", "sem"),
    [
        (0.25, 0.25, None),
        ([0.25, 0.1], 0.25, 0.1),
        ({"loss": 0.25}, 0.25, None),
        ({"metrics": {"loss": {"mean": 0.25, "sem": 0}}, "cost": 2}, 0.25, 0),
        ({"status": "ok", "metrics": {"loss": 0.25}, "attempt_key": KEY}, 0.25, None),
    ],
)
@pytest.mark.parametrize("status", [200, 201])
async def test_a_result_has_the_forms_of_a_command_or_a_function(body, mean, sem, status):
    for answer in (await start(Says(status, body)), await looked(Says(status, body))):
        assert isinstance(answer, EvaluationSucceeded)
        assert (answer.metrics["loss"].mean, answer.metrics["loss"].sem) == (mean, sem)


# The answer to a start: status, body, headers, and the path at which the evaluation is then looked at.
RUNNING = [
    (202, b"", {"Location": "/evaluations/17"}, "/evaluations/17"),
    (202, {"poll": "evaluations/17"}, {}, "/evaluations/17"),
    (202, b"<p>Accepted</p>", {"Location": "/evaluations/17"}, "/evaluations/17"),
    (202, TOO_LARGE, {"Location": "/evaluations/17"}, "/evaluations/17"),
    (201, b"", {"Location": "/e/17?part=1"}, "/e/17?part=1"),
    (200, {"status": "running", "poll": "/e/17"}, {}, "/e/17"),
]


@pytest.mark.parametrize(("status", "body", "headers", "path"), RUNNING)
async def test_an_evaluation_that_has_begun_is_found_again_by_its_address(status, body, headers, path):
    with ScriptedServer(Says(status, body, headers)) as server:
        answer = await answer_to(request(), server)
        assert answer == EvaluationOngoing(handle=f"{server.url}{path}")


async def test_an_evaluation_runs_however_large_the_answer_is_that_says_so():
    with ScriptedServer(Says(202, TOO_LARGE)) as server:
        handle = f"{server.url}/evaluations/17"
        assert await answer_to(look(handle), server) == EvaluationOngoing(handle=handle)


async def test_a_look_that_finds_it_running_may_report_metrics_and_a_cost():
    body = {"step": 3, "metrics": {"loss": 0.5}, "cost": 2, "again_in": "2m"}
    with ScriptedServer(Says(202, body)) as server:
        handle = f"{server.url}/evaluations/17"
        answer = await answer_to(look(handle), server)
        assert (server.asked[0].method, server.asked[0].path) == ("GET", "/evaluations/17")
    assert isinstance(answer, EvaluationOngoing)
    assert (answer.handle, answer.step, answer.cost, answer.again_in) == (handle, 3, 2.0, 120.0)
    assert answer.metrics["loss"].mean == 0.5


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("7", 7.0), ("0", 1.0), ("9" * 400, 999999999.0), ("soon", None), ("-5", None), ("1e9", None), ("²", None)],
)
async def test_retry_after_is_the_pause_until_the_next_look(written, seconds):
    # The header is sent in Latin-1.
    running = await looked(Says(202, {}, {"Retry-After": written}))
    assert isinstance(running, EvaluationOngoing)
    assert running.again_in == seconds
    busy = await start(Says(503, "busy", {"Retry-After": written}))
    if seconds is None:
        assert isinstance(busy, EvaluationFailed)
        assert busy.cause == "infrastructure"
    else:
        assert busy == EvaluationOngoing(handle=ASKED_FOR, again_in=seconds)


async def test_retry_after_may_be_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    answer = await looked(Says(202, {}, {"Retry-After": later}))
    assert isinstance(answer, EvaluationOngoing)
    assert answer.again_in == pytest.approx(3600, abs=10)
    past = await looked(Says(202, {}, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}))
    assert isinstance(past, EvaluationOngoing)
    assert past.again_in == 1.0


FULL = {"status": "infeasible", "message": "too hot", "metrics": {"loss": 9}, "cost": 1}
# The answer, the cause of the failure, and words of its message.
FAILURES = [
    (200, FULL, "infeasible", "too hot"),
    (200, {"status": "failed", "message": "the oven is broken"}, "configuration", "the oven is broken"),
    (200, {"loss": "high"}, "invalid_result", "expected a finite number"),
    (200, b'{"loss": NaN}', "invalid_result", "expected a finite number"),
    (200, b'{"loss": 1e999}', "invalid_result", "expected a finite number"),
    (200, b'{"loss": ' + b"9" * 5000 + b"}", "invalid_result", "expected a finite number"),
    (200, {"gain": 1}, "invalid_result", "expected the metric `loss`, found `gain`"),
    (200, "fine", "invalid_result", "expected the result to be a JSON object"),
    (200, None, "invalid_result", "expected the result to be a JSON object"),
    (200, {"status": "done", "loss": 1}, "invalid_result", "`status`"),
    (200, b'"' + b"x" * (1 << 20) + b'"', "invalid_result", "at most 1048576 bytes"),
    (422, FULL, "infeasible", "422 (Unprocessable"),
    (422, {"detail": [{"loc": ["x"], "msg": "too large"}]}, "configuration", "too large"),
    (400, {"error": "x is unknown"}, "configuration", "400 (Bad Request): x is unknown"),
    (400, b"x is unknown", "configuration", "x is unknown"),
    (418, b"", "configuration", "418"),
    (500, b"<html><h1>Oops</h1>", "infrastructure", "500 (Internal Server Error): <html><h1>Oops</h1>"),
    (503, {"message": "busy"}, "infrastructure", "busy"),
    (408, b"", "infrastructure", "408"),
    (409, b"", "infrastructure", "409"),
    (429, b"", "infrastructure", "429"),
    (200, b"<html>Please log in</html>", "infrastructure", "Please log in"),
    (200, b'{"loss": 0.', "infrastructure", "not"),
    (200, b"", "infrastructure", "expected JSON"),
    (204, b"", "infrastructure", "expected JSON"),
    (200, b"\xff\xfe\x00", "infrastructure", "expected JSON"),
    (200, b"[" * 100_000, "infrastructure", "nested too deeply"),
    (200, {"loss": 1, "attempt_key": "another"}, "infrastructure", "another"),
    (500, gzip.compress(b"oops", mtime=0), "infrastructure", "500"),
]


@pytest.mark.parametrize(("status", "body", "cause", "words"), FAILURES)
async def test_a_bad_answer_is_a_failure_of_the_trial_or_of_the_infrastructure(status, body, cause, words):
    for answer in (await start(Says(status, body)), await looked(Says(status, body))):
        assert isinstance(answer, EvaluationFailed)
        assert answer.cause == cause
        assert words in answer.message
        assert answer.stop is None
        assert len(answer.message) <= 2000
        if body == FULL:
            assert (answer.metrics["loss"].mean, answer.cost) == (9, 1)


async def test_a_start_that_may_have_begun_is_asked_for_again_under_its_key():
    answer = await start(Says(500))
    assert isinstance(answer, EvaluationFailed)
    assert answer.handle == ASKED_FOR


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Says(401, {"detail": "unknown token"}), "Check the token in the environment variable `LAB_TOKEN`"),
        (Says(403), "Check the token in the environment variable `LAB_TOKEN`"),
        (Says(404, b"<html>Not here</html>"), "Check `evaluator.url`"),
        (Says(405), "Check `evaluator.url`"),
        (Says(302, headers={"Location": "https://elsewhere.example/e"}), "redirects to https://elsewhere.example/e"),
        (Says(307, headers={"Location": "//elsewhere.example/e"}), "redirects to http://elsewhere.example/e"),
        (Says(304), "Check `evaluator.url`"),
    ],
)
async def test_a_mistake_of_the_campaign_stops_it_and_blames_no_trial(answer, words):
    began = await start(answer)
    assert isinstance(began, EvaluationFailed)
    assert began.cause == "cancelled"
    assert began.stop is not None
    assert words in began.stop
    assert "run the campaign again: no trial has failed" in began.stop
    assert "\n" not in began.stop


async def test_an_evaluation_that_may_run_is_left_to_the_next_run_if_the_campaign_has_to_stop():
    with ScriptedServer(Says(401)) as server:
        handle = f"{server.url}/evaluations/17"
        found = [
            await answer_to(look(handle), server),
            await answer_to(look(ASKED_FOR), server),
            await evaluator(server).recover(request(), Path(), lambda heard: None),
        ]
    assert all(isinstance(answer, EvaluationOngoing) and answer.stop for answer in found)
    assert [answer.handle for answer in found if answer] == [handle, ASKED_FOR, ASKED_FOR]


async def test_without_a_token_a_refusal_asks_for_one():
    answer = await start(Says(401), token=None)
    assert isinstance(answer, EvaluationFailed)
    assert "Set `evaluator.token`" in (answer.stop or "")


async def test_an_evaluation_that_the_server_has_lost_is_started_again_under_the_same_key():
    with ScriptedServer(Says(404), Says(202, {"poll": "/evaluations/18"})) as server:
        answer = await answer_to(look(f"{server.url}/evaluations/17"), server)
        assert answer == EvaluationOngoing(handle=f"{server.url}/evaluations/18")
        assert [(asked.method, asked.headers["idempotency-key"]) for asked in server.asked] == [
            ("GET", KEY),
            ("POST", KEY),
        ]


async def test_a_redirect_on_the_same_server_is_followed():
    moved = Says(307, headers={"Location": "/evaluations/"})
    with ScriptedServer(moved, Says(200, 0.5)) as server:
        assert isinstance(await answer_to(request(), server), EvaluationSucceeded)
        assert [asked.path for asked in server.asked] == ["/evaluations", "/evaluations/"]
        assert server.asked[0].body == server.asked[1].body
    with ScriptedServer(Says(303, headers={"Location": "/results/1"}), Says(200, 0.5)) as server:
        assert isinstance(await answer_to(look(f"{server.url}/evaluations/17"), server), EvaluationSucceeded)
        assert [(asked.method, asked.path) for asked in server.asked] == [
            ("GET", "/evaluations/17"),
            ("GET", "/results/1"),
        ]


async def test_redirects_in_a_circle_end():
    answer = await start(Says(307, headers={"Location": "/evaluations"}))
    assert isinstance(answer, EvaluationFailed)
    assert "redirected the request more than 5 times" in answer.message


@pytest.mark.parametrize("status", [202, 302, 307, 308])
@pytest.mark.parametrize("host", ["127.0.0.1", "user@127.0.0.1", "localhost"])
async def test_no_other_server_is_ever_asked(status, host):
    with ScriptedServer(Says(200, 0.5)) as other:
        address = other.url.replace("127.0.0.1", host) + "/e"
        with ScriptedServer(Says(status, {}, {"Location": address})) as server:
            begun = await answer_to(request(), server)
            seen = await answer_to(look(f"{server.url}/evaluations/17"), server)
            foreign = await answer_to(look(address), server)
            ended = await answer_to(look(address, cancel=True), server)
        assert other.asked == []
    assert isinstance(begun, EvaluationFailed)
    assert isinstance(seen, EvaluationFailed if status == 202 else EvaluationOngoing)
    assert isinstance(foreign, EvaluationOngoing)
    assert "`evaluator.url`" in (foreign.stop or "")
    assert isinstance(ended, EvaluationFailed)
    assert ended.cause == "configuration"


@pytest.mark.parametrize("written", [{"Location": "http://[::1"}, {"Location": "http://a:b:c/"}, {}])
async def test_an_address_that_cannot_be_read_is_a_failure(written):
    answer = await start(Says(202, {}, written))
    assert isinstance(answer, EvaluationFailed)
    assert answer.cause in ("infrastructure", "invalid_result")


def drips(handler) -> None:
    """Send the head of an answer, and a space now and then until the client is gone."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.02)
    except OSError:
        pass


def silent(handler) -> None:
    """Answer nothing until the client is gone."""
    handler.connection.recv(1)


def torn(handler) -> None:
    """Promise more than is sent."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"loss": 1')


def no_http(handler) -> None:
    handler.wfile.write(b"220 smtp.example ready\r\n")


def endless(handler) -> None:
    """Send without end."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" " * 65536)
    except OSError:
        pass


def compressed(handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(BOMB)))
    handler.end_headers()
    handler.wfile.write(BOMB)


@pytest.mark.parametrize(
    ("hostile", "cause", "words"),
    [
        (drips, "infrastructure", "no complete answer within 0.3s"),
        (silent, "infrastructure", "no complete answer within 0.3s"),
        (torn, "infrastructure", "RemoteProtocolError"),
        (no_http, "infrastructure", "RemoteProtocolError"),
        (lambda handler: None, "infrastructure", "RemoteProtocolError"),
        (compressed, "infrastructure", "encoded its answer as 'gzip'"),
        (endless, "invalid_result", "at most 1048576 bytes"),
    ],
)
async def test_an_answer_that_never_ends_or_breaks_off_is_a_failure(hostile, cause, words):
    limit = 0.3 if hostile in (drips, silent) else 20.0
    for answer in (await start(hostile, answer_within=limit), await looked(hostile, answer_within=limit)):
        assert isinstance(answer, EvaluationFailed)
        assert answer.cause == cause
        assert words in answer.message


async def test_a_refused_connection_is_a_failure_of_the_infrastructure():
    with ScriptedServer(Says()) as gone:
        pass
    answer = await answer_to(request(), gone)
    assert isinstance(answer, EvaluationFailed)
    assert (answer.cause, answer.handle) == ("infrastructure", ASKED_FOR)
    assert "gave no usable answer: ConnectError" in answer.message


@pytest.mark.parametrize(
    ("ended", "cause"),
    [
        (Says(204), "invalid_result"),
        (Says(202, {"status": "running"}), "invalid_result"),
        (Says(200, {"detail": "cancelled"}), "invalid_result"),
        (Says(404), "invalid_result"),
        (Says(409), "invalid_result"),
        (Says(503), "infrastructure"),
        (silent, "infrastructure"),
        (Says(401), "configuration"),
        (Says(405), "configuration"),
    ],
)
async def test_an_evaluation_is_ended_by_a_delete_of_its_address(ended, cause):
    with ScriptedServer(ended) as server:
        patience = 1.0 if ended is silent else 30.0
        answer = await answer_to(look(f"{server.url}/evaluations/17", cancel=True), server, answer_within=patience)
        assert [(asked.method, asked.path) for asked in server.asked] == [("DELETE", "/evaluations/17")]
    assert isinstance(answer, EvaluationFailed)
    assert answer.cause == cause


async def test_the_result_of_an_evaluation_that_had_ended_counts():
    with ScriptedServer(Says(200, 0.5)) as server:
        answer = await answer_to(look(f"{server.url}/evaluations/17", cancel=True), server)
    assert isinstance(answer, EvaluationSucceeded)


@pytest.mark.parametrize(
    ("answers", "methods", "cause"),
    [
        ([Says(202, {"poll": "/e/1"}), Says(204)], ["POST", "DELETE"], "invalid_result"),
        ([Says(422)], ["POST"], "invalid_result"),
        ([Says(503)], ["POST"], "infrastructure"),
        ([Says(503, headers={"Retry-After": "1"})], ["POST"], "infrastructure"),
        ([Says(401)], ["POST"], "configuration"),
    ],
)
async def test_an_evaluation_whose_start_was_not_confirmed_is_asked_for_and_ended(answers, methods, cause):
    with ScriptedServer(*answers) as server:
        answer = await answer_to(look(ASKED_FOR, cancel=True), server)
        assert [asked.method for asked in server.asked] == methods
    assert isinstance(answer, EvaluationFailed)
    assert answer.cause == cause


ECHO = f"it is {SECRET}"


@pytest.mark.parametrize(
    "answer",
    [
        Says(200, {"loss": 1, "metadata": {"header": ECHO, SECRET: 1}, "artifacts": [ECHO], SECRET: 2}),
        Says(200, {"loss": ECHO}),
        Says(200, {"status": ECHO}),
        Says(200, {"status": "failed", "message": ECHO, "metrics": {SECRET: 1}}),
        Says(200, ECHO.encode()),
        Says(202, {"poll": f"/evaluations/{SECRET}"}),
        Says(202, {"poll": f"http://{SECRET}.example/"}),
        Says(202, {"poll": "/evaluations/1", "metrics": {SECRET: 1}}),
        Says(307, headers={"Location": f"https://elsewhere.example/{SECRET}"}),
        Says(401, {"detail": ECHO}),
        Says(422, {"detail": {"authorization": [ECHO]}}),
        Says(422, {"message": "x" * 490 + SECRET}),
        Says(500, ECHO.encode()),
        Says(500, headers={"Content-Encoding": SECRET}),
        Says(200, {"loss": 1, "attempt_key": ECHO}),
    ],
)
async def test_a_secret_that_the_server_echoes_is_never_recorded(answer):
    for found in (await start(answer), await looked(answer)):
        text = found.model_dump_json()
        assert SECRET not in text
        assert SECRET[:12] not in text


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "found it unset"), ("", "found it empty"), ("two words", "a space, a line break"), ("ü", "not ASCII")],
)
async def test_a_token_that_cannot_be_sent_stops_the_campaign_and_is_not_shown(value, words, monkeypatch):
    monkeypatch.delenv("LAB_TOKEN") if value is None else monkeypatch.setenv("LAB_TOKEN", value)
    with ScriptedServer(Says(200, 1)) as server:
        answer = await answer_to(request(), server)
        assert server.asked == []
    assert isinstance(answer, EvaluationFailed)
    assert words in (answer.stop or "")
    assert not value or value not in json.dumps(answer.model_dump(mode="json"))
