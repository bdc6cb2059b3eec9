"""Receipts: states of a ledger, one a line in a file outside it, by which truncation or forgery is detected later."""

import errno
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from overnight.campaign.errors import LedgerError


class Signer(Protocol):
    """A signer of receipts, with the public key by which its signatures are checked."""

    @property
    def key(self) -> str:
        """Return the public key as in its PEM file: DER in base64."""
        ...

    def sign(self, data: bytes) -> str:
        """Return the signature of these bytes in base64."""
        ...


class Receipt(BaseModel):
    """The hash of segment `segment` of a ledger at this time, which vouches for all earlier segments.

    `signature` signs the bytes of `said()` with the private half of the Ed25519 key `key`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger: str
    segment: int = Field(ge=1)
    events: int = Field(ge=0)
    hash: str = Field(pattern="^[0-9a-f]{64}$")
    time: datetime
    key: Annotated[str | None, Field(pattern="^[A-Za-z0-9+/]{59}=$")] = None
    signature: Annotated[str | None, Field(pattern="^[A-Za-z0-9+/]{86}==$")] = None

    @model_validator(mode="after")
    def _whole(self) -> "Receipt":
        if (self.key is None) != (self.signature is None):
            raise ValueError("expected `key` and `signature` together or neither")
        return self

    def signed_bytes(self) -> bytes:
        """Return the bytes that are signed: the other fields as JSON, in the order of their names, without spaces."""
        fields = self.model_dump(mode="json", exclude={"signature"}, exclude_none=True)
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    def line(self) -> bytes:
        """Return the receipt as a line of the file: the signed bytes, with the signature as the last field."""
        if self.signature is None:
            return self.signed_bytes()
        return self.signed_bytes()[:-1] + f',"signature":"{self.signature}"}}'.encode()


class Receipts(BaseModel):
    """The receipts in a file, and the numbers of the lines in which a writer was interrupted."""

    model_config = ConfigDict(frozen=True)

    kept: tuple[Receipt, ...] = ()
    torn: tuple[int, ...] = ()


def signed(receipt: Receipt, signer: Signer) -> Receipt:
    """Return the receipt with the signer's key and signature."""
    by = receipt.model_copy(update={"key": signer.key, "signature": None})
    return by.model_copy(update={"signature": signer.sign(by.signed_bytes())})


def read_receipts(file: Path, signed_by: str | None = None) -> Receipts:
    """Return the receipts in a file with one JSON object a line; empty if there is no file.

    Every signature is checked; with `signed_by`, each receipt must be signed by this public key. Raises LedgerError
    with the number of the first bad line, or if the file cannot be read.
    """
    if file.exists() and not file.is_file():
        raise LedgerError(f"receipts `{file}`: expected a file, found something else. Name another one.")
    try:
        lines = file.read_bytes().split(b"\n")
    except FileNotFoundError:
        return Receipts()
    except OSError as problem:
        raise LedgerError(
            f"receipts `{file}`: cannot be read: {problem.strerror}. Restore the file, or name another."
        ) from None
    numbered = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    torn = tuple(number for number, line in numbered if _is_torn(line))
    kept = (_receipt(f"receipts `{file}`, line {n}", line, signed_by) for n, line in numbered if n not in torn)
    return Receipts(kept=tuple(kept), torn=torn)


def add_receipt(file: Path, receipt: Receipt) -> None:
    """Add a line to the file and return when it is on the disk; raises LedgerError if it cannot be written.

    Several processes may add lines at once: each line is one write to the current end of the file.
    """
    try:
        with file.open("ab+", buffering=0) as lines:
            whole = lines.tell() == 0 or os.pread(lines.fileno(), 1, lines.tell() - 1) == b"\n"
            data = (b"" if whole else b"\n") + receipt.line() + b"\n"
            if lines.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(lines.fileno())
    except OSError as problem:
        raise LedgerError(
            f"receipts `{file}`: cannot be written: {problem.strerror}. Create its folder, let this user write there, "
            "or name another file."
        ) from problem


def _is_torn(line: bytes) -> bool:
    """Return whether this is only the beginning of a receipt, whose last byte would close the object."""
    return line.startswith(b"{") and not line.endswith(b"}")


def _receipt(where: str, line: bytes, signed_by: str | None) -> Receipt:
    try:
        receipt = Receipt.model_validate_json(line)
    except ValidationError as problem:
        raise LedgerError(
            f"{where}: expected a receipt as `overnight verify --receipts` writes it, found something else "
            f"({problem.errors()[0]['msg']}). Restore the file, or name another one."
        ) from None
    if receipt.key and receipt.signature and not _check()(receipt.key, receipt.signature, receipt.signed_bytes()):
        raise LedgerError(
            f"{where}: expected a receipt that matches its signature, found one that does not. The line was altered "
            "after it was signed, or was never signed with that key: restore the file from a copy."
        )
    if signed_by is not None and receipt.key != signed_by:
        found = f"one signed by {receipt.key}" if receipt.key else "one without a signature"
        raise LedgerError(
            f"{where}: expected a receipt signed by the key {signed_by}, found {found}. Remove the line if you do "
            "not trust it, or name the key that signed it."
        )
    return receipt


def _check() -> Callable[[str, str, bytes], bool]:
    # The library is needed for signed receipts only.
    from overnight.storage.proofs.signing import is_signature

    return is_signature
