"""Read past results from the source named by a user."""

from pathlib import Path

from overnight.campaign import Campaign
from overnight.campaign.errors import CannotImport
from overnight.storage.past.optuna_database import read_database
from overnight.storage.past.optuna_journal import read_journal
from overnight.storage.past.optuna_study import choice_of, results_of
from overnight.storage.past.results import PastResults
from overnight.storage.past.table import read_csv, read_parquet

_TABLES = {"csv": read_csv, "parquet": read_parquet}
_STUDIES = {"sqlite": read_database, "journal": read_journal}
_BEGINNINGS = {b"SQLite format 3": "sqlite", b"PAR1": "parquet", b'{"op_code"': "journal"}
_ENDINGS = {".csv": "csv", ".parquet": "parquet", ".log": "journal"}


def read_past_results(source: str, campaign: Campaign, study: str | None = None) -> PastResults:
    """Return the results in a CSV or Parquet file, or in an Optuna study of an SQLite database or a journal.

    The source is a path, or `sqlite:///` or `journal:///` followed by a path; `study` picks one of several studies.
    Raises CannotImport if no results can be read, but does not check the results themselves.
    """
    kind, file = _located(source)
    if kind in _STUDIES:
        return results_of(_STUDIES[kind](file, choice_of(file, study)), file, campaign)
    if study is not None:
        raise CannotImport(f"--study {study}: expected an Optuna study as the source, found the table {file}.")
    return _TABLES[kind](file, campaign)


def _located(source: str) -> tuple[str, Path]:
    """Return the kind of the source and its file; raises CannotImport if the file does not exist."""
    scheme, separator, rest = source.partition("://")
    if not separator:
        file = _existing(Path(source).expanduser(), "")
        return _kind_of(file), file
    if scheme not in _STUDIES or not rest.startswith("/"):
        raise CannotImport(
            f"import {scheme}://…: expected a CSV or Parquet file, `sqlite:///study.db` or `journal:///optuna.log`, "
            f"found `{scheme}`. Copy a study from another database to a file with `optuna.copy_study`."
        )
    return scheme, _existing(
        Path(rest[1:].partition("?")[0]), " An absolute path has four slashes: `sqlite:////srv/study.db`."
    )


def _existing(file: Path, hint: str) -> Path:
    if not file.is_file():
        raise CannotImport(
            f"{file}: expected a file with past results, found {'no file' if file.exists() else 'nothing'}.{hint}"
        )
    return file


def _kind_of(file: Path) -> str:
    """Return the kind by the beginning of the file, or else by the suffix of its name."""
    try:
        with file.open("rb") as opened:
            beginning = opened.read(16)
    except OSError as problem:
        raise CannotImport(f"{file}: expected a file with past results, but: {problem.strerror}.") from None
    for known, kind in _BEGINNINGS.items():
        if beginning.startswith(known):
            return kind
    if file.suffix.lower() not in _ENDINGS:
        raise CannotImport(
            f"{file}: expected past results, a CSV or Parquet file, or the SQLite database or the journal of an Optuna "
            f"study, found none of these. The name of a CSV file ends in .csv."
        )
    return _ENDINGS[file.suffix.lower()]
