"""One example: its campaign file and its evaluator, in a copy of its folder."""

import importlib
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

    def measured(self, point: Mapping[str, Any], seed: int) -> Metrics | None:
        """Evaluate a point, with the seed if the function asks for one; None if there is no result."""
        seeded = {"seed": seed} if "seed" in inspect.signature(self.function).parameters else {}
        try:
            result = self.function(dict(point), **seeded)
        except Exception as failed:
            print(f"  failed: {failed}", flush=True)
            return None
        if not isinstance(result, Mapping):
            result = {self.campaign.objective.metric: result}
        return {name: float(value[0] if isinstance(value, tuple | list) else value) for name, value in result.items()}

    def file(self, name: str, **changed: object) -> Path:
        """Return the path of a campaign file with other entries."""
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**self.entries, "name": name, **changed}, sort_keys=False))
        return path


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
        module, _, function = evaluator.function.partition(":")
        sys.path.insert(0, str(place))
        os.chdir(place)
        try:
            yield Example(
                name,
                place,
                yaml.safe_load((place / "campaign.yaml").read_text()),
                read.campaign,
                getattr(importlib.import_module(module), function),
            )
        finally:
            os.chdir(before)
            sys.path.remove(str(place))
