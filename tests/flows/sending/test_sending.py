"""The report is sent to the addresses in variables; a failure is reported once and shows no secret."""

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from mail_server import MailServer, mail_server

from overnight.campaign.errors import InvalidDefinition
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file, read_campaign
from overnight.flows.sending.sender import send_report

# Apprise imports a module that Python 3.13 no longer has, and replaces it there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
BODY = "<p><b>loss 1.5 at the recommended configuration (trial 2).</b></p>\n<ul><li>a|b&lt;b&gt; *d*</li></ul>\n"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "rates-report.html"
    path.write_text("<!doctype html><p>tuned</p>")
    return path


def address(server: MailServer, more: str = "") -> str:
    return f"mailto://127.0.0.1:{server.port}/?from=overnight@example.com&to=ada@example.com&mode=insecure{more}"


def test_a_mail_has_the_finding_as_its_text_and_the_page_attached(
    server: MailServer, page: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REPORT_MAIL", address(server))
    said: list[str] = []
    send_report(["REPORT_MAIL"], "rates: finished", BODY, page, said.append, 60)
    assert said == []
    [mail] = server.mails
    assert mail["Subject"] == "rates: finished"
    assert "ada@example.com" in mail["To"]
    text = "".join(
        part.get_content() for part in mail.walk() if part.get_content_type() == "text/html" and not part.get_filename()
    )
    assert "loss 1.5 at the recommended configuration (trial 2)." in text
    assert "a|b&lt;b&gt; *d*" in text
    [attached] = [part for part in mail.walk() if part.get_filename()]
    assert attached.get_filename() == "rates-report.html"
    payload = attached.get_payload(decode=True)
    assert payload == page.read_bytes()


def test_each_address_gets_the_report_and_failures_are_said_in_one_text(
    server: MailServer, page: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GOOD", address(server))
    monkeypatch.setenv("BAD", "mailto://ada:sesame-17@127.0.0.1:1/?from=o@example.com&to=a@example.com&mode=insecure")
    monkeypatch.setenv("STRANGE", "carrier-pigeon://sesame-18@home")
    said: list[str] = []
    send_report(["BAD", "GOOD", "STRANGE", "UNSET"], "rates: finished", BODY, page, said.append, 60)
    assert len(server.mails) == 1
    [text] = said
    assert all(name in text for name in ("BAD (", "STRANGE (", "UNSET (the variable is not set)"))
    assert "GOOD" not in text
    assert "sesame" not in text


def test_a_server_that_refuses_is_named_with_its_reason(
    server: MailServer, page: Path, monkeypatch: pytest.MonkeyPatch
):
    server.behaviour = "refuse"
    monkeypatch.setenv("REPORT_MAIL", address(server))
    said: list[str] = []
    send_report(["REPORT_MAIL"], "t", BODY, page, said.append, 60)
    assert server.mails == []
    assert said[0].startswith("The report was not sent to REPORT_MAIL (")


@pytest.mark.parametrize("secret", ["sesame-17", "sesame.17/more%20", "T0K3N0F17", "ab.12", "s%2Esame-17"])
def test_no_part_of_an_address_is_in_a_reason_or_a_log(
    secret: str, page: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    query = f"from=o@example.com&to=a@example.com&mode=insecure&pass={secret}"
    monkeypatch.setenv("REPORT_MAIL", f"mailto://{secret}@127.0.0.1:1/?{query}")
    said: list[str] = []
    with caplog.at_level(logging.DEBUG):
        send_report(["REPORT_MAIL"], "t", BODY, page, said.append, 60)
    assert said[0].startswith("The report was not sent to REPORT_MAIL (")
    assert secret not in said[0]
    assert [record for record in caplog.records if record.name == "apprise" and record.levelno >= logging.INFO] == []


def test_a_server_that_hangs_is_left_alone(server: MailServer, page: Path, monkeypatch: pytest.MonkeyPatch):
    server.behaviour = "hang"
    monkeypatch.setenv("REPORT_MAIL", address(server, "&rto=1&cto=1"))
    said: list[str] = []
    send_report(["REPORT_MAIL"], "t", BODY, page, said.append, 0.05)
    assert "REPORT_MAIL (no answer within 0.05 s)" in said[0]


def test_the_mail_server_of_these_tests_closes_connections_that_come_while_it_ends():
    for _ in range(20):
        with ExitStack() as clients:
            with mail_server() as server:
                server.behaviour = "hang"
                place = ("127.0.0.1", server.port)
                connected = [clients.enter_context(socket.create_connection(place, 10)) for _ in range(5)]
            for client in connected:
                # A connection that was never accepted is reset.
                with suppress(ConnectionResetError):
                    assert client.recv(1) == b""


FILE: dict[str, Any] = {
    "name": "c",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "evaluator": "math:sin",
    "budget": {"trials": 5},
}


async def test_an_unset_variable_and_an_unknown_address_are_found_before_the_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STRANGE", "carrier-pigeon://sesame-18@home")
    file = read_campaign({**FILE, "send_report_to": ["UNSET_VARIABLE", "STRANGE"]})
    with pytest.raises(InvalidDefinition) as refused:
        await file.check()
    unset, strange = refused.value.problems
    assert "`UNSET_VARIABLE` to be set" in unset
    assert "`STRANGE` to hold an address that Apprise knows" in strange
    assert "sesame" not in str(refused.value)


def test_where_reports_go_is_no_part_of_the_campaign():
    file = read_campaign({**FILE, "send_report_to": ["REPORT_MAIL"]})
    assert file.campaign == read_campaign(FILE).campaign
    assert file.settings() == read_campaign(FILE).settings()
    assert CampaignFile.model_validate(file.model_dump(mode="json")) == file


def test_an_address_in_the_file_is_refused_and_not_repeated(tmp_path: Path):
    path = tmp_path / "campaign.yaml"
    path.write_text(
        "name: c\nparameters: {x: {kind: float, low: 0, high: 1}}\nminimize: loss\nevaluator: 'math:sin'\n"
        "budget: {trials: 5}\nsend_report_to: ['mailtos://ada:sesame-17@example.com']\n"
    )
    with pytest.raises(InvalidDefinition, match="expected the name of a variable") as refused:
        load_campaign_file(path)
    assert "sesame-17" not in str(refused.value)


def test_a_refused_address_is_not_repeated(page: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CHAT", "tgram://12345:AbC.dEf/1, tgram://98765:GhI.jKl/2")
    said: list[str] = []
    send_report(["CHAT"], "t", BODY, page, said.append, 60)
    assert said[0].startswith("The report was not sent to CHAT (")
    assert not any(part in said[0] for part in ("AbC", "dEf", "GhI", "jKl"))


def test_several_addresses_in_one_variable_are_heard_alike(
    page: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("BOTH", "json://127.0.0.1:1/sesame-1, json://127.0.0.1:1/sesame-2")
    said: list[str] = []
    send_report(["BOTH"], "t", BODY, page, said.append, 60)
    assert said[0].startswith("The report was not sent to BOTH (")
    assert "sesame" not in said[0]
    assert [record for record in caplog.records if record.name == "apprise"] == []


@pytest.mark.parametrize("given", ["mailtos://ada:sesame-17@example.com", ["mailtos://ada:sesame-17@example.com"]])
def test_an_address_instead_of_a_variable_is_refused_and_not_repeated(given: object):
    with pytest.raises(InvalidDefinition, match="send_report_to") as refused:
        read_campaign({**FILE, "send_report_to": given})
    assert "sesame" not in str(refused.value)
