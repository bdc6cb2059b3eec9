"""Hash the source files of an evaluator without running any of them."""

import dis
import hashlib
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import CodeType
from typing import Protocol

# This many files and bytes suffice to notice changes; reading all of a large program each time would take too long.
_MOST_FILES, _MOST_BYTES = 200, 1 << 25
_HEX_DIGITS = 16
# Apart from programs, a command may also name data, or files that the evaluation writes itself.
_WRITTEN_BY_PEOPLE = {
    ".py",
    ".sh",
    ".r",
    ".jl",
    ".js",
    ".pl",
    ".rb",
    ".m",
    ".lua",
    ".toml",
    ".yaml",
    ".yml",
    ".cfg",
    ".ini",
}
_OF_THE_SYSTEM = ("/usr/bin", "/usr/lib", "/usr/sbin", "/bin", "/sbin", "/lib", sys.prefix, sys.base_prefix)
_INTERPRETERS = re.compile(r"(python|pypy|ruby|perl|node|julia|lua|php|Rscript|R|bash|dash|sh|zsh|env|uv)[0-9.]*")

Sources = dict[str, str]


class HasSources(Protocol):
    """The methods of an evaluator that lead to its files."""

    def working_folder(self) -> Path:
        """Return the folder to which the names of its files are relative."""
        ...

    def source_files(self, sources: "SourceFiles") -> set[Path]:
        """Return the files that its results depend on."""
        ...


class SourceFiles:
    """The current source files of an evaluator; a file that has not changed is read only once.

    The evaluator's `source_files` starts the search here. System programs and installed packages are not followed.
    """

    def __init__(self, evaluator: "HasSources") -> None:
        self._evaluator = evaluator
        self._read: dict[Path, tuple[tuple[int, int, int], str, tuple[_Import, ...]]] = {}

    def hashes(self) -> Sources:
        """Return the hash of each file by its path in the evaluator's folder; empty if the files are unknown."""
        folder, found = self._evaluator.working_folder(), self._evaluator.source_files(self)
        return {_name(path, folder): self._look(path)[0] for path in sorted(found)[:_MOST_FILES]}

    def of_module(self, module: str, folder: Path) -> set[Path]:
        """Return the files of a module, and those that it imports from the folder or from `PYTHONPATH`."""
        theirs = [folder, *(Path(p).resolve() for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p)]
        for base in theirs:
            if files := _files_of(module, base):
                return self._with_imports(files, theirs)
        installed = (files for base in sys.path if base and (files := _files_of(module, Path(base))))
        return set(next(installed, []))

    def of_command(self, command: Sequence[str], path: str | None, folder: Path) -> set[Path]:
        """Return the program of a command, found on this PATH, and the files of the folder that it names or imports."""
        program, *arguments = command
        found = set[Path]()
        where = shutil.which(str(folder / program) if "/" in program else program, path=path)
        if where is not None and not _is_of_the_system(Path(where)):
            found.add(Path(where))
        for before, word in zip(command, arguments, strict=False):
            if before == "-m":
                found |= self._with_imports(_files_of(word, folder), [folder])
            named = folder / word.rpartition("=")[2]
            if named.is_file() and (named.suffix.lower() in _WRITTEN_BY_PEOPLE or os.access(named, os.X_OK)):
                found.add(named)
        return self._with_imports(found, [folder])

    def _with_imports(self, files: Iterable[Path], bases: list[Path]) -> set[Path]:
        """Return the files and all files that they import from these folders or from their own."""
        found, new = set[Path](), list(files)
        while new and len(found) < _MOST_FILES:
            path = new.pop()
            if path in found:
                continue
            found.add(path)
            for imported in self._look(path)[1] if path.suffix == ".py" else ():
                new += imported.files(path, [*bases, path.parent])
        return found

    def _look(self, path: Path) -> tuple[str, "tuple[_Import, ...]"]:
        try:
            now = path.stat()
            version = now.st_mtime_ns, now.st_size, now.st_ino
            known = self._read.get(path)
            if known is None or known[0] != version:
                known = self._read[path] = (version, *_read(path, now.st_size))
        except OSError:
            return "unreadable", ()
        return known[1], known[2]


class _Import:
    """An import statement: its module, the number of dots before it, and the names that it imports."""

    def __init__(self, module: str, dots: int, names: tuple[str, ...]) -> None:
        self.module, self.dots, self.names = module, dots, names

    def files(self, importer: Path, bases: list[Path]) -> list[Path]:
        """Return the files that it imports, if they are in these folders."""
        roots = [importer.parents[min(self.dots, len(importer.parents)) - 1]] if self.dots else bases
        wanted = [f"{self.module}.{name}".strip(".") for name in self.names] or [self.module]
        for root in roots:
            if found := [path for dotted in wanted for path in _files_of(dotted, root)]:
                return found
        return []


def _read(path: Path, size: int) -> tuple[str, tuple[_Import, ...]]:
    """Return a file's hash and, if it is Python, its imports."""
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES)
    digest = hashlib.sha256(b"%d " % size + content).hexdigest()[:_HEX_DIGITS]
    if path.suffix != ".py":
        return digest, ()
    try:
        # Not `ast.parse`: some versions of Python make it fail now and then while another thread is parsing.
        with warnings.catch_warnings(action="ignore"):
            return digest, tuple(_imports(compile(content, path, "exec", dont_inherit=True, optimize=0)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return digest, ()


def _imports(code: CodeType) -> Iterator[_Import]:
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    for dots, names, step in zip(steps, steps[1:], steps[2:], strict=False):
        if step.opname == "IMPORT_NAME":
            yield _Import(step.argval, dots.argval, names.argval or ())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _imports(constant)


def _files_of(dotted: str, base: Path) -> list[Path]:
    """Return the files that importing this name from this folder would run; names inside a module add none."""
    found, here = list[Path](), base
    for part in dotted.split("."):
        package, module = here / part / "__init__.py", here / f"{part}.py"
        if package.is_file():
            found.append(package)
        elif module.is_file():
            return [*found, module]
        elif not (here / part).is_dir():
            return found
        here = here / part
    return found


def _name(path: Path, folder: Path) -> str:
    """Return a file's path in the folder; only its name if it is elsewhere, since such paths differ by machine."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _is_of_the_system(program: Path) -> bool:
    """Return whether a program is an interpreter, or was installed with the system or with Python."""
    path = program.resolve()
    return bool(_INTERPRETERS.fullmatch(path.name)) or any(path.is_relative_to(folder) for folder in _OF_THE_SYSTEM)
