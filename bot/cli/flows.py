"""`flows check` and `flows test`: for the people who write the content, so Vietnamese unless asked otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from flows.checks import check as find_all
from flows.findings import Finding
from flows.library import Library
from flows.loader import Loaded, load, read_dir
from flows.rehearsal import Outcome, run
from flows.transcripts import Coverage, Host, coverage, scripts
from handlers.errors import BinhAnError
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


def flows_app(make_host: MakeHost) -> typer.Typer:
    """The `flows` commands."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(flows)

    @app.command()
    def check(path: PathOption = SHIPPED, form: FormatOption = Format.TEXT, lang: LanguageOption = Language.VI) -> None:
        """Say everything that must be mended in a content set. Exit: 0 clean, 1 findings, 2 cannot read."""
        files = _read(path)
        loaded = load(files)
        findings = list(loaded.findings)
        if loaded.library is not None:
            host, broken = _host(make_host, files)
            findings = sorted([*broken, *find_all(loaded.library, files, host)])
        _print_findings(findings, form, lang, loaded)
        raise typer.Exit(FOUND if findings else CLEAN)

    @app.command()
    def test(path: PathOption = SHIPPED, lang: LanguageOption = Language.VI) -> None:
        """Run the transcripts of a content set and show which steps they pass. Exit: 0 all passed, 1 not, 2 cannot read."""
        files = _read(path)
        loaded = load(files)
        if loaded.library is None:
            _print_findings(loaded.findings, Format.TEXT, lang, loaded)
            raise typer.Exit(FOUND)
        host, unusable = _host(make_host, files)
        if host is None:
            _print_findings(unusable, Format.TEXT, lang, loaded)
            raise typer.Exit(FOUND)
        found, broken = scripts(files)
        outcomes = [run(loaded.library, script, host) for script in found]
        _print_outcomes(outcomes, broken, lang)
        _print_coverage(loaded.library, coverage(loaded.library, set().union(*(o.visited for o in outcomes))), lang)
        raise typer.Exit(FOUND if broken or any(outcome.failures for outcome in outcomes) else CLEAN)

    return app


def flows() -> None:
    """Look after the conversation: check what is written, run the example talks."""


def _read(path: Path) -> dict[str, bytes]:
    try:
        return read_dir(path)
    except OSError as error:
        _refuse(f"cannot read the content: {error}; give the folder that holds set.yaml")


def _host(make_host: MakeHost, files: dict[str, bytes]) -> tuple[Host | None, list[Finding]]:
    """The host for the transcripts, or what is wrong with the files it needs (the danger lexicon)."""
    try:
        return make_host(files), []
    except (LexiconError, BinhAnError) as error:
        # Loading the whole world wraps what the lexicon complains of; its findings are what an editor needs.
        lexicon = error if isinstance(error, LexiconError) else error.__context__
        if not isinstance(lexicon, LexiconError):
            raise
        return None, list(lexicon.findings)


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(UNREADABLE)


def _print_findings(findings: Iterable[Finding], form: Format, lang: Language, loaded: Loaded) -> None:
    listed = list(findings)
    if form is Format.JSON:
        typer.echo(json.dumps([_as_json(finding, lang) for finding in listed], ensure_ascii=False, indent=2))
        return
    for finding in listed:
        typer.echo(finding.in_language(lang))
    if listed:
        typer.echo(f"{len(listed)} findings" if lang is Language.EN else f"{len(listed)} điều phải sửa")
    elif loaded.library is not None:
        steps = sum(len(flow.steps) for flow in loaded.library.flows.values())
        flow_count = len(loaded.library.flows)
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


def _print_outcomes(outcomes: Iterable[Outcome], broken: Iterable[Finding], lang: Language) -> None:
    for finding in broken:
        typer.echo(finding.in_language(lang))
    passed = failed = 0
    for outcome in outcomes:
        passed, failed = passed + (not outcome.failures), failed + bool(outcome.failures)
        typer.echo(f"{'FAIL' if outcome.failures else 'ok  '} {outcome.title}")
        for failure in outcome.failures:
            typer.echo(f"     {failure.in_language(lang)}")
    typer.echo(
        f"{passed} passed, {failed} failed" if lang is Language.EN else f"{passed} bản đạt, {failed} bản không đạt"
    )


def _print_coverage(library: Library, covered: Coverage, lang: Language) -> None:
    step_word, choice_word, missed = (
        ("steps", "choices", "not passed") if lang is Language.EN else ("bước", "lựa chọn", "chưa qua")
    )
    for name in library.flows:
        steps, choices = _of(name, covered.steps), _of(name, covered.choices)
        left = [*_of(name, covered.missed_steps), *_of(name, covered.missed_choices)]
        step_count = len(steps) - len(_of(name, covered.missed_steps))
        choice_count = len(choices) - len(_of(name, covered.missed_choices))
        line = f"{name:<18} {step_count}/{len(steps)} {step_word}, {choice_count}/{len(choices)} {choice_word}"
        typer.echo(line + (f"; {missed}: {', '.join(left)}" if left else ""))
    total = len(covered.steps) - len(covered.missed_steps)
    total_choices = len(covered.choices) - len(covered.missed_choices)
    typer.echo(f"= {total}/{len(covered.steps)} {step_word}, {total_choices}/{len(covered.choices)} {choice_word}")


def _of(flow: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(f"{flow}.")]
