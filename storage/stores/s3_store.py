"""Objects in an S3-compatible bucket, each created by one conditional put."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

from aiohttp import ClientError as BrokenConnection
from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError, NoCredentialsError, PartialCredentialsError
from fsspec.asyn import sync
from s3fs import S3FileSystem
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from overnight.campaign.errors import LedgerError
from overnight.storage.stores.s3_session import new_session
from overnight.storage.stores.store import Object, ObjectChanged, ObjectExists, ObjectMissing

_Answer = TypeVar("_Answer")

# Seconds to wait for a store that does not answer: a wrong address should fail soon, but an outage at night should not
# end a campaign.
_PATIENCE_AT_FIRST = 10.0
_PATIENCE = 600.0
_LONGEST_PAUSE = 10.0
_NO_SUCH_KEY = ("NoSuchKey", "404")
_PASSING = ("ConditionalRequestConflict", "RequestTimeout", "Throttling", "ThrottlingException", "SlowDown")
_TOO_MANY_REQUESTS = 429
_CODES = {304: "NotModified", 412: "PreconditionFailed"}
# The libraries in between have exceptions of their own for a connection that was refused, broken or timed out.
_WITHOUT_ANSWER = (HTTPClientError, NoConnection, BrokenConnection, ConnectionError, TimeoutError)
_CREDENTIALS = (
    "They come from the same places as for the AWS tools: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile named "
    "by AWS_PROFILE, or the role of the machine."
)
_PERMISSIONS = (
    f"Check that the bucket exists, and let these credentials get, put and list objects there. {_CREDENTIALS}"
)
_REMEDIES = {
    "NoSuchBucket": "Create the bucket, or give the ledger another one.",
    "AccessDenied": _PERMISSIONS,
    "Forbidden": _PERMISSIONS,
    "InvalidAccessKeyId": f"The store does not know this access key. {_CREDENTIALS}",
    "SignatureDoesNotMatch": f"The secret does not belong to the access key. {_CREDENTIALS}",
    "ExpiredToken": f"Renew the credentials and start again: everything that was acknowledged is kept. {_CREDENTIALS}",
    "RequestTimeTooSkewed": "Correct this machine's clock.",
}


class S3Store:
    """An ObjectStore under `s3://bucket/prefix`; the prefix is empty or ends in `/`.

    Credentials, endpoint and region come from the same places as for the AWS tools (AWS_ENDPOINT_URL, AWS_PROFILE, …).
    A request without an answer is repeated, with growing pauses, for up to `patience` seconds.
    """

    def __init__(self, bucket: str, prefix: str, patience: float = _PATIENCE) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._patience = patience
        self._answered = False
        self._files = S3FileSystem(
            session=new_session(),
            # Cached listings and instances would be out of date.
            use_listings_cache=False,
            skip_instance_cache=True,
            config_kwargs={
                "connect_timeout": 5,
                "read_timeout": 20,
                # Only `_ask` may repeat a request.
                "retries": {"total_max_attempts": 1},
                # Otherwise each request puts a description of this machine together, which costs half of a signature.
                "user_agent": "overnight",
            },
        )
        self._files.retries = 1

    @property
    def location(self) -> str:
        """Return the address."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def prove(self, folder: str) -> None:
        """Create an object, list it, and check that it cannot be created again: some servers overwrite it silently."""
        key = f"{folder}.probe-{secrets.token_hex(8)}"
        self.create(key, b"first")
        try:
            self._check_listing(folder, key)
            self.create(key, b"second")
        except ObjectExists:
            return
        finally:
            # Without permission to delete, which is right for an audited bucket, the probe stays.
            with suppress(LedgerError):
                self._ask("delete", key, partial(self._call, "delete_object", Key=self._prefix + key))
        raise LedgerError(
            f"ledger `{self.location}`: expected a store that keeps an object when its key is created again "
            "(`If-None-Match: *`), found one that overwrites it. Two controllers could overwrite each other's events "
            "there. Use a store that honours the condition, or a directory."
        )

    def _check_listing(self, folder: str, key: str) -> None:
        listed = self.keys(folder)
        if key not in listed:
            instead = ", ".join(f"`{other}`" for other in listed[:3]) or "nothing"
            raise LedgerError(
                f"ledger `{self.location}`: expected a store that lists a new object under its own key, `{key}`, found "
                f"{instead}. Events written there would not be found again. Nothing but this probe was written: take a "
                "prefix of lower-case letters and digits, or another store."
            )

    def create(self, key: str, data: bytes, *, after: Object | None = None) -> None:
        """Write the object by one put, on the condition that its key is free; raises ObjectExists.

        Raises ObjectMissing or ObjectChanged if the store no longer has `after`.
        """
        try:
            self._ask("write", key, partial(self._create, key, data, after))
        except ObjectExists:
            # If the answer to an earlier try was lost, the existing object is our own.
            if self.get(key) != data:
                raise

    def replace(self, key: str, data: bytes) -> None:
        """Write the object by one put."""
        self._ask("write", key, partial(self._put, key, data))

    def get(self, key: str) -> bytes:
        """Return the object; raises ObjectMissing."""
        return self._ask("read", key, partial(self._download, key))

    def keys(self, folder: str, *, start_after: str = "") -> tuple[str, ...]:
        """Return the keys in the folder and below it that sort above `start_after`."""
        return tuple(self._walk(folder, start_after))

    def folders(self) -> tuple[str, ...]:
        """Return the parts of the keys between the prefix and the next `/`."""
        pages = self._pages(self._prefix, Delimiter="/")
        names = (
            entry["Prefix"].removeprefix(self._prefix) for page in pages for entry in page.get("CommonPrefixes", ())
        )
        return tuple(name.rstrip("/") for name in names)

    def _walk(self, folder: str, start_after: str) -> Iterator[str]:
        where = {"StartAfter": self._prefix + start_after} if start_after else {}
        for page in self._pages(self._prefix + folder, **where):
            for entry in page.get("Contents", ()):
                yield entry["Key"].removeprefix(self._prefix)

    def _pages(self, prefix: str, **where: str) -> Iterator[dict[str, Any]]:
        while True:
            list_page = partial(self._call, "list_objects_v2", Prefix=prefix, **where)
            page = self._ask("list", prefix.removeprefix(self._prefix), list_page)
            yield page
            if not page.get("IsTruncated"):
                return
            where = {**where, "ContinuationToken": page["NextContinuationToken"]}

    async def _create(self, key: str, data: bytes, after: Object | None) -> None:
        if after is not None and not await self._has(after):
            raise ObjectChanged(after.key)
        await self._put(key, data, IfNoneMatch="*")

    async def _has(self, known: Object) -> bool:
        """Return whether the store still has the object; it is downloaded only if its ETag is not the bytes' MD5."""
        tag = hashlib.md5(known.data, usedforsecurity=False).hexdigest()
        try:
            return await self._download(known.key, IfNoneMatch=f'"{tag}"') == known.data
        except OSError as problem:
            if _code(problem) == "NotModified":
                return True
            raise

    async def _put(self, key: str, data: bytes, **condition: str) -> None:
        # Unlike bytes, a bytearray is sent at once: no `Expect: 100-continue` waits for an answer first.
        await self._call("put_object", Key=self._prefix + key, Body=bytearray(data), **condition)

    async def _download(self, key: str, **condition: str) -> bytes:
        body = (await self._call("get_object", Key=self._prefix + key, **condition))["Body"]
        async with body:
            return await body.read()

    async def _call(self, operation: str, **arguments: Any) -> Any:
        return await self._files._call_s3(operation, Bucket=self._bucket, **arguments)

    def _ask(self, verb: str, key: str, request: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Return the store's answer; raises an error of `store.py`, or LedgerError with a remedy."""
        patience = self._patience if self._answered else min(self._patience, _PATIENCE_AT_FIRST)
        again = Retrying(
            retry=retry_if_exception(_may_pass),
            wait=wait_random_exponential(0.05, max=_LONGEST_PAUSE),
            stop=stop_after_delay(patience),
            reraise=True,
        )
        try:
            answer = cast(_Answer, again(sync, self._files.loop, request))
        except ObjectChanged:
            raise
        except Exception as problem:
            code = _code(problem)
            if code == "PreconditionFailed":
                raise ObjectExists(key) from None
            if code in _NO_SUCH_KEY:
                raise ObjectMissing(key) from None
            raise LedgerError(
                f"ledger: cannot {verb} `{self.location}/{key}`: {_explanation(problem, code)}"
            ) from problem
        self._answered = True
        return answer


def _answer(problem: BaseException | None) -> dict[str, Any] | None:
    """Return the store's answer from anywhere in the chain of causes; None if the store did not answer."""
    while problem is not None:
        answer = getattr(problem, "response", None)
        if isinstance(answer, dict):
            return answer
        problem = problem.__cause__
    return None


def _code(problem: BaseException) -> str | None:
    answer = _answer(problem)
    if answer is None:
        return None
    return _CODES.get(_status(answer)) or str(answer.get("Error", {}).get("Code"))


def _status(answer: dict[str, Any]) -> int:
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _may_pass(problem: BaseException) -> bool:
    """Return whether the same request may succeed later: there was no answer, or one that allows another try."""
    answer = _answer(problem)
    if answer is None:
        return isinstance(problem, _WITHOUT_ANSWER)
    return _code(problem) in _PASSING or _status(answer) == _TOO_MANY_REQUESTS or _status(answer) >= 500


def _explanation(problem: BaseException, code: str | None) -> str:
    """Return the problem with a remedy, and without the store's own text, which may quote an access key."""
    if isinstance(problem, NoCredentialsError | PartialCredentialsError):
        return f"no credentials were found. {_CREDENTIALS}"
    if code is None:
        return (
            f"the store does not answer ({type(problem).__name__}). Check its address (AWS_ENDPOINT_URL) and start "
            "again: everything that was acknowledged is kept."
        )
    kept = "Fix this and start again: everything that was acknowledged is kept."
    return f"{code}. {_REMEDIES.get(code, kept)}"
