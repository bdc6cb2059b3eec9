"""One example: its campaign file and its evaluator, in a copy of its folder."""

import importlib.util
import inspect
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from overnight.campaign import Campaign
from overnight.evaluators import PythonEvaluator
from overnight.flows.definition.campaign_file import read_campaign

EXAMPLES = Path(__file__).parents[2] / "examples"
Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Example:
    """A copied example: its folder, the entries of its campaign file, its campaign, and its Python function."""

    name: str
    folder: Path
    entries: Mapping[str, Any]
    campaign: Campaign
    function: Callable[[dict[str, Any]], Any]

    def result(self, point: Mapping[str, Any], seed: int) -> Mapping[str, Any] | None:
        """Evaluate a point, and return its metrics as the function reports them; None if there is no result."""
        try:
            result = evaluated(self.function, point, seed)
        except Exception as failed:
            print(f"  failed: {failed}", flush=True)
            return None
        return result if isinstance(result, Mapping) else {self.campaign.objective.metric: result}

    def measured(self, point: Mapping[str, Any], seed: int) -> Metrics | None:
        """Evaluate a point, and return the mean of each metric; None if there is no result."""
        result = self.result(point, seed)
        return None if result is None else means(result)

    def file(self, name: str, **changed: object) -> Path:
        """Return the path of a campaign file with other entries."""
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**self.entries, "name": name, **changed}, sort_keys=False))
        return path


def evaluated(function: Callable[..., Any], point: Mapping[str, Any], seed: int) -> Any:
    """Return what a function returns at a point.

    If it asks for them, it receives the seed, and a `report` that never stops it: every evaluation is finished.
    """
    offered = {"seed": seed, "report": lambda step, metrics: None}
    asked = inspect.signature(function).parameters
    return function(dict(point), **{name: value for name, value in offered.items() if name in asked})


def means(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the mean of each metric; a standard error may be reported with it, as a pair or by name."""
    return {name: float(_mean(value)) for name, value in result.items()}


def _mean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value["mean"]
    return value[0] if isinstance(value, tuple | list) else value


def function_of(evaluator: PythonEvaluator, folder: Path) -> Callable[..., Any]:
    """Return the function of an evaluator, from a file of an example's folder."""
    module, _, name = evaluator.function.partition(":")
    # Under a name of its own, so that no module of another example is found in its place.
    found = importlib.util.spec_from_file_location(f"{folder.name}_{module}", folder / f"{module}.py")
    assert found is not None
    assert found.loader is not None
    loaded = importlib.util.module_from_spec(found)
    found.loader.exec_module(loaded)
    return getattr(loaded, name)


@contextmanager
def copied(name: str) -> Iterator[Example]:
    """Copy an example; the copy is the working folder, and lies on the disk of the checkout, as its users' would."""
    before = Path.cwd()
    with TemporaryDirectory(prefix=f".{name}-", dir=EXAMPLES.parent) as folder:
        place = Path(folder) / "example"
        shutil.copytree(EXAMPLES / name, place, ignore=shutil.ignore_patterns("ledger", "work", "__pycache__"))
        read = read_campaign(place / "campaign.yaml")
        evaluator = read.evaluator
        if not isinstance(evaluator, PythonEvaluator):
            raise SystemExit(f"{name}: expected an example whose evaluator is a Python function")
        # A function may import other modules of its example.
        sys.path.insert(0, str(place))
        os.chdir(place)
        try:
            entries = yaml.safe_load((place / "campaign.yaml").read_text())
            yield Example(name, place, entries, read.campaign, function_of(evaluator, place))
        finally:
            os.chdir(before)
            sys.path.remove(str(place))
