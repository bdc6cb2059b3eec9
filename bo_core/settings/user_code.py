"""A campaign's own code, named as `module:name` in its file: found, described when it fails, and not trusted."""

import contextlib
import hashlib
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from pydantic import Field

# The name of a module and of something in it.
CodeName = Annotated[str, Field(pattern=r"^[^\W\d][\w.]*:[^\W\d][\w.]*$")]
CORRECT_IT = "Correct it and run the campaign again: it continues from where it stopped."


class Unusable(Exception):
    """A campaign's own code cannot be found, or fails; the text begins with the key that names it."""


@dataclass(frozen=True)
class UserCode:
    """The code that the campaign file names under `key` as `name`; `kind` is a word for what is expected there.

    Its module is imported from `folder`, if it is there, by the process that uses it.
    """

    key: str
    name: str
    folder: Path | None
    kind: str

    @contextlib.contextmanager
    def importable(self) -> Iterator[None]:
        """Make the modules in the folder importable, after those that are installed."""
        if self.folder is None:
            yield
            return
        sys.path.append(str(self.folder))
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path.remove(str(self.folder))

    def found(self) -> Callable[..., Any]:
        """Return the callable that the name refers to."""
        module_name, _, path = self.name.partition(":")
        try:
            module = found = importlib.import_module(module_name)
        except (Exception, SystemExit) as error:
            place = f" from {self.folder}" if self.folder else ""
            raise Unusable(
                f"`{self.key}`: expected to import `{module_name}`{place}, found {described(error)}."
            ) from error
        self._refuse_a_namesake(module, module_name)
        for name in path.split("."):
            found = getattr(found, name, None)
        if not callable(found):
            raise Unusable(
                f"`{self.key}`: expected a {self.kind} `{path}` in `{module_name}`, found {self._others(module)} there."
            )
        return found

    def source_hash(self) -> str:
        """Return the SHA-256 of the file that holds the code, or of the name if there is no file."""
        module = importlib.import_module(self.name.partition(":")[0])
        file = getattr(module, "__file__", None)
        source = self.name.encode() if file is None else Path(file).read_bytes()
        return hashlib.sha256(source).hexdigest()

    def _others(self, module: ModuleType) -> str:
        fits = inspect.isclass if self.kind == "class" else inspect.isroutine
        own = [n for n, v in vars(module).items() if fits(v) and getattr(v, "__module__", None) == module.__name__]
        plural = "classes" if self.kind == "class" else f"{self.kind}s"
        return ", ".join(f"`{name}`" for name in own[:10]) or f"no {plural}"

    def _refuse_a_namesake(self, module: ModuleType, name: str) -> None:
        """Refuse a module from elsewhere if the folder has one of the same name."""
        top = name.partition(".")[0]
        if self.folder is None or not ((self.folder / f"{top}.py").exists() or (self.folder / top).is_dir()):
            return
        origins = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", ())]
        if not any(Path(origin).resolve().is_relative_to(self.folder.resolve()) for origin in origins if origin):
            raise Unusable(
                f"`{self.key}`: expected `{name}` from {self.folder}, found another module of the same name, "
                f"{origins[0] or origins[-1]}, which is imported first. Rename yours."
            )


def described(error: BaseException) -> str:
    """Return one line with an exception's type, text and place."""
    try:
        text = " ".join(str(error).split())[:500]
    except Exception:
        text = "an exception without a readable text"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    ours = Path(frame.filename).is_relative_to(Path(__file__).parents[1])
    place = "" if ours or frame.filename.startswith("<") else f", {frame.filename}:{frame.lineno}"
    return f"{type(error).__name__}: {text}{place}"
