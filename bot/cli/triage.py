"""`triage`: what screening makes of a text, at a terminal or for a whole CSV; for labelling and for other people's scripts.

Reads with the shipped lexicon unless told otherwise, offline, and stores nothing. `--report`: see `triage_report`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bot import shipped
from bot.cli.csv_files import add_columns, fail
from bot.cli.flows_reading import Language
from bot.cli.triage_report import report as print_report
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
    report: Annotated[bool, typer.Option("--report", help="How well the lexicon reads labelled examples.")] = False,
    content: Annotated[
        Path | None, typer.Option("--content", metavar="DIR", help="A content folder; default: the shipped one.")
    ] = None,
    examples: Annotated[
        Path | None, typer.Option("--examples", metavar="FILE", help="With --report: a labelled CSV file of your own.")
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="With --report: print what is missed or rung for nothing.")
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="With --report: record the figures for `flows check`.")
    ] = False,
    lang: Annotated[Language, typer.Option("--lang", help="With --report: language of the figures.")] = Language.VI,
) -> None:
    """How urgent a text is and why: one JSON line a text, or a CSV with severity, category and signs added."""
    if report:
        if texts or csv_in is not None or out is not None:
            fail(2, "triage: --report reads labelled examples; leave texts, --csv and --out out")
        print_report(content, examples, listed=listed, accept=accept, lang=lang)
        return
    if examples is not None or listed or accept:
        fail(2, "triage: --examples, --list and --accept belong to --report")
    if bool(texts) == (csv_in is not None) or (texts and out is not None):
        fail(2, "triage: give texts, or --csv IN with --out OUT, or --report")
    screening = _load(content)
    if csv_in is not None:
        _triage_csv(screening, csv_in, out)
        return
    for text in texts or ():
        typer.echo(json.dumps(screening.read(text).to_json(), ensure_ascii=False))


def _load(content: Path | None) -> Screening:
    try:
        return Screening.load(shipped.content_files(content))
    except LexiconError as error:
        fail(2, f"triage: the lexicon cannot be used: {error.findings[0]}; run flows check")
    except OSError as error:
        fail(2, f"triage: cannot read the content: {error}; give the folder that holds set.yaml")


def _triage_csv(screening: Screening, source: Path, target: Path | None) -> None:
    def judge(text: str) -> dict[str, str]:
        verdict = screening.read(text).to_json()
        signs = json.dumps(verdict["signs"], ensure_ascii=False)
        return {"severity": str(verdict["severity"]), "category": str(verdict["category"]), "signs": signs}

    add_columns("triage", source, target, _ADDED, judge)
