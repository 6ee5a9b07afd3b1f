"""`flows translations`: how far each language is, PO files brought up to date, and the list for the recording studio."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.flows_reading import (
    CLEAN,
    FOUND,
    SHIPPED,
    Format,
    Language,
    LanguageOption,
    PathOption,
    print_findings,
    read_files,
    refuse,
)
from flows import translating
from flows.library import Library
from flows.loader import LANGUAGES, load

UpdateOption = Annotated[
    bool, typer.Option("--update", help="Bring every PO file that is there up to date; what changed becomes fuzzy.")
]
AddOption = Annotated[
    str | None,
    typer.Option("--add", metavar="LANGUAGE", help="Make the PO file of this language, for its translators."),
]
RecordingsOption = Annotated[
    str | None,
    typer.Option("--recordings", metavar="LANGUAGE", help="Print what is to be recorded in this language, as CSV."),
]


def add_translations(app: typer.Typer) -> None:
    """Add the command to `flows`."""

    @app.command()
    def translations(
        path: PathOption = SHIPPED,
        update: UpdateOption = False,
        add: AddOption = None,
        recordings: RecordingsOption = None,
        lang: LanguageOption = Language.VI,
    ) -> None:
        """Report, update or list for recording. Exit: 0 every enabled language is whole, 1 something is left, 2 cannot read."""
        files = read_files(path)
        library = load(files).library
        if library is None:
            print_findings(load(files).findings, Format.TEXT, lang, None)
            raise typer.Exit(FOUND)
        if recordings is not None:
            _print_recordings(library, recordings)
            return
        if add is not None:
            _refuse_unknown(library, add)
        if update or add is not None:
            _update(path, library, files, add)
            library = load(read_files(path)).library or library
        progress = translating.progress(library)
        for one in progress:
            typer.echo(_line(one, lang))
        left = any(one.enabled and one.translated < one.texts for one in progress)
        raise typer.Exit(FOUND if left else CLEAN)


def _update(path: Path, library: Library, files: dict[str, bytes], add: str | None) -> None:
    for code in library.languages:
        name = f"{LANGUAGES}{code}.po"
        if code == library.manifest.language or (name not in files and code != add):
            continue
        made = translating.update(library, code, files.get(name))
        if made == files.get(name):
            continue
        try:
            (path / name).write_bytes(made)
        except OSError as error:
            refuse(f"cannot write {path / name} ({error.strerror})")
        typer.echo(f"updated: {name}")


def _print_recordings(library: Library, language: str) -> None:
    _refuse_unknown(library, language)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["file", "recorded", "text", "note"])
    for one in translating.recordings(library, language):
        writer.writerow([one.file, "yes" if one.recorded else "no", one.text, one.note])
    typer.echo(out.getvalue(), nl=False)


def _refuse_unknown(library: Library, language: str) -> None:
    if language not in library.languages:
        known = ", ".join(library.languages) or "none"
        refuse(f"there is no language '{language}' in this set (there are: {known}); add {LANGUAGES}{language}.yaml")


def _line(one: translating.Progress, lang: Language) -> str:
    if lang is Language.EN:
        state = "enabled" if one.enabled else "not enabled"
        return (
            f"{one.language:<4} {one.name} ({state}): {one.translated}/{one.texts} translated, {one.fuzzy} to look at again, "
            f"{one.missing} missing; {one.recorded}/{one.to_record} recorded"
        )
    state = "đang dùng" if one.enabled else "chưa bật"
    return (
        f"{one.language:<4} {one.name} ({state}): dịch {one.translated}/{one.texts}, đọc lại {one.fuzzy}, "
        f"thiếu {one.missing}; ghi âm {one.recorded}/{one.to_record}"
    )
