"""The Prefect server found in the user's settings is the one that Prefect itself would use."""

import json
from pathlib import Path

import pytest
from prefect.settings.models.root import Settings

from overnight.campaign.errors import CannotStart
from overnight.flows.commands.start.check import check
from overnight.flows.commands.start.run import run
from overnight.flows.host.named_server import NamedServer, named_server

PROFILES = """
active = "mine"
[profiles.mine]
PREFECT_API_URL = "http://127.0.0.1:1/api"
[profiles.other]
PREFECT_API_URL = "http://127.0.0.1:2/api"
[profiles.empty]
"""
PROFILE = {"home/profiles.toml": PROFILES}
DOTENV = {".env": "export PREFECT_API_URL='http://127.0.0.1:3/api' # mine\n"}
PREFECT_TOML = {"prefect.toml": '[api]\nurl = "http://127.0.0.1:4/api"\n'}
PYPROJECT = {"pyproject.toml": '[tool.prefect.api]\nurl = "http://127.0.0.1:5/api"\n'}
ELSEWHERE = {"elsewhere.toml": PROFILES.replace(":1/", ":6/")}


@pytest.fixture(autouse=True)
def nothing_named(tmp_path, monkeypatch):
    for name in ("PREFECT_API_URL", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()


@pytest.mark.parametrize(
    ("files", "environment"),
    [
        ({}, {}),
        ({}, {"PREFECT_API_URL": "http://127.0.0.1:9/api"}),
        ({}, {"prefect_api_url": "http://127.0.0.1:9/api"}),
        (PROFILE, {}),
        (PROFILE, {"PREFECT_API_URL": ""}),
        (PROFILE, {"PREFECT_PROFILE": "other"}),
        (PROFILE, {"PREFECT_PROFILE": "empty"}),
        (PROFILE, {"PREFECT_PROFILE": "unknown"}),
        (DOTENV | PREFECT_TOML | PYPROJECT | PROFILE, {}),
        (PREFECT_TOML | PYPROJECT | PROFILE, {}),
        (PYPROJECT | PROFILE, {}),
        (DOTENV, {"PREFECT_API_URL": "http://127.0.0.1:9/api"}),
        ({".env": "PREFECT_API_URL=\n"} | PROFILE, {}),
        ({"pyproject.toml": "[project]\nname = 'x'\n"} | PROFILE, {}),
        (ELSEWHERE | PROFILE, {"PREFECT_PROFILES_PATH": "elsewhere.toml"}),
        (ELSEWHERE | {".env": "PREFECT_PROFILES_PATH=elsewhere.toml\n"}, {}),
        (ELSEWHERE | {"prefect.toml": 'profiles_path = "elsewhere.toml"\n'}, {}),
        (ELSEWHERE | {"pyproject.toml": '[tool.prefect]\nprofiles_path = "elsewhere.toml"\n'}, {}),
    ],
)
def test_it_is_the_one_that_prefect_finds(tmp_path, monkeypatch, files, environment):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = named_server()
    assert (found.url if found else None) == (Settings().api.url or None)


def test_where_it_is_named_is_said_and_its_password_is_not(tmp_path):
    (tmp_path / "home/profiles.toml").write_text(PROFILES.replace("127.0.0.1:1", "ada:hidden@127.0.0.1:1"))
    assert str(named_server()) == (
        "Prefect server: http://127.0.0.1:1/api "
        f"(PREFECT_API_URL of profile `mine` in {tmp_path / 'home/profiles.toml'})"
    )


def test_settings_that_prefect_cannot_read_are_refused_by_name(tmp_path):
    Path("prefect.toml").write_text("[api\n")
    with pytest.raises(CannotStart, match=r"prefect\.toml: .* cannot be read as TOML"):
        named_server()


def test_a_profile_that_cannot_be_read_names_no_server(tmp_path):
    (tmp_path / "home/profiles.toml").write_text("[api\n")
    assert named_server() is None


def test_an_address_in_the_environment_is_named_as_that(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "https://api.prefect.cloud/api/accounts/a/workspaces/b")
    assert named_server() == NamedServer("https://api.prefect.cloud/api/accounts/a/workspaces/b", "the environment")


@pytest.mark.parametrize(
    "url",
    [
        *("htp://127.0.0.1:4200/api", "127.0.0.1:4200/api", "http://", "http:///api", "file:///etc/passwd"),
        *("http://[::1/api", "http://127.0.0.1:99999/api", "http://127.0.0.1:port/api", "http://a\x1b[31m/api"),
        "htp://me:secret@127.0.0.1/api",
    ],
)
def test_an_address_that_leads_nowhere_is_refused_at_once_without_its_password(monkeypatch, url):
    monkeypatch.setenv("PREFECT_API_URL", url)
    with pytest.raises(CannotStart, match="PREFECT_API_URL of the environment: expected the address") as refused:
        named_server()
    assert "secret" not in str(refused.value)


def test_check_refuses_a_setting_that_names_no_server_as_run_does(tmp_path, monkeypatch):
    campaign = {"name": "a", "parameters": {"x": {"kind": "float", "low": 0, "high": 1}}, "minimize": "loss"}
    campaign |= {"evaluator": {"kind": "command", "command": ["true"]}, "budget": {"trials": 1}}
    (tmp_path / "campaign.yaml").write_text(json.dumps(campaign))
    check(tmp_path / "campaign.yaml")
    monkeypatch.setenv("PREFECT_API_URL", "127.0.0.1:4200/api")
    for command in (check, run):
        with pytest.raises(CannotStart, match="PREFECT_API_URL"):
            command(tmp_path / "campaign.yaml")
