"""Call a Python function with a request's parameters and store its result.

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
import numbers
import os
import sys
import sysconfig
import traceback
import typing
from collections.abc import Callable, Collection, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, NoReturn

_RETRY_EXIT_CODE = 75
# Larger whole numbers are no floating-point numbers, and much larger ones could not even be written.
_MOST_BITS = 1024
_DEEPEST = 150
_LONGEST_NAME = 100
_LONGEST_TEXT = 1 << 20
_MEASUREMENT = {"mean", "sem", "n"}
# Of each, how a function is known and how what it returns, and what to say of it.
_UNFINISHED: tuple[tuple[tuple[Callable[[Any], bool], Callable[[Any], bool]], str], ...] = (
    (
        (inspect.iscoroutinefunction, inspect.iscoroutine),
        "a coroutine. Write `def` instead of `async def`, and run what waits by `asyncio.run`",
    ),
    (
        (inspect.isasyncgenfunction, inspect.isasyncgen),
        "an asynchronous generator. Return the result instead of yielding it",
    ),
    (
        (inspect.isgeneratorfunction, inspect.isgenerator),
        "a generator. Return the result instead of yielding it, and report on the way by `report`",
    ),
)


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
        shown = repr(found)
        raise CannotCall(
            f"expected a function, found {type(found).__name__} {shown if len(shown) < _LONGEST_NAME else ''}".strip()
        )
    if isinstance(found, type):
        raise CannotCall(f"expected a function, found the class `{found.__qualname__}`: name a function that uses it")
    for (is_one, _), what in _UNFINISHED:
        if is_one(found) or is_one(type(found).__call__):
            raise CannotCall(f"expected `{reference_name(found)}` to return its result, found {what}")
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


def result_of(returned: Any, expected: list[str], objective: str) -> dict[str, Any]:
    """Return the result that a function meant: metrics by name, or with a mapping `metrics` the form of a command's."""
    if isinstance(returned, Mapping) and is_full(returned, expected):
        return {str(name): value for name, value in returned.items()}
    return {"metrics": metrics_of(returned, objective)}


def is_full(result: Mapping[Any, Any], expected: Collection[str]) -> bool:
    """Tell whether a result has its metrics within `metrics`, and not beside it: the first expected one shows where."""
    within, first = result.get("metrics"), next(iter(expected), None)
    if not isinstance(within, Mapping):
        return False
    measured = "metrics" in expected and "mean" in within and within.keys() <= _MEASUREMENT
    return not measured and (first in within or first not in result)


def to_json(value: Any) -> str:
    """Return JSON; numbers of other libraries become plain ones, and what is no number shows what it is."""
    return json.dumps(_plain(value, _DEEPEST))


def _plain(value: Any, levels: int) -> Any:
    """Return a value as JSON can say it."""
    if value is None or isinstance(value, str | bool | float):
        return value
    if levels == 0:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): _plain(item, levels - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, levels - 1) for item in value]
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return f"a whole number of {value.bit_length()} bits"
    return value if isinstance(value, int) else _number_or_text(value)


def _number_or_text(value: Any) -> float | str:
    # Some libraries make a real number of a complex one, with a warning that nobody sees.
    try:
        if not (isinstance(value, numbers.Complex) and not isinstance(value, numbers.Real)):
            return float(value)
    except Exception:  # noqa: S110 - what is no number raises what it likes
        pass
    try:
        text = repr(value)
    except Exception:
        text = ""
    # Not cut: half of a secret would be left, which nobody could recognise.
    return text if 0 < len(text) <= _LONGEST_TEXT else f"a value of type {type(value).__qualname__}"


def evaluate(reference: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the result of one call, whatever the function does, with the cost that it has told by then."""
    charged: list[Any] = []
    result = _result(reference, request, charged.append)
    return {**result, "cost": _total(charged)} if charged else result


def _total(charged: list[Any]) -> Any:
    """Return the sum of what was charged; the first charge that is no cost, if there is one, which nobody will take."""
    costs = [_plain(cost, _DEEPEST) for cost in charged]
    wrong = [cost for cost in costs if not isinstance(cost, int | float) or not 0 <= cost < math.inf]
    return wrong[0] if wrong else math.fsum(costs)


def _result(reference: str, request: dict[str, Any], charge: Callable[[float], None]) -> dict[str, Any]:
    expected, objective = request["expected_metrics"], request["objective"]

    def report(step: int, metrics: Any) -> None:
        line = to_json({"step": int(step), "metrics": metrics_of(metrics, objective)})
        with Path(os.environ["EVAL_REPORTS"]).open("a") as file:
            file.write(line + "\n")

    try:
        function = load(reference)
        extra = extra_arguments(function, {"seed": request["seed"], "report": report, "charge": charge})
        returned = function(request["parameters"], **extra)
        if isinstance(returned, Exception) and _says_infeasible(returned):
            return _infeasible(returned, objective)
        refuse_unfinished(returned, function)
        return result_of(returned, expected, objective)
    except Exception as problem:
        if _disk_is_full(problem):
            raise
        traceback.print_exc()
        if _says_infeasible(problem):
            return _infeasible(problem, objective)
        return {"status": "failed", "metrics": {}, **describe(problem)}


def _infeasible(problem: Exception, objective: str) -> dict[str, Any]:
    measured = getattr(problem, "metrics", None)
    metrics = {} if measured is None else metrics_of(measured, objective)
    return {"status": "infeasible", "metrics": metrics, **describe(problem)}


def refuse_unfinished(returned: Any, function: Callable[..., Any]) -> None:
    """Raise CannotCall if a call has returned something that would still have to be run."""
    if inspect.iscoroutine(returned):
        returned.close()
    for (_, is_one), what in _UNFINISHED:
        if is_one(returned):
            raise CannotCall(f"expected `{reference_name(function)}` to return its result, found {what}")


def _disk_is_full(problem: BaseException) -> bool:
    return isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT)


def _says_infeasible(problem: Exception) -> bool:
    # By name: importing the class would import all of the package's dependencies.
    return any(
        (c.__module__, c.__name__) == ("overnight.evaluators.infeasible", "Infeasible") for c in type(problem).__mro__
    )


def describe(problem: BaseException) -> dict[str, str]:
    """Return what was raised, and where in the user's code.

    Nothing is cut or joined here, since only the reader of the result knows which of it is secret.
    """
    text = _text_of(problem)
    if isinstance(problem, CannotCall):
        return {"message": text}
    message = f"{type(problem).__name__}: {text}" if text.strip() else type(problem).__name__
    frames = [f for f in traceback.extract_tb(problem.__traceback__) if f.filename != __file__]
    users = [f for f in frames if not _is_library(f.filename)]
    place = {"raised_at": f"{os.path.relpath(users[-1].filename)}:{users[-1].lineno}"} if users else {}
    return {"message": message, **place}


def _text_of(problem: BaseException) -> str:
    try:
        text = str(problem)
    except Exception:
        return ""
    return text if len(text) <= _LONGEST_TEXT else f"its text of {len(text)} characters is in the attempt's stderr"


def _is_library(filename: str) -> bool:
    folders = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return filename.startswith("<") or any(filename.startswith(folder + os.sep) for folder in folders)


def inspect_function(reference: str) -> dict[str, Any]:
    """Return what is wrong with the function, and which metrics its annotation promises (objective: null)."""
    try:
        function = load(reference)
        extra_arguments(function, {"seed": 0, "report": print, "charge": print})
    except (Exception, SystemExit) as problem:
        described = describe(problem)
        place = f" ({described['raised_at']})" if "raised_at" in described else ""
        return {"problem": described["message"] + place, "returns": None}
    return {"problem": None, "returns": _promised_metrics(function)}


def _promised_metrics(function: Callable[..., Any]) -> list[str | None] | None:
    try:
        annotation = typing.get_type_hints(function).get("return")
    except Exception:
        return None
    if typing.is_typeddict(annotation):
        return _keys(annotation)
    plain = typing.get_origin(annotation) or annotation
    return [None] if plain in (float, int, tuple) else None


def _keys(annotation: Any) -> list[str | None] | None:
    """Return the metrics of a typed mapping; None where it has them within `metrics`, by names that are not known."""
    hints = typing.get_type_hints(annotation)
    within = hints.get("metrics")
    if typing.is_typeddict(within):
        return list(typing.get_type_hints(within))
    return None if (typing.get_origin(within) or within) in (dict, Mapping) else list(hints)


def write_once(path: Path, text: str) -> None:
    """Store a whole result, unless there is one."""
    temporary = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    # Nobody can know this name before, and what lies there all the same is not followed.
    opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(opened, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        temporary.unlink()


def main(arguments: list[str]) -> None:
    """Evaluate the function that is named, or with `--check` only look at it."""
    make_importable(os.getcwd())
    if arguments[0] == "--check":
        sys.stdout.write("\n" + json.dumps(inspect_function(arguments[1])) + "\n")
        return
    request = json.loads(Path(os.environ["EVAL_REQUEST"]).read_text())
    try:
        # Its last part says whose result it is: that of no other attempt is believed.
        result = {**evaluate(arguments[0], request), "attempt_key": request["key"]}
        write_once(Path(os.environ["EVAL_RESULT"]), to_json(result))
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
