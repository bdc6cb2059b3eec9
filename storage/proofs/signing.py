"""Ed25519 signatures and the PEM files of their keys; the only module that needs `cryptography`."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path

from overnight.campaign.errors import LedgerError

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_der_public_key,
        load_pem_private_key,
        load_pem_public_key,
    )
except ImportError as missing:
    raise LedgerError(
        f"Signed receipts need the package `cryptography`, which cannot be imported ({missing}). Install it, or "
        "install Overnight with it: pip install 'overnight[signing]'."
    ) from missing

_NO_KEY = (ValueError, TypeError, UnsupportedAlgorithm)


@dataclass(frozen=True)
class PrivateKey:
    """An Ed25519 key for signing."""

    private: Ed25519PrivateKey

    @property
    def key(self) -> str:
        """Return the public half as in its PEM file: DER in base64."""
        return _text(self.private.public_key())

    def sign(self, data: bytes) -> str:
        """Return the signature of these bytes in base64."""
        return b64encode(self.private.sign(data)).decode()


def is_signature(key: str, signature: str, data: bytes) -> bool:
    """Return whether the private half of this public key signed these bytes."""
    try:
        public = load_der_public_key(b64decode(key))
        if not isinstance(public, Ed25519PublicKey):
            return False
        public.verify(b64decode(signature), data)
    except (*_NO_KEY, InvalidSignature):
        return False
    return True


def read_private_key(file: Path, password: str | None) -> PrivateKey:
    """Return the private key in a PEM file, which may be encrypted; raises LedgerError if it has no such key."""
    data = _read(file)
    encrypted = b"ENCRYPTED" in data
    if encrypted and password is None:
        raise LedgerError(
            f"key `{file}`: expected its password in the environment variable OVERNIGHT_KEY_PASSWORD, found it "
            "unset. Set it and start again."
        )
    try:
        private = load_pem_private_key(data, password.encode() if encrypted and password is not None else None)
    except _NO_KEY as problem:
        if encrypted:
            raise LedgerError(
                f"key `{file}`: the password in OVERNIGHT_KEY_PASSWORD does not open it ({problem}). Set the right "
                "password and start again."
            ) from None
        raise _unfit(file, "private", f"one that cannot be read ({problem})") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise _unfit(file, "private", "a key of another kind")
    return PrivateKey(private)


def read_public_key(file: Path) -> str:
    """Return the public key in a PEM file, in the form that receipts have; raises LedgerError if it has no such key."""
    try:
        public = load_pem_public_key(_read(file))
    except _NO_KEY as problem:
        raise _unfit(file, "public", f"one that cannot be read ({problem})") from None
    if not isinstance(public, Ed25519PublicKey):
        raise _unfit(file, "public", "a key of another kind")
    return _text(public)


def _text(public: Ed25519PublicKey) -> str:
    return b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        raise LedgerError(f"key `{file}`: cannot be read: {problem.strerror}. Name another file.") from None


def _unfit(file: Path, half: str, found: str) -> LedgerError:
    made = "openssl genpkey -algorithm ed25519 -out key.pem"
    made += "; openssl pkey -in key.pem -pubout -out public.pem" if half == "public" else ""
    return LedgerError(f"key `{file}`: expected an Ed25519 {half} key in PEM, found {found}. Make one: {made}")
