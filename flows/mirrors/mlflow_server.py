"""An MLflow tracking server, over version 2.0 of its REST interface; MLflow 3.17 was tested.

The client library of MLflow is not needed. Its variables are respected: MLFLOW_TRACKING_USERNAME and
MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from overnight.campaign.errors import OvernightError
from overnight.campaign.values.harmless import first_line
from overnight.flows.mirrors.runs import Metric, Run

_API = "/api/2.0/mlflow"
_ARTIFACTS = "mlflow-artifacts:"
_PAGE = 1000
_MOST_METRICS, _MOST_PAIRS = 500, 90
_LONGEST_MESSAGE = 300
UID, KEY, WRITTEN, PARENT = "overnight.uid", "overnight.run", "overnight.written", "mlflow.parentRunId"


class MirrorProblem(OvernightError):
    """The tracking server is unavailable, or refuses something."""


@dataclass(frozen=True)
class Kept:
    """A run at the server: its id, the place of its artifacts, and the digest of the content that was written last."""

    id: str
    artifacts: str
    digest: str | None


class MlflowServer:
    """One experiment at a tracking server; everything raises MirrorProblem if that is not possible."""

    def __init__(self, address: str, experiment: str, timeout: float = 10.0) -> None:
        self.address, self._experiment = address, experiment
        self._timeout = timeout
        self._id: str | None = None
        token, user = os.environ.get("MLFLOW_TRACKING_TOKEN"), os.environ.get("MLFLOW_TRACKING_USERNAME")
        headers = {"Authorization": f"Bearer {token}"} if token and not user else {}
        auth = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if user else None
        try:
            self._http = httpx.Client(base_url=address, timeout=timeout, headers=headers, auth=auth)
        except (OSError, ValueError, httpx.InvalidURL) as problem:
            # The problem is not repeated: it may name the token.
            raise MirrorProblem(f"{address}: no connection can be prepared ({type(problem).__name__})") from None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def forget(self) -> None:
        """Look for the experiment again: the server may have been restored."""
        self._id = None

    @property
    def page(self) -> str:
        """Return the address of the experiment's page."""
        return f"{self.address}/#/experiments/{self._experiment_id()}"

    def runs_of(self, uid: str) -> dict[str, Kept]:
        """Return the runs of a campaign by their keys; of several with the same key, the first by start and id."""
        found = sorted(self._search(uid), key=lambda run: (run["info"].get("start_time") or 0, run["info"]["run_id"]))
        kept: dict[str, Kept] = {}
        for run in found:
            tags = {tag["key"]: tag.get("value") for tag in run.get("data", {}).get("tags", [])}
            if (key := tags.get(KEY)) is not None:
                info = run["info"]
                kept.setdefault(key, Kept(info["run_id"], info.get("artifact_uri", ""), tags.get(WRITTEN)))
        return kept

    def create(self, run: Run, uid: str, parent: str | None) -> Kept:
        """Create a run with the tags that identify it, so that it is found again even if the answer is lost."""
        tags = {UID: uid, KEY: run.key} | ({} if parent is None else {PARENT: parent})
        asked = {
            "experiment_id": self._experiment_id(),
            "run_name": run.name,
            "start_time": run.start,
            "tags": _pairs(tags),
        }
        info = self._post("runs/create", asked)["run"]["info"]
        return Kept(info["run_id"], info.get("artifact_uri", ""), None)

    def write(self, kept: Kept, run: Run, metrics: Sequence[Metric], parent: str | None) -> None:
        """Write a run: its status, its parameters, some metrics, and at last its tags with the digest of all this."""
        update = {"run_id": kept.id, "run_name": run.name, "status": run.status}
        self._post("runs/update", update | ({} if run.end is None else {"end_time": run.end}))
        for part in _parts([*run.params.items()], _MOST_PAIRS):
            self._log(kept, params=_pairs(dict(part)))
        for part in _parts(metrics, _MOST_METRICS):
            self._log(kept, metrics=[asdict(metric) for metric in part])
        below = {} if parent is None else {PARENT: parent}
        self._log(kept, tags=_pairs({**run.tags, **below, WRITTEN: run.digest}))

    def write_artifact(self, kept: Kept, name: str, content: str) -> bool:
        """Store a text among a run's artifacts; return whether this server stores artifacts for its clients."""
        if not kept.artifacts.startswith(_ARTIFACTS):
            return False
        # The address may also name the server, as in `mlflow-artifacts://host:5000/1/artifacts`.
        path = urlsplit(kept.artifacts).path.lstrip("/")
        headers = {"Content-Type": "text/html; charset=utf-8"}
        self._send(
            "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}/{name}", content=content.encode(), headers=headers
        )
        return True

    def _log(self, kept: Kept, **data: list[dict[str, Any]]) -> None:
        self._post("runs/log-batch", {"run_id": kept.id, **data})

    def _search(self, uid: str) -> Iterator[dict[str, Any]]:
        asked: dict[str, Any] = {
            "experiment_ids": [self._experiment_id()],
            "filter": f"tags.`{UID}` = '{uid}'",
            "max_results": _PAGE,
        }
        while True:
            answer = self._post("runs/search", asked)
            yield from answer.get("runs", [])
            if not (token := answer.get("next_page_token")):
                return
            asked["page_token"] = token

    def _experiment_id(self) -> str:
        if self._id is None:
            self._id = self._found() or self._created()
        return self._id

    def _found(self) -> str | None:
        answer = self._send(
            "GET", f"{_API}/experiments/get-by-name", missing=True, params={"experiment_name": self._experiment}
        )
        if answer is None:
            return None
        if answer["experiment"].get("lifecycle_stage") == "deleted":
            raise MirrorProblem(
                f"{self.address}: the experiment `{self._experiment}` was deleted there, so nothing can be written to "
                "it. Restore it, or name another one: `experiment` in `mirror`"
            )
        return answer["experiment"]["experiment_id"]

    def _created(self) -> str:
        return self._post("experiments/create", {"name": self._experiment})["experiment_id"]

    def _post(self, method: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        return self._send("POST", f"{_API}/{method}", json=asked) or {}

    def _send(self, verb: str, path: str, *, missing: bool = False, **more: Any) -> dict[str, Any] | None:
        """Return the answer; None if what was asked for does not exist and may be `missing`."""
        try:
            answer = self._http.request(verb, path, **more)
            if missing and answer.status_code == httpx.codes.NOT_FOUND and "RESOURCE_DOES_NOT_EXIST" in answer.text:
                return None
            if not answer.is_success:
                raise MirrorProblem(f"{self.address}: {_refusal(answer)}")
            # The answer to a stored artifact is empty.
            found = answer.json() if answer.content else {}
        except httpx.TimeoutException:
            raise MirrorProblem(f"{self.address}: no answer within {self._timeout:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise MirrorProblem(f"{self.address}: {type(problem).__name__}: {first_line(str(problem))}") from None
        except ValueError:
            raise MirrorProblem(
                f"{self.address}: expected the answer of an MLflow tracking server, got another one"
            ) from None
        if not isinstance(found, dict):
            raise MirrorProblem(f"{self.address}: expected the answer of an MLflow tracking server, got another one")
        return found


def _refusal(answer: httpx.Response) -> str:
    """Return the words of a server that refuses a request."""
    try:
        said = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        said = answer.reason_phrase
    hint = ""
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        hint = "; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
    return f"it answered {answer.status_code} ({first_line(said)[:_LONGEST_MESSAGE]}){hint}"


def _pairs(values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
