"""Receipts are kept one per line, by several concurrent writers, and each of their signatures is checked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from event_samples import NOON

from overnight.campaign.errors import LedgerError
from overnight.storage import Receipt, add_receipt, read_receipts, signed
from overnight.storage.proofs.signing import PrivateKey, read_private_key, read_public_key

RECEIPT = Receipt(ledger="s3://bücket/“bread”", segment=3, events=7, hash="ab" * 32, time=NOON)
SIGNER = PrivateKey(Ed25519PrivateKey.generate())
OTHER = PrivateKey(Ed25519PrivateKey.generate())


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "receipts.jsonl"


def pem(private, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def public_pem(private) -> bytes:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_what_is_added_is_read_again_one_a_line(kept):
    assert read_receipts(kept).kept == ()
    add_receipt(kept, RECEIPT)
    add_receipt(kept, signed(RECEIPT, SIGNER))
    assert len(kept.read_bytes().splitlines()) == 2
    found = read_receipts(kept)
    assert (found.kept, found.torn) == ((RECEIPT, signed(RECEIPT, SIGNER)), ())


def test_receipts_from_before_there_were_signatures_are_read(kept):
    kept.write_text(
        '{"ledger":"/srv/ledger/bread","segment":3,"events":7,"hash":"'
        + "ab" * 32
        + f'","time":"{NOON.isoformat()}"}}\n'
    )
    [receipt] = read_receipts(kept).kept
    assert receipt == RECEIPT.model_copy(update={"ledger": "/srv/ledger/bread"})


@pytest.mark.parametrize("other", [b"{}", b"not a receipt", b"\xff\xfe", b"\0\0\0", b'{"ledger": }'])
def test_a_line_that_is_no_receipt_is_named(kept, other):
    kept.write_bytes(RECEIPT.line() + b"\n\n" + other + b"\n" + RECEIPT.line())
    with pytest.raises(LedgerError, match=rf"receipts `{kept}`, line 3: expected a receipt"):
        read_receipts(kept)


def test_a_line_that_a_writer_was_interrupted_in_says_nothing_and_harms_no_other(kept):
    whole = RECEIPT.line()
    for length in range(1, len(whole)):
        kept.write_bytes(whole + b"\n" + whole[:length])
        assert read_receipts(kept).kept == (RECEIPT,)
        add_receipt(kept, signed(RECEIPT, SIGNER))
        found = read_receipts(kept)
        assert (found.kept, found.torn) == ((RECEIPT, signed(RECEIPT, SIGNER)), (2,))


def test_a_whole_line_counts_whether_it_was_ended_or_not(kept):
    kept.write_bytes(RECEIPT.line())
    assert read_receipts(kept).kept == (RECEIPT,)
    add_receipt(kept, RECEIPT)
    assert read_receipts(kept).kept == (RECEIPT, RECEIPT)


def test_lines_of_processes_that_add_at_once_stay_whole(kept):
    script = (
        "import sys\nfrom pathlib import Path\nfrom overnight.storage import Receipt, add_receipt\n"
        "receipt = Receipt.model_validate_json(sys.argv[2])\nprint('ready', flush=True)\nsys.stdin.readline()\n"
        "for events in range(50):\n"
        "    add_receipt(Path(sys.argv[1]), receipt.model_copy(update={'events': events}))\n"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", script, kept, RECEIPT.model_copy(update={"segment": n}).line()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in (1, 2, 3)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    found = read_receipts(kept)
    assert found.torn == ()
    for n in (1, 2, 3):
        assert [r.events for r in found.kept if r.segment == n] == list(range(50))


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("ledger", "s3://bücket/cake"),
        ("segment", 4),
        ("events", 8),
        ("hash", "ba" * 32),
        ("time", "2026-03-01T12:00:01Z"),
        ("key", OTHER.key),
        ("signature", OTHER.sign(signed(RECEIPT, SIGNER).signed_bytes())),
    ],
    # Keys are generated in each process, so without these ids the names of the tests would differ between processes.
    ids=["ledger", "segment", "events", "hash", "time", "key", "signature"],
)
def test_each_field_of_a_signed_receipt_is_held_by_the_signature(kept, field, other):
    fields = json.loads(signed(RECEIPT, SIGNER).line())
    assert fields[field] != other
    kept.write_bytes(RECEIPT.line() + b"\n" + json.dumps({**fields, field: other}).encode())
    with pytest.raises(LedgerError, match=rf"{kept}`, line 2: expected a receipt that matches its signature"):
        read_receipts(kept)


def test_a_signature_holds_however_the_line_is_spaced_and_ordered(kept):
    fields = json.loads(signed(RECEIPT, SIGNER).line())
    kept.write_text(json.dumps(dict(reversed(fields.items())), indent=None))
    assert read_receipts(kept, SIGNER.key).kept == (signed(RECEIPT, SIGNER),)


@pytest.mark.parametrize("lost", ["key", "signature"])
def test_a_key_without_a_signature_and_a_signature_without_a_key_are_no_receipt(kept, lost):
    fields = json.loads(signed(RECEIPT, SIGNER).line())
    del fields[lost]
    kept.write_text(json.dumps(fields))
    with pytest.raises(LedgerError, match=r"line 1: expected a receipt.*`key` and `signature` together"):
        read_receipts(kept)


def test_a_key_that_lies_on_no_curve_signed_nothing(kept):
    receipt = signed(RECEIPT, SIGNER).model_copy(update={"key": "A" * 59 + "="})
    kept.write_bytes(receipt.line())
    with pytest.raises(LedgerError, match="line 1: expected a receipt that matches its signature"):
        read_receipts(kept)


def test_where_a_key_is_demanded_every_receipt_must_be_signed_by_it(kept):
    kept.write_bytes(signed(RECEIPT, SIGNER).line() + b"\n")
    assert len(read_receipts(kept, SIGNER.key).kept) == 1
    with pytest.raises(LedgerError, match=r"line 1: expected a receipt signed by the key .*, found one signed by MCow"):
        read_receipts(kept, OTHER.key)
    add_receipt(kept, RECEIPT)
    assert len(read_receipts(kept).kept) == 2
    with pytest.raises(LedgerError, match=rf"{kept}`, line 2: expected a receipt signed by .*, found one without"):
        read_receipts(kept, SIGNER.key)


def test_keys_are_read_from_their_files(tmp_path):
    private = SIGNER.private
    (tmp_path / "key.pem").write_bytes(pem(private))
    (tmp_path / "locked.pem").write_bytes(pem(private, "schlüssel".encode()))
    (tmp_path / "public.pem").write_bytes(public_pem(private))
    assert read_public_key(tmp_path / "public.pem") == SIGNER.key
    assert read_private_key(tmp_path / "key.pem", None).key == SIGNER.key
    # One password may be given for several keys, some of which have none.
    assert read_private_key(tmp_path / "key.pem", "unused").key == SIGNER.key
    assert read_private_key(tmp_path / "locked.pem", "schlüssel").key == SIGNER.key
    assert SIGNER.key in (tmp_path / "public.pem").read_text().splitlines()


@pytest.mark.parametrize(
    ("held", "password", "problem"),
    [
        (pem(SIGNER.private, b"secret"), None, "expected its password in the environment variable OVERNIGHT_KEY"),
        (pem(SIGNER.private, b"secret"), "wrong", "the password in OVERNIGHT_KEY_PASSWORD does not open it"),
        (b"no key", None, "expected an Ed25519 private key in PEM, found one that cannot be read"),
        (public_pem(SIGNER.private), None, "expected an Ed25519 private key in PEM, found one that cannot be read"),
        (
            pem(generate_private_key(SECP256R1())),
            None,
            "expected an Ed25519 private key in PEM, found a key of another",
        ),
    ],
)
def test_what_is_no_key_to_sign_with_is_refused_with_what_to_do(tmp_path, held, password, problem):
    file = tmp_path / "key.pem"
    file.write_bytes(held)
    with pytest.raises(LedgerError, match=rf"key `{file}`: {problem}"):
        read_private_key(file, password)


@pytest.mark.parametrize("held", [b"no key", pem(SIGNER.private), public_pem(generate_private_key(SECP256R1())), None])
def test_what_is_no_key_to_check_with_is_refused_with_what_to_do(tmp_path, held):
    file = tmp_path / "public.pem"
    if held is not None:
        file.write_bytes(held)
    with pytest.raises(LedgerError, match=rf"key `{file}`: "):
        read_public_key(file)
