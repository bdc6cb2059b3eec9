"""Receipts signed with real keys of openssl, and checked by us, by openssl, and by the commands of the guide."""

import asyncio
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from overnight.campaign.history.events import AttemptStarted
from overnight.flows.cli import app
from overnight.storage import open_ledger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GUIDE = (Path(__file__).parents[3] / "docs" / "how-to" / "verify.md").read_text()
PASSWORD = "OVERNIGHT_KEY_PASSWORD"


def append(number: int) -> None:
    event = AttemptStarted(time=NOON, actor="writer", trial=number, attempt=1, key=str(number))
    asyncio.run(open_ledger("ledger", "bread", Path()).append([event], after=number - 1))


def verified(*options: str) -> Result:
    return CliRunner().invoke(app, ["verify", "ledger/bread", "--receipts", "bread.jsonl", *options])


def shell(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=False)


def from_the_guide(first_line: str) -> str:
    """Return the block of the guide that begins with this line."""
    [block] = [b for b in re.findall(r"```\w+\n(.*?)```", GUIDE, re.DOTALL) if b.startswith(first_line)]
    return block


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.delenv(PASSWORD, raising=False)
    append(1)
    made = shell(from_the_guide("openssl genpkey"))
    assert made.returncode == 0, made.stderr


def test_a_receipt_that_is_signed_with_a_key_of_openssl_agrees_with_its_public_half():
    assert verified("--sign", "key.pem", "--signed-by", "public.pem").exit_code == 0
    [receipt] = map(json.loads, Path("bread.jsonl").read_text().splitlines())
    assert receipt["key"] in Path("public.pem").read_text().splitlines()
    done = verified("--signed-by", "public.pem")
    assert done.exit_code == 0, done.output
    assert "1 agree up to segment 1, 1 of them signed by the demanded key" in done.output
    assert "1 of them signed by the key that each names" in verified().output


def test_openssl_and_the_lines_of_the_guide_check_what_was_signed_and_find_what_was_altered():
    for number in (2, 3):
        append(number)
        assert verified("--sign", "key.pem").exit_code == 0
    Path("check.py").write_text(from_the_guide("import base64"))
    by_python, by_openssl = f"{sys.executable} check.py", from_the_guide("tail -n 1")
    for check in (by_python, by_openssl):
        done = shell(check)
        assert done.returncode == 0, done.stdout + done.stderr
    kept = Path("bread.jsonl")
    kept.write_text(kept.read_text().replace('"segment":3', '"segment":4'))
    assert "InvalidSignature" in shell(by_python).stderr
    assert shell(by_openssl).returncode != 0
    altered = verified()
    assert altered.exit_code == 2
    assert (
        "cannot tell: receipts `bread.jsonl`, line 2: expected a receipt that matches its signature" in altered.output
    )


def test_a_key_with_a_password_gets_it_from_the_environment(monkeypatch):
    assert shell("openssl pkey -in key.pem -aes256 -passout pass:secret -out locked.pem").returncode == 0
    refused = verified("--sign", "locked.pem")
    assert refused.exit_code == 2
    assert f"expected its password in the environment variable {PASSWORD}" in refused.output
    assert not Path("bread.jsonl").exists()
    monkeypatch.setenv(PASSWORD, "secret")
    assert verified("--sign", "locked.pem").exit_code == 0
    assert verified("--signed-by", "public.pem").exit_code == 0


def test_a_receipt_that_nobody_signed_and_one_of_another_key_are_named_where_a_key_is_demanded():
    shell("openssl genpkey -algorithm ed25519 -out other.pem; openssl pkey -in other.pem -pubout -out others.pem")
    assert verified("--sign", "key.pem").exit_code == 0
    done = verified("--signed-by", "others.pem")
    assert done.exit_code == 2
    assert "receipts `bread.jsonl`, line 1: expected a receipt signed by the key" in done.output
    append(2)
    assert verified().exit_code == 0
    done = verified("--signed-by", "public.pem")
    assert done.exit_code == 2
    assert "receipts `bread.jsonl`, line 2: expected a receipt signed by the key" in done.output
    assert "found one without a signature" in done.output


def test_who_demands_a_key_and_does_not_sign_adds_nothing():
    missing = verified("--signed-by", "public.pem")
    assert missing.exit_code == 2
    assert "receipts `bread.jsonl`: expected a signed receipt, found none" in missing.output
    verified("--sign", "key.pem")
    append(2)
    done = verified("--signed-by", "public.pem")
    assert "loose: 1 segment with 1 event since 2026-03-01 12:00 UTC, after the last receipt" in done.output
    assert len(Path("bread.jsonl").read_text().splitlines()) == 1


def test_a_receipt_that_nobody_signed_is_signed_later():
    for _ in range(2):
        verified()
    for _ in range(2):
        verified("--sign", "key.pem")
    assert ["signature" in line for line in Path("bread.jsonl").read_text().splitlines()] == [False, True]


def test_keys_that_cannot_serve_are_refused_before_anything_is_read():
    shell("openssl genpkey -algorithm ed25519 -out other.pem")
    for options, problem in (
        (["--sign", "none.pem"], "key `none.pem`: cannot be read"),
        (["--sign", "public.pem"], "key `public.pem`: expected an Ed25519 private key"),
        (["--signed-by", "key.pem"], "key `key.pem`: expected an Ed25519 public key"),
        (["--sign", "other.pem", "--signed-by", "public.pem"], "expected the private half of `public.pem`"),
    ):
        done = verified(*options)
        assert done.exit_code == 2
        assert problem in done.output
        assert not Path("bread.jsonl").exists()
    for option in ("--sign", "--signed-by"):
        done = CliRunner().invoke(app, ["verify", "ledger/bread", option, "key.pem"])
        assert done.exit_code == 2
        assert f"{option}: expected --receipts FILE as well" in done.output


# Runs `overnight verify` with each of some options in a process that cannot import `cryptography`; prints their exit
# codes, their output, and whether this process had by then tried to import it.
WITHOUT = """
import json, sys
from typer.testing import CliRunner

class Blocked:
    tried = False

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "cryptography":
            Blocked.tried = True
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
from overnight.flows.cli import app
for options in json.loads(sys.argv[1]):
    done = CliRunner().invoke(app, ["verify", "ledger/bread", "--receipts", "bread.jsonl", *options])
    print(json.dumps([done.exit_code, done.output, Blocked.tried]))
"""


def without_cryptography(*several: list[str]) -> list[tuple[int, str, bool]]:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, json.dumps(several)], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_without_the_package_for_signatures_all_else_works_and_signing_says_what_to_install():
    for code, said, tried in without_cryptography([], []):
        assert (code, tried) == (0, False), said
    assert verified("--sign", "key.pem").exit_code == 0
    for code, said, _ in without_cryptography([], ["--sign", "key.pem"], ["--signed-by", "public.pem"]):
        assert code == 2
        assert "cannot tell: Signed receipts need the package `cryptography`" in said
        assert "pip install 'overnight[signing]'" in said
