"""What all `flows` commands share: reading a set, the host its transcripts talk to, languages, and printing findings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from bot.worlds import loaded
from flows.checks import check as find_all
from flows.findings import Finding
from flows.library import Library
from flows.loader import read_dir
from flows.transcripts import Host
from handlers.errors import BinhAnError
from handlers.rules import recall
from handlers.rules.reading.items import LexiconError

SHIPPED = Path(__file__).resolve().parents[2] / "flows" / "content"

CLEAN, FOUND, UNREADABLE = 0, 1, 2
"""Exit codes: nothing to mend, something to mend, the folder cannot be read."""


class Format(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"


class Language(StrEnum):
    """The language of messages; codes are the same in both."""

    VI = "vi"
    EN = "en"


PathOption = Annotated[Path, typer.Argument(help="Folder of the content set.", show_default="the shipped one")]
FormatOption = Annotated[Format, typer.Option("--format", help="text: one line a finding; json: one array.")]
LanguageOption = Annotated[Language, typer.Option("--lang", help="Language of the messages.")]
MakeHost = Callable[[dict[str, bytes]], Host]
"""Makes the host that transcripts talk to from the files of a set; raises LexiconError when the lexicon cannot be used."""


def read_files(path: Path) -> dict[str, bytes]:
    """The files of a content folder; exit 2 when it cannot be read."""
    try:
        return read_dir(path)
    except OSError as error:
        refuse(f"cannot read the content: {error}; give the folder that holds set.yaml")


def all_findings(make_host: MakeHost, files: dict[str, bytes]) -> tuple[Library | None, Host | None, list[Finding]]:
    """Everything that must be mended in a set, and the library and the host as far as there are any."""
    read = loaded(files)  # once: the host reads the same flows
    if read.library is None:
        return None, None, list(read.findings)
    host, broken = host_of(make_host, files)
    worse = recall.findings(files, lambda text: host.screen(text)[:2]) if host is not None else []
    return read.library, host, sorted([*read.findings, *broken, *worse, *find_all(read.library, files, host)])


def host_of(make_host: MakeHost, files: dict[str, bytes]) -> tuple[Host | None, list[Finding]]:
    """The host for the transcripts, or what is wrong with the files it needs (the danger lexicon)."""
    try:
        return make_host(files), []
    except (LexiconError, BinhAnError) as error:
        # Loading the whole world wraps what the lexicon complains of; its findings are what an editor needs.
        lexicon = error if isinstance(error, LexiconError) else error.__context__
        if not isinstance(lexicon, LexiconError):
            raise
        return None, list(lexicon.findings)
    except ValueError as error:
        typer.echo(f"directory/{error}", err=True)  # a row of the directory's seed: the text says file, line and what
        raise typer.Exit(FOUND) from None


def refuse(message: str) -> NoReturn:
    """One line on stderr and exit 2."""
    typer.echo(message, err=True)
    raise typer.Exit(UNREADABLE)


def print_findings(findings: Iterable[Finding], form: Format, lang: Language, library: Library | None) -> None:
    """The findings; for a clean set how much was looked at."""
    listed = list(findings)
    if form is Format.JSON:
        typer.echo(json.dumps([_as_json(finding, lang) for finding in listed], ensure_ascii=False, indent=2))
        return
    for finding in listed:
        typer.echo(finding.in_language(lang))
    if listed:
        typer.echo(f"{len(listed)} findings" if lang is Language.EN else f"{len(listed)} điều phải sửa")
    elif library is not None:
        steps = sum(len(flow.steps) for flow in library.flows.values())
        flow_count = len(library.flows)
        clean, clean_en = f"Sạch: {flow_count} luồng, {steps} bước", f"Clean: {flow_count} flows, {steps} steps"
        typer.echo(clean_en if lang is Language.EN else clean)


def _as_json(finding: Finding, lang: Language) -> dict[str, str | int]:
    return {
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "code": finding.code,
        "message": finding.message_en if lang is Language.EN else finding.message,
    }
