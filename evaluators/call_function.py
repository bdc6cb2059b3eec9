"""Call a Python function with a request's parameters and store its result.

This script imports only the standard library and the user's module. It therefore starts fast, and leaves the
interpreter in the state that the function expects.
"""

import contextlib
import difflib
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
# Larger integers do not fit into a float, and much larger ones cannot even be converted to text.
_MOST_BITS = 1024
_DEEPEST = 150
_LONGEST_NAME = 100
_LONGEST_TEXT = 1 << 20
_MEASUREMENT = {"mean", "sem", "n"}
# The fields of a request about an evaluation that continues after its process has ended.
COURSE = ("handle", "look", "cancel")
# The field about the evaluation at a lower fidelity from which this one may continue.
RESUME = "resume_from"
# For each kind: a test of the function, a test of the value it returns, and the end of the message.
_UNFINISHED: tuple[tuple[tuple[Callable[[Any], bool], Callable[[Any], bool]], str], ...] = (
    (
        (inspect.iscoroutinefunction, inspect.iscoroutine),
        "a coroutine. Write `def` instead of `async def`, and run asynchronous code with `asyncio.run`",
    ),
    (
        (inspect.isasyncgenfunction, inspect.isasyncgen),
        "an asynchronous generator. Return the result instead of yielding it",
    ),
    (
        (inspect.isgeneratorfunction, inspect.isgenerator),
        "a generator. Return the result instead of yielding it, and report intermediate values with `report`",
    ),
)


class CannotCall(Exception):
    """The name does not lead to a function that can be evaluated; the message explains why."""


def load(reference: str) -> Callable[..., Any]:
    """Return the function that `package.module:function` names."""
    module_name, _, path = reference.partition(":")
    try:
        found: Any = _module(module_name)
    except ModuleNotFoundError as problem:
        if problem.name is None or not f"{module_name}.".startswith(f"{problem.name}."):
            raise  # a module that this one imports
        raise CannotCall(_not_found(module_name)) from None
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
    """Import a module. One in the working folder that shares its name with a standard module gets another name."""
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
    """Make modules in a folder importable, after the standard library and before all installed packages.

    NumPy must not find a `types.py` or `random.py` in this folder, but the user's modules must find their own
    `storage.py`.
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


def _not_found(module_name: str) -> str:
    """Return the message about a module that cannot be found, with the name that was probably meant."""
    if module_name.endswith(".py"):
        hint = f"; write `{module_name.removesuffix('.py')}`, without `.py`"
    else:
        there = [file.stem for file in Path.cwd().glob("*.py")]
        hint = "".join(f"; did you mean `{name}`?" for name in difflib.get_close_matches(module_name, there, n=1))
    return f"expected a module `{module_name}` in {os.getcwd()} or among the installed packages, found none{hint}"


def _functions_in(module: Any) -> str:
    names = [
        name
        for name, value in vars(module).items()
        if callable(value) and not isinstance(value, type) and not name.startswith("_")
    ]
    return ", ".join(f"`{name}`" for name in names[:10]) or "no functions"


def extra_arguments(function: Callable[..., Any], offered: dict[str, Any]) -> dict[str, Any]:
    """Return the offered arguments that the function has parameters for, apart from its first parameter."""
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
            f"expected a function that can be called with the parameters alone, and `seed=`, `report=`, `charge=`, "
            f"`resume_from=`, `handle=`, `look=` and `cancel=` if it has them, "
            f"found `{reference_name(function)}{signature}` "
            f"({problem})"
        ) from None
    return extra


def reference_name(function: Callable[..., Any]) -> str:
    """Return the function's name for messages."""
    return getattr(function, "__qualname__", type(function).__name__)


def metrics_of(returned: Any, objective: str) -> dict[str, Any]:
    """Return metrics by name; a bare number or pair is the objective."""
    if isinstance(returned, Mapping):
        return {str(name): value for name, value in returned.items()}
    return {objective: returned}


def result_of(returned: Any, expected: list[str], objective: str) -> dict[str, Any]:
    """Return a function's result in the form of a command's, which a mapping with `metrics` already has."""
    if isinstance(returned, Mapping) and (is_full(returned, expected) or _is_running(returned, expected)):
        return {str(name): value for name, value in returned.items()}
    return {"metrics": metrics_of(returned, objective)}


def _is_running(result: Mapping[Any, Any], expected: Collection[str]) -> bool:
    return "status" not in expected and result.get("status") == "running"


def result_of_arms(returned: Any) -> dict[str, Any]:
    """Return a function's result for the arms of a batch; a bare list has the arms in their order."""
    if isinstance(returned, Mapping):
        return {str(name): value for name, value in returned.items()}
    return {"arms": returned}


def is_full(result: Mapping[Any, Any], expected: Collection[str]) -> bool:
    """Return whether a result has its metrics in `metrics` and not at the top level; the first expected one decides."""
    within, first = result.get("metrics"), next(iter(expected), None)
    if not isinstance(within, Mapping):
        return False
    measured = "metrics" in expected and "mean" in within and within.keys() <= _MEASUREMENT
    return not measured and (first in within or first not in result)


def to_json(value: Any) -> str:
    """Return JSON; numbers of other libraries become plain numbers, and all other values become text."""
    return json.dumps(_plain(value, _DEEPEST))


def _plain(value: Any, levels: int) -> Any:
    """Return a value that JSON can represent."""
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
    # Some libraries turn a complex number into a real one with only a warning, which would be overlooked.
    try:
        if not (isinstance(value, numbers.Complex) and not isinstance(value, numbers.Real)):
            return float(value)
    except Exception:  # noqa: S110 - a value that is not a number may raise anything
        pass
    try:
        text = repr(value)
    except Exception:
        text = ""
    # Never truncated: half of a secret would remain, and could not be recognised and redacted.
    return text if 0 < len(text) <= _LONGEST_TEXT else f"a value of type {type(value).__qualname__}"


def evaluate(reference: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the result of one call, even if the function raises, with the cost that it has charged until then."""
    charged: list[Any] = []
    result = _result(reference, request, charged.append)
    return {**result, "cost": _total(charged)} if charged else result


def _total(charged: list[Any]) -> Any:
    """Return the sum of the charges; if one is not a valid cost, return it instead, and the reader will refuse it."""
    costs = [_plain(cost, _DEEPEST) for cost in charged]
    wrong = [cost for cost in costs if not isinstance(cost, int | float) or not 0 <= cost < math.inf]
    return wrong[0] if wrong else math.fsum(costs)


def _result(reference: str, request: dict[str, Any], charge: Callable[[float], None]) -> dict[str, Any]:
    expected, objective = request["expected_metrics"], request["objective"]

    def report(step: int, metrics: Any) -> None:
        found = result_of_arms(metrics) if request.get("arms") else {"metrics": metrics_of(metrics, objective)}
        line = to_json({"step": int(step), **found})
        with Path(os.environ["EVAL_REPORTS"]).open("a") as file:
            file.write(line + "\n")

    try:
        function = load(reference)
        course = {name: request.get(name) for name in COURSE}
        offered = {"seed": request["seed"], "report": report, "charge": charge, RESUME: request.get(RESUME)}
        extra = extra_arguments(function, {**offered, **course})
        _refuse_to_start_twice(function, course, extra)
        arms = request.get("arms")
        returned = function(arms or request["parameters"], **extra)
        if isinstance(returned, Exception) and _is_infeasible(returned):
            return _infeasible(returned, objective)
        refuse_unfinished(returned, function)
        if _is_a(type(returned), "overnight.evaluators.ongoing.running", "Running"):
            return _running(returned, objective)
        return result_of_arms(returned) if arms else result_of(returned, expected, objective)
    except Exception as problem:
        if _disk_is_full(problem):
            raise
        traceback.print_exc()
        if _is_infeasible(problem):
            return _infeasible(problem, objective)
        return {"status": "failed", "metrics": {}, **describe(problem)}


def _refuse_to_start_twice(function: Callable[..., Any], course: dict[str, Any], taken: Collection[str]) -> None:
    """Raise CannotCall if a call for a running evaluation would look to the function like a start."""
    for name, value in course.items():
        if name != "look" and value and name not in taken:
            raise CannotCall(
                f"expected `{reference_name(function)}` to have a parameter `{name}`, because it is called again for "
                f"the running evaluation {course['handle']!r}, found none"
            )


def _running(returned: Any, objective: str) -> dict[str, Any]:
    found = {"status": "running", "handle": returned.handle, "again_in": returned.again_in, "step": returned.step}
    metrics = {} if returned.metrics is None else metrics_of(returned.metrics, objective)
    known = {"arms": returned.arms, "cost": returned.cost}
    return {**found, "metrics": metrics, **{name: value for name, value in known.items() if value is not None}}


def _infeasible(problem: Exception, objective: str) -> dict[str, Any]:
    measured = getattr(problem, "metrics", None)
    metrics = {} if measured is None else metrics_of(measured, objective)
    return {"status": "infeasible", "metrics": metrics, **describe(problem)}


def refuse_unfinished(returned: Any, function: Callable[..., Any]) -> None:
    """Raise CannotCall if a call has returned something that still has to be run, such as a coroutine."""
    if inspect.iscoroutine(returned):
        returned.close()
    for (_, is_one), what in _UNFINISHED:
        if is_one(returned):
            raise CannotCall(f"expected `{reference_name(function)}` to return its result, found {what}")


def _disk_is_full(problem: BaseException) -> bool:
    return isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT)


def _is_infeasible(problem: Exception) -> bool:
    return _is_a(type(problem), "overnight.evaluators.infeasible", "Infeasible")


def _is_a(kind: type, module: str, name: str) -> bool:
    # Compared by name: importing the class would import all of the package's dependencies.
    return any((base.__module__, base.__name__) == (module, name) for base in kind.__mro__)


def describe(problem: BaseException) -> dict[str, str]:
    """Return the text of an exception, and the line of the user's code that raised it.

    Nothing is truncated or joined here, because only the reader of the result knows the secrets.
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
    """Return the problem with a function, its promised metrics, and its parameters about another evaluation.

    The metrics are those of its annotation, in which null is the objective.
    """
    try:
        function = load(reference)
        offered = {"seed": 0, "report": print, "charge": print, RESUME: None, **dict.fromkeys(COURSE)}
        taken = extra_arguments(function, offered)
    except (Exception, SystemExit) as problem:
        described = describe(problem)
        place = f" ({described['raised_at']})" if "raised_at" in described else ""
        return {"problem": described["message"] + place, "returns": None}
    about_running = {"takes": takes} if (takes := [name for name in (*COURSE, RESUME) if name in taken]) else {}
    return {"problem": None, "returns": _promised_metrics(function), **about_running}


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
    """Return the metrics of a typed mapping; None if it has them in a `metrics` whose keys are unknown."""
    hints = typing.get_type_hints(annotation)
    within = hints.get("metrics")
    if typing.is_typeddict(within):
        return list(typing.get_type_hints(within))
    return None if (typing.get_origin(within) or within) in (dict, Mapping) else list(hints)


def write_once(path: Path, text: str) -> None:
    """Store a complete result; raises FileExistsError if there is one already."""
    temporary = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    # The name cannot be guessed, and a link in its place is not followed.
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
    """Evaluate the named function; with `--check`, only inspect it."""
    make_importable(os.getcwd())
    if arguments[0] == "--check":
        sys.stdout.write("\n" + json.dumps(inspect_function(arguments[1])) + "\n")
        return
    request = json.loads(Path(os.environ["EVAL_REQUEST"]).read_text())
    try:
        # The last field names the attempt: a result of another attempt is refused.
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
    # A normal exit of the interpreter flushes again, which can fail and change the exit code.
    os._exit(_RETRY_EXIT_CODE)


if __name__ == "__main__":
    main(sys.argv[1:])
