"""Evaluate a point at an HTTP server: a POST starts an evaluation, and GETs look at it until it has a result."""

import importlib
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from overnight.campaign import Campaign, EvaluationRequest
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.campaign.values.duration import Duration
from overnight.evaluators.evaluator import Report
from overnight.evaluators.kind import EvaluatorKind
from overnight.evaluators.ongoing.polling import Polling
from overnight.evaluators.secrets.secret_names import hidden_names

# A header cannot hold other characters, and a space would end the token.
_TOKEN = re.compile(r"[\x21-\x7e]+")


def _address(url: str) -> str:
    """Return the address of a server; raises ValueError, which never shows a password."""
    expected = "expected an address such as https://lab.example/evaluations"
    try:
        parts = urlsplit(url)
        well = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        raise ValueError(f"{expected}, found one that cannot be read") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{expected}, found one with a user or a password: use `token`, which is never recorded")
    if not well or parts.fragment or re.search(r"[^\x21-\x7e]", url):
        raise ValueError(f"{expected}, got {url!r}")
    return url


class HttpEvaluator(EvaluatorKind):
    """Send a POST to `url` for every attempt, and look at the evaluation by GET until the server has its result.

    Every request has the attempt's key as its `Idempotency-Key`: the server starts one evaluation for a key, however
    often it is asked. `token` names the environment variable whose value is sent as a bearer token, to this server
    only. The server may answer with a result at once, or with the address of the evaluation, which is looked at every
    `poll` unless the server asks for another pause. An evaluation that has not ended after `time_limit` is cancelled
    with a DELETE. Each answer must be complete after `answer_within`.
    """

    kind: Literal["http"] = "http"
    url: Annotated[str, AfterValidator(_address)]
    token: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    poll: Duration = timedelta(seconds=10)
    time_limit: Duration = timedelta(days=1)
    answer_within: Duration = timedelta(minutes=1)

    @property
    def at_server(self) -> bool:
        """Return true."""
        return True

    @property
    def grace(self) -> timedelta:
        """Return zero: there are no processes to end."""
        return timedelta()

    @property
    def polling(self) -> Polling:
        """Return how often an evaluation is looked at, and for how long."""
        return Polling(every=self.poll, at_most=self.time_limit)

    def secrets(self) -> dict[str, str]:
        """Return the token under the name of its variable."""
        return {} if self.token is None or self.token not in os.environ else {self.token: os.environ[self.token]}

    def described(self) -> str:
        """Return the address, and the variable that holds the token."""
        return self.url if self.token is None else f"{self.url} with the token in {self.token}"

    async def check(self, campaign: Campaign) -> None:
        """Raise InvalidDefinition if the token is missing or cannot be sent, or in an A/B test; send nothing."""
        problems = [] if (problem := self.token_problem()) is None else [problem]
        problems += [
            f"`evaluator.token`: the value of `{name}` is part of {what}. Names are written to the ledger as they are, "
            f"so this value cannot be kept out of it: rename {what}, or use another token"
            for name, what in hidden_names(self.secrets(), campaign)
        ]
        if campaign.is_ab_test:
            problems.append(
                "`evaluator.kind`: expected a command or a function in an A/B test, whose arms are evaluated together, "
                "got http. A command may send the requests itself"
            )
        if problems:
            raise InvalidDefinition(problems)

    def token_problem(self) -> str | None:
        """Return why the token cannot be sent; None if it can, or if there is none."""
        if self.token is None or _TOKEN.fullmatch(found := os.environ.get(self.token, "")):
            return None
        text = f"`evaluator.token`: expected the environment variable `{self.token}` to hold the token, found it"
        if not found:
            return f"{text} {'empty' if self.token in os.environ else 'unset'} in Overnight's own environment"
        return f"{text} with a space, a line break or a character that is not ASCII, which no header can hold"

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer:
        """Start the evaluation, look at it or end it, as the request asks, with one call of the server."""
        del folder, report
        return await self._answer(request, recovers=False)

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer | None:
        """Ask for the evaluation again under the same key, which starts it only if the server does not know it."""
        del folder, report
        return await self._answer(request, recovers=True)

    async def _answer(self, request: EvaluationRequest, *, recovers: bool) -> EvaluationAnswer:
        # Few commands call an evaluator, and an HTTP client takes a while to import.
        talk = importlib.import_module("overnight.evaluators.endpoint.talk")
        return await talk.Talk(self, request, recovers).answer()
