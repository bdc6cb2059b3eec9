"""The meaning of a server's answer for an evaluation: a result, a failure, not yet, or a mistake of the campaign."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Protocol

from overnight.campaign.evaluation import (
    Cause,
    EvaluationAnswer,
    EvaluationFailed,
    EvaluationOngoing,
    EvaluationRequest,
)
from overnight.campaign.values.numbers import is_number
from overnight.evaluators.endpoint.exchange import LARGEST_ANSWER, Answer, NoAnswer, absolute, is_same_server
from overnight.evaluators.results.command_result import outcome_of_value
from overnight.evaluators.results.written_result import (
    RUNNING,
    ForeignResult,
    InvalidResult,
    Kept,
    read_json,
)
from overnight.evaluators.secrets.environment import Redaction

# The server does not know the evaluation, or no longer.
GONE = (404, 410)
_ACCEPTED, _CREATED = 202, 201
# The same request may succeed later. A conflict may be that the first request with this key is being served.
_LATER = (408, 409, 423, 425, 429)
_LEAST_PAUSE = 1.0
_LONGEST_TEXT = 500
_WORDS = ("message", "reason", "detail", "error", "title")
_CREDENTIALS = (401, 403)
_OF_THE_URL = (404, 405, 410)
_PROXY = 407


class Server(Protocol):
    """The settings of an evaluator that a call needs."""

    @property
    def url(self) -> str:
        """Return the address to which a POST starts an evaluation."""
        ...

    @property
    def token(self) -> str | None:
        """Return the name of the variable that holds the token; None without one."""
        ...

    @property
    def poll(self) -> timedelta:
        """Return the usual pause between two looks."""
        ...

    @property
    def answer_within(self) -> timedelta:
        """Return the longest time until an answer is complete."""
        ...

    def secrets(self) -> dict[str, str]:
        """Return the token under the name of its variable."""
        ...

    def token_problem(self) -> str | None:
        """Return why the token cannot be sent; None if it can."""
        ...


@dataclass(frozen=True)
class Meaning:
    """The meaning of answers about the evaluation of a request; the attempt has this key."""

    request: EvaluationRequest
    key: str
    server: Server
    redaction: Redaction

    def of(self, answer: Answer, handle: str) -> EvaluationAnswer:
        """Return what an answer means for the evaluation with this handle; or raise NoAnswer to try again."""
        if answer.status >= 500 or answer.status in _LATER:
            if (pause := self._retry_after(answer)) is None:
                raise NoAnswer(self._in_words(answer))
            return EvaluationOngoing(handle=handle, again_in=pause)
        if answer.status >= 300:
            return self._refused(answer)
        try:
            value = self._value(answer)
            address = self._address_of_running(answer, value, handle)
            value = self._full(value) if address is None else self._running(answer, value, address)
            asked = self.request.model_copy(update={"key": self.key})
            return self._at_our_pace(outcome_of_value(value, asked, 0.0, self.redaction))
        except ForeignResult as problem:
            raise NoAnswer(str(problem)) from None
        except InvalidResult as problem:
            shown = f"{problem}; the server answered: {self._text(answer)}"
            return _invalid(self.redaction.text(shown), problem.kept)

    def stop(self, answer: Answer) -> str | None:
        """Return why the campaign has to stop, if the answer points to a mistake in it; None if it does not."""
        if answer.elsewhere is not None:
            other = self.redaction.text(answer.elsewhere)
            return (
                f"`evaluator.url`: {self.server.url} redirects to {other}, which is another server, so nothing was "
                "sent there. If that is the right one, write its address. Then run the campaign again: no trial has "
                "failed."
            )
        if answer.status in _CREDENTIALS:
            advice = (
                "Set `evaluator.token` to the name of an environment variable that holds the server's token."
                if self.server.token is None
                else f"Check the token in the environment variable `{self.server.token}` (`evaluator.token`)."
            )
        elif answer.status in _OF_THE_URL:
            advice = "Check `evaluator.url`: it has to be the address to which a POST starts an evaluation."
        elif answer.status == _PROXY:
            advice = "Check the proxy in the environment variables HTTP_PROXY, HTTPS_PROXY and ALL_PROXY."
        elif 300 <= answer.status < 400:
            advice = "Check `evaluator.url`: expected an answer or a redirect to an address."
        else:
            return None
        return (
            f"The {self.words(answer).removeprefix('the ')}. {advice} Then run the campaign again: no trial has failed."
        )

    def cause(self, answer: Answer) -> Cause:
        """Return the cause of a call that failed with this status."""
        return "infrastructure" if answer.status >= 500 or answer.status in _LATER else "configuration"

    def words(self, answer: Answer) -> str:
        """Return the status of an answer and the words in it, without secrets."""
        return f"the server at {self.server.url} answered {self._in_words(answer)}"

    def _refused(self, answer: Answer) -> EvaluationAnswer:
        """Return the trial's own failure; a body in the form of a result may have its status and its metrics."""
        try:
            value = self._value(answer)
        except (NoAnswer, InvalidResult):
            value = None
        message = self.words(answer)
        if isinstance(value, dict) and value.get("status") in ("infeasible", "failed"):
            asked = self.request.model_copy(update={"key": self.key})
            found = outcome_of_value({**value, "message": message}, asked, 0.0, self.redaction)
            if isinstance(found, EvaluationFailed):
                return found
        return EvaluationFailed(cause="configuration", message=message)

    def _value(self, answer: Answer) -> Any:
        """Return the JSON value in an answer; None if it need not be a result, and is empty, too large or not JSON."""
        if answer.body is None and answer.status == _ACCEPTED:
            return None
        if answer.body is None:
            raise InvalidResult(f"expected a result of at most {LARGEST_ANSWER} bytes, found a larger one")
        if not answer.body.strip() and (answer.status == _ACCEPTED or _is_created(answer)):
            return None
        try:
            return read_json(answer.body.decode(errors="replace").removeprefix("\ufeff"))
        except ValueError as problem:
            if answer.status == _ACCEPTED:
                return None
            # An error page of a proxy, or a torn answer: the server's own answer may come later.
            raise NoAnswer(f"expected JSON, found text that is not ({problem}): {self._in_words(answer)}") from None

    def _address_of_running(self, answer: Answer, value: Any, handle: str) -> str | None:
        """Return the address of an evaluation that is running; None if it has ended. Raises InvalidResult."""
        fields = value if isinstance(value, dict) else {}
        stated = "status" not in self.request.expected_metrics and fields.get("status") == RUNNING
        if answer.status != _ACCEPTED and not stated and not (value is None and _is_created(answer)):
            return None
        named = answer.headers.get("location") or fields.get("poll")
        if not isinstance(named, str):
            if named is None and "://" in handle:
                return handle
            raise InvalidResult(
                "expected the address of the running evaluation in a `Location` header or as `poll` in the body, "
                "found none"
            )
        address = absolute(named, answer.url)
        if not is_same_server(address, self.server.url):
            raise InvalidResult(
                f"expected the address of the running evaluation to be on the server of `evaluator.url`, "
                f"{self.server.url}, found {address}; a path such as /evaluations/17 suffices"
            )
        return address

    def _running(self, answer: Answer, value: Any, address: str) -> dict[str, Any]:
        """Return the form in which a process answers that it goes on."""
        fields = {name: found for name, found in value.items() if name != "poll"} if isinstance(value, dict) else {}
        pause = self._retry_after(answer)
        return {**fields, "status": RUNNING, "handle": address, **({} if pause is None else {"again_in": pause})}

    def _full(self, value: Any) -> Any:
        """Return a result as an object: a bare number or a pair is the objective."""
        bare = is_number(value) or isinstance(value, list)
        return {"metrics": {self.request.objective: value}} if bare else value

    def _at_our_pace(self, found: EvaluationAnswer) -> EvaluationAnswer:
        """Return the answer, with a pause that is not too short: a server may ask for none at all."""
        if not isinstance(found, EvaluationOngoing) or found.again_in is None:
            return found
        return found.model_copy(update={"again_in": max(found.again_in, self._least_pause)})

    @property
    def _least_pause(self) -> float:
        return min(_LEAST_PAUSE, self.server.poll.total_seconds())

    def _retry_after(self, answer: Answer) -> float | None:
        """Return the pause that an answer asks for, in seconds; None if it asks for none that can be read."""
        written = answer.headers.get("retry-after", "").strip()
        if written.isascii() and written.isdigit():
            # A longer number may be too large for a float, and no evaluation lasts that long.
            return max(float(written[:9]), self._least_pause)
        try:
            at = parsedate_to_datetime(written)
        except (ValueError, IndexError, OverflowError):
            return None
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return max((at - datetime.now(UTC)).total_seconds(), self._least_pause)

    def _in_words(self, answer: Answer) -> str:
        text = self._text(answer)
        return f"{_status(answer)}{f': {text}' if text else ''}"

    def _text(self, answer: Answer) -> str:
        """Return the words of an answer, without secrets and shortened."""
        text = (answer.body or b"").decode(errors="replace")
        try:
            value = read_json(text)
        except ValueError:
            value = None
        if isinstance(value, dict):
            found = next((value[word] for word in _WORDS if value.get(word)), None)
            text = found if isinstance(found, str) else text if found is None else json.dumps(found, ensure_ascii=False)
        # Redacted before it is shortened, since half of a secret would remain otherwise.
        shown = " ".join(self.redaction.text(text).split())
        return shown if len(shown) <= _LONGEST_TEXT else f"{shown[:_LONGEST_TEXT]} …"


def _is_created(answer: Answer) -> bool:
    return answer.status == _CREATED and "location" in answer.headers


def _status(answer: Answer) -> str:
    try:
        return f"{answer.status} ({HTTPStatus(answer.status).phrase})"
    except ValueError:
        return str(answer.status)


def _invalid(message: str, kept: Kept) -> EvaluationFailed:
    return EvaluationFailed(
        cause="invalid_result",
        message=message[:2000],
        cost=kept.cost,
        metrics=kept.metrics,
        notes=kept.notes,
        handle=kept.handle,
    )
