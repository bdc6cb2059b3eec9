"""The people that may look at the dashboard or act on it; foreign pages, hosts and tokens achieve nothing."""

from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from dashboards import TOKEN, Served, append, dashboard
from told_stories import Story

from overnight.campaign.errors import CannotStart
from overnight.flows.dashboard.entry.access import access_for, is_loopback


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    append(tmp_path, "rates", Story().tried(1, 1, 0.5).parked(2, 3, "it is far").events)
    return tmp_path


@pytest.fixture
def served(ledger: Path) -> Iterator[Served]:
    with dashboard(ledger) as running:
        yield running


@pytest.fixture
def remote(ledger: Path) -> Iterator[Served]:
    """Yield a dashboard that other machines can reach."""
    with dashboard(ledger, host="0.0.0.0") as running:
        yield running


def test_everybody_on_this_machine_may_look_and_nobody_may_act_without_the_token(served: Served):
    assert served.client.get("/campaigns/rates").status_code == 200
    answer = served.client.post("/logout", headers={"Origin": served.address})
    assert answer.status_code == 401


def test_from_elsewhere_even_looking_needs_the_token(remote: Served):
    for path in ("/", "/parts/list", "/feed", "/campaigns/rates", "/campaigns/rates/parts/trials", "/nothing"):
        assert remote.client.get(path).status_code == 401, path
    assert remote.client.get("/", headers={"Accept": "text/html"}).headers["location"] == "/login"
    assert remote.client.get("/login").status_code == 200
    with remote.logged_in() as client:
        assert client.get("/campaigns/rates/parts/trials").status_code == 200
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert remote.client.get("/parts/list", headers=bearer).status_code == 200


def test_a_wrong_token_is_refused_and_the_cookie_does_not_hold_the_token(served: Served):
    wrong = served.client.post("/login", json={"token": f"{TOKEN}x"}, headers={"Origin": served.address})
    assert wrong.status_code == 403
    assert "set-cookie" not in wrong.headers
    right = served.client.post("/login", json={"token": TOKEN}, headers={"Origin": served.address})
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    served.client.cookies.clear()
    for authorization in ("Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", "Bearer \xe9"):
        headers = [(b"Authorization", authorization.encode("latin-1"))]
        assert served.client.post("/logout", headers=headers).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ],
)
def test_a_page_of_another_origin_cannot_act_even_with_the_cookie(served: Served, headers: dict[str, str]):
    with served.logged_in() as client:
        assert client.post("/logout").status_code == 200
        del client.headers["Origin"]
        client.cookies.clear()
    with served.logged_in() as client:
        if "Sec-Fetch-Site" not in headers:
            del client.headers["Origin"]
        assert client.post("/logout", headers=headers).status_code == 403


def test_a_page_of_another_origin_cannot_even_ask_but_a_person_may_follow_a_link(served: Served):
    for site in ("cross-site", "same-site"):
        background = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
        assert served.client.get("/campaigns/rates/parts/verification", headers=background).status_code == 403
        assert served.client.get("/", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}).status_code == 200
    assert served.client.get("/parts/list", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost@evil"])
def test_another_host_name_is_refused_because_it_may_be_rebound(served: Served, host: str):
    for path in ("/", "/login", "/static/dashboard.js", "/parts/list"):
        assert served.client.get(path, headers={"Host": host}).status_code == 421


def test_localhost_under_any_port_is_this_machine_as_through_a_tunnel(served: Served):
    for host in ("localhost", "localhost:9", "127.0.0.1", "[::1]:80", "LOCALHOST"):
        assert served.client.get("/login", headers={"Host": host}).status_code == 200


def test_every_answer_forbids_frames_foreign_scripts_and_guesses_about_types(served: Served):
    for path in ("/", "/login", "/static/dashboard.js", "/parts/list", "/nothing", "/feed?x"):
        with served.client.stream("GET", path) as answer:
            policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        # Only the empty style of an element is allowed, and no script.
        assert [word for word in policy.split() if "unsafe" in word] == ["'unsafe-hashes'"]
        assert "style-src-attr 'unsafe-hashes' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='" in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_no_page_has_inline_scripts_or_styles_or_names_another_server(served: Served):
    for path in ("/", "/login", "/campaigns/rates", "/campaigns/rates/trials", "/campaigns/rates/audit"):
        text = served.client.get(path).text
        assert "<style" not in text
        assert "style=" not in text
        assert "//" not in text.replace("<!doctype html>", "")
        assert text.count("<script") == text.count('<script src="/static/') > 0


def test_a_script_that_the_browser_has_is_not_sent_again(served: Served):
    first = served.client.get("/static/plotly.js")
    again = served.client.get("/static/plotly.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_the_token_is_never_part_of_an_address_even_if_the_script_has_not_been_loaded(served: Served):
    assert '<form id="login" method="post"' in served.client.get("/login").text


def test_a_body_without_an_end_or_of_megabytes_is_refused(served: Served):
    with served.logged_in() as client:
        assert client.post("/logout", content=iter([b"x"])).status_code == 413
        assert client.post("/logout", content=b"x" * (1 << 21)).status_code == 413


def test_a_body_in_chunks_is_refused_whatever_length_it_claims(served: Served):
    place = urlsplit(served.address)
    assert place.hostname is not None
    connection = HTTPConnection(place.hostname, place.port, timeout=30)
    claimed = {"Origin": served.address, "Content-Length": "1", "Transfer-Encoding": "chunked"}
    connection.request("POST", "/login", body=b"1\r\nx\r\n0\r\n\r\n", headers=claimed)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_chosen_token_has_to_be_long_and_a_made_one_is_never_the_same():
    with pytest.raises(CannotStart, match="at least 16 characters, found 5"):
        access_for("127.0.0.1", 1, "short")
    made = {access_for("127.0.0.1", 1, None).token for _ in range(9)}
    assert len(made) == 9
    assert all(len(token) >= 32 for token in made)
    assert TOKEN not in repr(access_for("127.0.0.1", 1, TOKEN))


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *((host, True) for host in ("127.0.0.1", "127.8.0.1", "::1", "localhost")),
        *((host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "example.org", "")),
    ],
)
def test_only_loopback_addresses_are_local(host: str, local: bool):
    assert is_loopback(host) is local
