"""One call of a server about one evaluation: start it, look at it, or end it."""

from dataclasses import dataclass

from overnight.campaign.evaluation import (
    EvaluationAnswer,
    EvaluationFailed,
    EvaluationOngoing,
    EvaluationRequest,
    EvaluationSucceeded,
)
from overnight.evaluators.endpoint.exchange import Answer, NoAnswer, exchange, is_same_server
from overnight.evaluators.endpoint.meaning import GONE, Meaning, Server
from overnight.evaluators.secrets.environment import Redaction

# The fields of a request that belong to the evaluation. They are the same whenever the request is sent again; others,
# such as the deadline, belong to one call of a process.
_SENT = {
    "campaign",
    "trial",
    "attempt",
    "key",
    "parameters",
    "seed",
    "expected_metrics",
    "optional_metrics",
    "objective",
    "resume_from",
}
_CONFLICT = 409


def asked_for(key: str) -> str:
    """Return the handle of an evaluation whose start was not confirmed: it is asked for again under the same key."""
    return f"Idempotency-Key: {key}"


@dataclass(frozen=True)
class Talk:
    """One call about the evaluation of a request, which the handle in the request names once it has begun.

    `recovers`: another controller may have started it, although the request has no handle.
    """

    server: Server
    request: EvaluationRequest
    recovers: bool = False

    @property
    def key(self) -> str:
        """Return the key of the attempt; that of a look has a further part."""
        return self.request.key if self.request.handle is None else self.request.key.rpartition("/")[0]

    @property
    def handle(self) -> str:
        """Return the handle in the request, or the one under which the evaluation is asked for."""
        return self.request.handle or asked_for(self.key)

    async def answer(self) -> EvaluationAnswer:
        """Return what the server answers; a bad answer is a failure, and never raised."""
        redaction = Redaction(self.server.secrets())
        meaning = Meaning(self.request, self.key, self.server, redaction)
        if (problem := self.server.token_problem()) is not None:
            return self._stopped(problem)
        try:
            if self.request.cancel:
                return await self._end(meaning)
            if self.handle == asked_for(self.key):
                return await self._start(meaning)
            return await self._look(meaning)
        except NoAnswer as problem:
            why = redaction.text(f"the server at {self.server.url} gave no usable answer: {problem}")
            return EvaluationFailed(cause="infrastructure", message=why[:1000], handle=self.handle)

    async def _start(self, meaning: Meaning) -> EvaluationAnswer:
        sent = self.request.model_copy(update={"key": self.key})
        content = sent.model_dump_json(include=_SENT, exclude_none=True).encode()
        found = await self._send("POST", self.server.url, content)
        if (why := meaning.stop(found)) is not None:
            return self._stopped(why)
        return meaning.of(found, self.handle)

    async def _look(self, meaning: Meaning) -> EvaluationAnswer:
        if not is_same_server(self.handle, self.server.url):
            return self._stopped(
                f"`evaluator.url`: expected the server of the evaluation {self.handle}, which is still running, found "
                f"{self.server.url}. Set the address back until it has ended."
            )
        found = await self._send("GET", self.handle)
        if found.status in GONE:
            # A server that has lost an evaluation starts it again; one that only seems to have lost it does not.
            return await self._start(meaning)
        if (why := meaning.stop(found)) is not None:
            return self._stopped(f"{why} The evaluation {self.handle} continues, and the next run looks at it again.")
        return meaning.of(found, self.handle)

    async def _end(self, meaning: Meaning) -> EvaluationAnswer:
        """End the evaluation; without its address, ask for that first. A result that it has by now counts."""
        address = self.handle
        if address == asked_for(self.key):
            begun = await self._start(meaning)
            if isinstance(begun, EvaluationSucceeded) or begun.stop is not None:
                return begun
            if begun.handle is None:
                return _ended("it never began")
            if begun.handle == address:
                return EvaluationFailed(cause="infrastructure", message="the server has not started it yet")
            address = begun.handle
        if not is_same_server(address, self.server.url):
            return EvaluationFailed(cause="configuration", message=f"`evaluator.url` is now {self.server.url}")
        found = await self._send("DELETE", address)
        if found.status in (*GONE, _CONFLICT):
            return _ended("it had ended")
        if not 200 <= found.status < 300:
            return EvaluationFailed(cause=meaning.cause(found), message=meaning.words(found))
        try:
            last = meaning.of(found, address)
        except NoAnswer:
            return _ended("it was ended")
        return last if isinstance(last, EvaluationSucceeded) else _ended("it was ended")

    async def _send(self, method: str, url: str, content: bytes | None = None) -> Answer:
        headers = {"Idempotency-Key": self.key}
        headers |= {} if content is None else {"Content-Type": "application/json"}
        # The address is always one of the server of `evaluator.url`, so no other one receives the token.
        for token in self.server.secrets().values():
            headers["Authorization"] = f"Bearer {token}"
        return await exchange(method, url, headers, content, self.server.answer_within.total_seconds())

    def _stopped(self, why: str) -> EvaluationAnswer:
        """Return the answer that stops the campaign; an evaluation that may have begun is left to the next run."""
        if self.request.cancel:
            return EvaluationFailed(cause="configuration", message=why, stop=why)
        if self.request.handle is None and not self.recovers:
            return EvaluationFailed(cause="cancelled", message=why, cost=0.0, stop=why)
        return EvaluationOngoing(handle=self.handle, stop=why)


def _ended(how: str) -> EvaluationFailed:
    """Return the answer about an evaluation that was asked to end and has no result."""
    return EvaluationFailed(cause="invalid_result", message=how)
