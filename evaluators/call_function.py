"""Call a Python function as an evaluation: the request's parameters in, its result out.

A script that imports nothing but the standard library and the user's module, so that it starts fast and the
function finds the interpreter as it expects it.
"""

import contextlib
import errno
import importlib
import importlib.util
import inspect
import json
import math
import os
import sys
import sysconfig
import traceback
import typing
from collections.abc import Callable, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, NoReturn

_RETRY_EXIT_CODE = 75


class CannotCall(Exception):
    """What was named is no function that can be evaluated; says why."""


def load(reference: str) -> Callable[..., Any]:
    """Return the function that `package.module:function` names."""
    module_name, _, path = reference.partition(":")
    found: Any = _module(module_name)
    for name in path.split("."):
        if not hasattr(found, name):
            raise CannotCall(f"expected `{name}` in `{module_name}`, found {_functions_in(found)}")
        found = getattr(found, name)
    if not callable(found):
        raise CannotCall(f"expected a function, found {type(found).__name__} {found!r:.100}")
    return found


def _module(name: str) -> Any:
    """Import a module; one of the working folder that is named like one of the standard library under another name."""
    top, _, rest = name.partition(".")
    found = PathFinder.find_spec(top, [os.getcwd()]) if top in sys.stdlib_module_names else None
    if found is None or found.origin is None:
        return importlib.import_module(name)
    alias = f"{top}_of_the_campaign"
    spec = importlib.util.spec_from_file_location(
        alias, found.origin, submodule_search_locations=found.submodule_search_locations
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[alias] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return importlib.import_module(f"{alias}.{rest}") if rest else module


def make_importable(folder: str) -> None:
    """Have modules of a folder found after the standard library, and before all others that are installed.

    A `types.py` or `random.py` that lies there is nothing that NumPy should find, but a `storage.py` is what the
    user's own modules mean.
    """
    library = sysconfig.get_path("stdlib")
    version = "".join(map(str, sys.version_info[:2]))
    places = (
        library,
        os.path.join(library, "lib-dynload"),
        os.path.join(os.path.dirname(library), f"python{version}.zip"),
    )
    here = os.path.realpath(folder)
    others = [path for path in sys.path if os.path.realpath(path or ".") != here]
    standard = [path for path in others if path in places]
    sys.path[:] = [*standard, folder, *(path for path in others if path not in standard)]


def _functions_in(module: Any) -> str:
    names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
    return ", ".join(f"`{name}`" for name in names[:10]) or "no functions"


def extra_arguments(function: Callable[..., Any], offered: dict[str, Any]) -> dict[str, Any]:
    """Return those of the offered arguments that the function has parameters for, besides the first."""
    try:
        signature = inspect.signature(function)
    except ValueError:
        return {}
    wanted = list(signature.parameters)[1:]
    extra = {name: value for name, value in offered.items() if name in wanted}
    try:
        signature.bind({}, **extra)
    except TypeError as problem:
        raise CannotCall(
            f"expected a function that can be called with the parameters alone, and `seed=`, `report=` and `charge=` "
            f"if it has them, found `{reference_name(function)}{signature}` ({problem})"
        ) from None
    return extra


def reference_name(function: Callable[..., Any]) -> str:
    """Return the function's name for people."""
    return getattr(function, "__qualname__", type(function).__name__)


def metrics_of(returned: Any, objective: str) -> dict[str, Any]:
    """Return metrics by name; a bare number or pair is the objective."""
    if isinstance(returned, Mapping):
        return {str(name): value for name, value in returned.items()}
    return {objective: returned}


def to_json(value: Any) -> str:
    """Return JSON; numbers of other libraries become plain ones, and what is no number shows what it is."""
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    try:
        return float(value)
    except Exception:
        return repr(value)[:200]


def evaluate(reference: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the result of one call, whatever the function does, with the cost that it has told by then."""
    charged: list[float] = []
    result = _result(reference, request, lambda cost: charged.append(float(cost)))
    return {**result, "cost": math.fsum(charged)} if charged else result


def _result(reference: str, request: dict[str, Any], charge: Callable[[float], None]) -> dict[str, Any]:
    objective = request["expected_metrics"][0]

    def report(step: int, metrics: Any) -> None:
        line = to_json({"step": int(step), "metrics": metrics_of(metrics, objective)})
        with Path(os.environ["EVAL_REPORTS"]).open("a") as file:
            file.write(line + "\n")

    try:
        function = load(reference)
        extra = extra_arguments(function, {"seed": request["seed"], "report": report, "charge": charge})
        return {"metrics": metrics_of(function(request["parameters"], **extra), objective)}
    except Exception as problem:
        if _disk_is_full(problem):
            raise
        traceback.print_exc()
        return {"status": "infeasible" if _says_infeasible(problem) else "failed", "message": describe(problem)}


def _disk_is_full(problem: BaseException) -> bool:
    return isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT)


def _says_infeasible(problem: Exception) -> bool:
    # By name: importing the class would import all of the package's dependencies.
    return any((c.__module__, c.__name__) == ("evaluators.infeasible", "Infeasible") for c in type(problem).__mro__)


def describe(problem: BaseException) -> str:
    """Return one line: what was raised, and where in the user's code."""
    text = " ".join(str(problem).split())[:1000]
    if isinstance(problem, CannotCall):
        return text
    what = f"{type(problem).__name__}: {text}" if text else type(problem).__name__
    frames = [f for f in traceback.extract_tb(problem.__traceback__) if f.filename != __file__]
    users = [f for f in frames if not _is_library(f.filename)]
    if not users:
        return what
    return f"{what} ({os.path.relpath(users[-1].filename)}:{users[-1].lineno})"


def _is_library(filename: str) -> bool:
    folders = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return filename.startswith("<") or any(filename.startswith(folder + os.sep) for folder in folders)


def inspect_function(reference: str) -> dict[str, Any]:
    """Return what is wrong with the function, and which metrics its annotation promises (objective: null)."""
    try:
        function = load(reference)
        extra_arguments(function, {"seed": 0, "report": print, "charge": print})
    except (Exception, SystemExit) as problem:
        return {"problem": describe(problem), "returns": None}
    return {"problem": None, "returns": _promised_metrics(function)}


def _promised_metrics(function: Callable[..., Any]) -> list[str | None] | None:
    try:
        annotation = typing.get_type_hints(function).get("return")
    except Exception:
        return None
    if typing.is_typeddict(annotation):
        return list(typing.get_type_hints(annotation))
    plain = typing.get_origin(annotation) or annotation
    return [None] if plain in (float, int, tuple) else None


def write_once(path: Path, text: str) -> None:
    """Store a whole result, unless there is one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.link(temporary, path)
    temporary.unlink()


def main(arguments: list[str]) -> None:
    """Evaluate the function that is named, or with `--check` only look at it."""
    make_importable(os.getcwd())
    if arguments[0] == "--check":
        sys.stdout.write("\n" + json.dumps(inspect_function(arguments[1])) + "\n")
        return
    request = json.loads(Path(os.environ["EVAL_REQUEST"]).read_text())
    try:
        write_once(Path(os.environ["EVAL_RESULT"]), to_json(evaluate(arguments[0], request)))
    except OSError as problem:
        if not _disk_is_full(problem):
            raise
        _ask_for_another_attempt()


def _ask_for_another_attempt() -> NoReturn:
    with contextlib.suppress(OSError):
        traceback.print_exc()
        sys.stdout.flush()
    # The interpreter's own end writes once more, and would turn the code into another one.
    os._exit(_RETRY_EXIT_CODE)


if __name__ == "__main__":
    main(sys.argv[1:])
