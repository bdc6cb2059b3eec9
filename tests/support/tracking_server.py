"""A small tracking server with the part of MLflow's REST interface that a mirror uses, which refuses what MLflow does.

It can be down, hang, or lose the answers to requests that it has carried out.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_API = "/api/2.0/mlflow/"
_NAME = re.compile(r"[/\w.\- ]{1,250}")
_UID = re.compile(r"tags\.`overnight\.uid` = '(.*)'")


class Refused(Exception):
    """A request that MLflow would refuse."""


class TrackingServer:
    """The state of the server. `behaviour` is `well`, `hang`, `broken`, `another` or `locked`."""

    def __init__(self) -> None:
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.created = 0
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.artifacts: dict[str, str] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.behaviour = "well"
        # Requests of this kind are carried out, but their next answer is lost.
        self.lose: str | None = None
        self.released = threading.Event()
        self.address = ""

    def answer(self, verb: str, path: str, asked: dict[str, Any], body: bytes) -> dict[str, Any]:
        if verb == "PUT":
            self.artifacts[path.partition("/mlflow-artifacts/artifacts/")[2]] = body.decode()
            return {}
        method = path.removeprefix(_API)
        self.requests.append(method)
        return {
            "experiments/get-by-name": self._experiment,
            "experiments/create": self._create_experiment,
            "runs/create": self._create,
            "runs/update": self._update,
            "runs/log-batch": self._log,
            "runs/search": self._search,
            "metrics/get-history": self._metric,
        }[method](asked)

    def _experiment(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["experiment_name"]
        if name not in self.experiments:
            raise KeyError(name)
        return {"experiment": {"experiment_id": self.experiments[name], "lifecycle_stage": "active"}}

    def _create_experiment(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["name"] in self.experiments:
            raise Refused("RESOURCE_ALREADY_EXISTS")
        self.experiments[asked["name"]] = str(len(self.experiments) + 1)
        return {"experiment_id": self.experiments[asked["name"]]}

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.created += 1
        number, of = f"r{self.created}", asked["experiment_id"]
        assert of in self.experiments.values()
        info = {"run_id": number, "experiment_id": of, "run_name": asked["run_name"], "status": "RUNNING"}
        info |= {"start_time": asked["start_time"], "artifact_uri": f"mlflow-artifacts:/{of}/{number}/artifacts"}
        self.runs[number] = {"info": info, "params": {}, "metrics": {}, "tags": {}}
        self._set(self.runs[number]["tags"], asked["tags"], 8000)
        return {"run": {"info": info, "data": {"tags": asked["tags"]}}}

    def _update(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["status"] in ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
        given = {key: value for key, value in asked.items() if key in ("status", "end_time", "run_name")}
        self.runs[asked["run_id"]]["info"].update(given)
        return {}

    def _log(self, asked: dict[str, Any]) -> dict[str, Any]:
        run, params, metrics = self.runs[asked["run_id"]], asked.get("params", []), asked.get("metrics", [])
        if len(params) > 100 or len(asked.get("tags", [])) > 100 or len(metrics) > 1000:
            raise Refused("too many in one request")
        for param in params:
            if run["params"].get(param["key"], param["value"]) != param["value"]:
                raise Refused(f"parameter {param['key']} was logged with another value")
        self._set(run["params"], params, 6000)
        written = self.history.setdefault(asked["run_id"], [])
        for metric in metrics:
            self._check_name(metric["key"])
            if metric not in written:
                written.append(metric)
            newest = run["metrics"].get(metric["key"])
            if newest is None or (metric["step"], metric["timestamp"]) >= (newest["step"], newest["timestamp"]):
                run["metrics"][metric["key"]] = metric
        self._set(run["tags"], asked.get("tags", []), 8000)
        return {}

    def _search(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = _UID.fullmatch(asked.get("filter", ""))
        runs = [
            run
            for run in self.runs.values()
            if run["info"]["experiment_id"] in asked["experiment_ids"]
            and (found is None or run["tags"].get("overnight.uid") == found[1])
        ]
        # Pages of two, so that every test reads more than one.
        begin = int(asked.get("page_token") or 0)
        more = {"next_page_token": str(begin + 2)} if begin + 2 < len(runs) else {}
        return {"runs": [self._shown(run) for run in runs[begin : begin + 2]], **more}

    def _shown(self, run: dict[str, Any]) -> dict[str, Any]:
        pairs = {kind: [{"key": k, "value": v} for k, v in run[kind].items()] for kind in ("params", "tags")}
        return {"info": run["info"], "data": {**pairs, "metrics": [*run["metrics"].values()]}}

    def _metric(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {
            "metrics": [each for each in self.history.get(asked["run_id"], []) if each["key"] == asked["metric_key"]]
        }

    def _set(self, kept: dict[str, str], pairs: list[dict[str, str]], longest: int) -> None:
        for pair in pairs:
            self._check_name(pair["key"])
            if len(pair["value"]) > longest:
                raise Refused("too long")
            kept[pair["key"]] = pair["value"]

    def _check_name(self, name: str) -> None:
        if not _NAME.fullmatch(name) or name.startswith("/") or ".." in name.split("/") or "//" in name:
            raise Refused(f"invalid name {name!r}")


class _Handler(BaseHTTPRequestHandler):
    state: TrackingServer

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, verb: str) -> None:
        state, body = self.state, self.rfile.read(int(self.headers.get("content-length") or 0))
        state.headers.append(dict(self.headers))
        parts = urlsplit(self.path)
        if state.behaviour == "hang":
            state.released.wait(60)
            return
        if state.behaviour != "well":
            code = {"broken": 500, "locked": 401, "another": 200}[state.behaviour]
            self._send(code, b"<html>hello</html>" if state.behaviour == "another" else b"down")
            return
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        try:
            asked |= json.loads(body) if verb == "POST" else {}
            answer = state.answer(verb, parts.path, asked, body)
        except KeyError:
            self._send(404, json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "not there"}).encode())
            return
        except Refused as why:
            self._send(400, json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": str(why)}).encode())
            return
        if state.lose is not None and parts.path.endswith(state.lose):
            state.lose = None
            self.close_connection = True
            return
        self._send(200, b"" if verb == "PUT" else json.dumps(answer).encode())

    def _send(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


@contextmanager
def tracking_server() -> Iterator[TrackingServer]:
    """Serve on a free port of this machine."""
    state = TrackingServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    server.daemon_threads = True
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
