"""`triage`: what screening makes of a text, at a terminal or for a whole CSV; for labelling and for other people's scripts.

Reads with the shipped lexicon, offline, and stores nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bot import shipped
from bot.cli.csv_files import add_columns, fail
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
        fail(2, "triage: give texts, or --csv IN with --out OUT")
    try:
        screening = Screening.load(shipped.content_files())
    except LexiconError as error:
        fail(2, f"triage: the lexicon cannot be used: {error.findings[0]}; run flows check")
    if csv_in is not None:
        _triage_csv(screening, csv_in, out)
        return
    for text in texts or ():
        typer.echo(json.dumps(screening.read(text).to_json(), ensure_ascii=False))


def _triage_csv(screening: Screening, source: Path, target: Path | None) -> None:
    def judge(text: str) -> dict[str, str]:
        verdict = screening.read(text).to_json()
        signs = json.dumps(verdict["signs"], ensure_ascii=False)
        return {"severity": str(verdict["severity"]), "category": str(verdict["category"]), "signs": signs}

    add_columns("triage", source, target, _ADDED, judge)
