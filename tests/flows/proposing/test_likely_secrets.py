"""The variables of the environment that are hidden in the records of a proposer's failures."""

import pytest

from overnight.evaluators.secrets.environment import Redaction
from overnight.flows.proposing.likely_secrets import likely_secrets


@pytest.mark.parametrize(
    "name",
    [
        *("DBPASSWORD", "TOKEN", "apikey", "HUB_TOKEN", "PGPASSWORD", "MYSQL_PWD", "SSHKEY", "AWS_SECRET_ACCESS_KEY"),
        *("clientSecret", "ACCESSTOKEN", "PASSPHRASE", "HTTPAUTH", "SENTRY_DSN", "AZURE_CONNECTION_STRING", "MYKEY2"),
        *("slackWebhook", "DB_PASS", "GITHUBTOKENS", "AWSCREDENTIALS"),
    ],
)
def test_a_name_that_looks_secret_is_known_with_and_without_underscores(name):
    assert likely_secrets({name: "hunter-two"}) == {name: "hunter-two"}


@pytest.mark.parametrize(
    "value", ["4f9a0c1b2d3e4f5a6b7c", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "correct-horse-7-battery"]
)
def test_a_value_that_looks_like_a_key_is_hidden_whatever_its_name(value):
    assert likely_secrets({"WANDB": value}) == {"WANDB": value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("PWD", "/home/ada/night"),
            ("OLDPWD", "/home"),
            ("HOME", "/home/ada01"),
            ("PATH", "/usr/bin:/opt/py311/bin"),
        ),
        *(("TOKENIZERS_PARALLELISM", "false"), ("XAUTHORITY", "/run/user/1000/x"), ("USER", "ada"), ("KEYBOARD", "us")),
        *(("CUDA_VISIBLE_DEVICES", "0,1"), ("STAGE", "production"), ("DEBUG_TOKEN", "true"), ("LANG", "C.UTF-8")),
        ("PYTHONPATH", "src/lib2/python311"),
    ],
)
def test_what_messages_are_made_of_is_not_hidden(name, value):
    message = f"expected a campaign, found {value} in {name}"
    assert Redaction(likely_secrets({name: value})).text(message) == message


def test_the_password_of_an_address_is_hidden_also_without_the_address():
    hidden = Redaction(likely_secrets({"DATABASE": "postgres://ada:p%40ss4711@db:5432/night"}))
    assert hidden.text("cannot log in: postgres://ada:p%40ss4711@db:5432/night") == "cannot log in: [DATABASE]"
    assert hidden.text("cannot log in with p@ss4711") == "cannot log in with [DATABASE, password]"
