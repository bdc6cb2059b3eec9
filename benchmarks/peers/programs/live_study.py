"""The loop of a program that keeps a live study: a JSON object a line in, and one out."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

import optuna
from answer import claim_stdout


class Study(Protocol):
    """A study and its running trials."""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request about a trial."""
        ...


def answer_lines(begin: Callable[[dict[str, Any]], Study], description: str | None) -> None:
    """Answer every line until the input ends; the request `begin` starts a new study, and others are about its trials.

    The program takes the number of threads as `--threads`.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--threads", type=int, default=1)
    os.environ["OMP_NUM_THREADS"] = str(parser.parse_args().threads)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    answers, study = claim_stdout(), None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["op"] == "begin":
                study, answer = begin(request), {}
            elif study is None:
                raise ValueError("expected a study to have begun")
            else:
                answer = study.answer(request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
