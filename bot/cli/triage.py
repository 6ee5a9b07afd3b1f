"""`triage`: what screening makes of a text, at a terminal or for a whole CSV; for labelling and for other people's scripts.

Reads with the shipped lexicon, offline, and stores nothing.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from bot import shipped
from handlers.rules.reading.items import LexiconError
from handlers.rules.screening import Screening

_ADDED = ["severity", "category", "signs"]


def triage(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts as a seeker may type them.")
    ] = None,
    csv_in: Annotated[Path | None, typer.Option("--csv", metavar="IN", help="A CSV file with a column `text`.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="OUT", help="Where the CSV goes; default: the terminal.")
    ] = None,
) -> None:
    """How urgent a text is and why: one JSON line a text, or a CSV with severity, category and signs added."""
    if bool(texts) == (csv_in is not None) or (texts and out is not None):
        _fail(2, "triage: give texts, or --csv IN with --out OUT")
    try:
        screening = Screening.load(shipped.content_files())
    except LexiconError as error:
        _fail(2, f"triage: the lexicon cannot be used: {error.findings[0]}; run flows check")
    if csv_in is not None:
        _triage_csv(screening, csv_in, out)
        return
    for text in texts or ():
        typer.echo(json.dumps(screening.read(text).to_json(), ensure_ascii=False))


def _triage_csv(screening: Screening, source: Path, target: Path | None) -> None:
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or [])
            if "text" not in columns:
                _fail(2, f"triage: {source} has no column text; add a header line with it")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        _fail(2, f"triage: cannot read {source}: {_reason(error)}; give a CSV file in UTF-8")
    for row in rows:
        row.pop(None, None)  # type: ignore[call-overload]  # cells beyond the header
        verdict = screening.read(row["text"] or "").to_json()
        row["severity"], row["category"] = str(verdict["severity"]), str(verdict["category"])
        row["signs"] = json.dumps(verdict["signs"], ensure_ascii=False)
    header = [name for name in columns if name not in _ADDED] + _ADDED
    if target is None:
        _write(csv.DictWriter(sys.stdout, header, lineterminator="\n"), rows)
        return
    try:
        with target.open("w", encoding="utf-8", newline="") as file:
            _write(csv.DictWriter(file, header, lineterminator="\n"), rows)
    except OSError as error:
        _fail(2, f"triage: cannot write {target}: {_reason(error)}; choose another --out")


def _write(writer: csv.DictWriter[str], rows: list[dict[str, str]]) -> None:
    writer.writeheader()
    writer.writerows(rows)


def _reason(error: Exception) -> str:
    """Why, without what stands in the file: it may hold what people wrote."""
    return (error.strerror or "not readable") if isinstance(error, OSError) else "not UTF-8 text or not CSV"


def _fail(code: int, message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)
