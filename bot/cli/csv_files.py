"""CSV in, CSV out for the commands that judge texts: a column `text` comes in, the same rows go out with columns added."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import typer


def fail(code: int, message: str) -> NoReturn:
    """One line on stderr and an exit code."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


def add_columns(
    command: str, source: Path, target: Path | None, added: Sequence[str], judge: Callable[[str], Mapping[str, str]]
) -> None:
    """Write `source` to `target` (the terminal without one) with the columns `added`, which `judge` fills from each text.

    Exits with 2 when a file cannot be read or written or has no column `text`; no message quotes what stands in a file.
    """
    columns, rows = _read(command, source)
    for row in rows:
        row.update(judge(row["text"] or ""))
    header = [name for name in columns if name not in added] + list(added)
    if target is None:
        _write(csv.DictWriter(sys.stdout, header, lineterminator="\n"), rows)
        return
    try:
        with target.open("w", encoding="utf-8", newline="") as file:
            _write(csv.DictWriter(file, header, lineterminator="\n"), rows)
    except OSError as error:
        fail(2, f"{command}: cannot write {target}: {_reason(error)}; choose another --out")


def _read(command: str, source: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or [])
            if "text" not in columns:
                fail(2, f"{command}: {source} has no column text; add a header line with it")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        fail(2, f"{command}: cannot read {source}: {_reason(error)}; give a CSV file in UTF-8")
    for row in rows:
        row.pop(None, None)  # cells beyond the header
    return columns, rows


def _write(writer: csv.DictWriter[str], rows: list[dict[str, str]]) -> None:
    writer.writeheader()
    writer.writerows(rows)


def _reason(error: Exception) -> str:
    """Why, without what stands in the file: it may hold what people wrote."""
    return (error.strerror or "not readable") if isinstance(error, OSError) else "not UTF-8 text or not CSV"
