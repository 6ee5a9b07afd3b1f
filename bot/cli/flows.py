"""`flows …`: for the people who write the content, so Vietnamese unless asked otherwise. Here: `check` and `test`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.flows_draw import add_drawing
from bot.cli.flows_publish import add_publishing
from bot.cli.flows_reading import (
    CLEAN,
    FOUND,
    SHIPPED,
    Format,
    FormatOption,
    Language,
    LanguageOption,
    MakeHost,
    PathOption,
    all_findings,
    host_of,
    print_findings,
    read_files,
    refuse,
)
from bot.cli.flows_translations import add_translations
from bot.worlds import loaded
from flows.checks.translation import unfinished
from flows.findings import Finding
from flows.library import Library
from flows.rehearsal import Outcome, run
from flows.transcripts import Channel, Coverage, Host, Script, coverage, scripts
from flows.updating import update as update_script

UpdateOption = Annotated[
    bool, typer.Option("--update", help="Rewrite what failing transcripts expect to what comes now, for review.")
]


def flows_app(make_host: MakeHost) -> typer.Typer:
    """The `flows` commands."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(flows)

    @app.command()
    def check(path: PathOption = SHIPPED, form: FormatOption = Format.TEXT, lang: LanguageOption = Language.VI) -> None:
        """Say everything that must be mended in a content set. Exit: 0 clean, 1 findings, 2 cannot read."""
        library, _, findings = all_findings(make_host, read_files(path))
        print_findings(findings, form, lang, library)
        raise typer.Exit(FOUND if findings else CLEAN)

    @app.command()
    def test(path: PathOption = SHIPPED, lang: LanguageOption = Language.VI, update: UpdateOption = False) -> None:
        """Run the transcripts of a content set and show which steps they pass. Exit: 0 all passed, 1 not, 2 cannot read."""
        files = read_files(path)
        library = loaded(files).library
        if library is None:
            print_findings(loaded(files).findings, Format.TEXT, lang, None)
            raise typer.Exit(FOUND)
        host, unusable = host_of(make_host, files)
        if host is None:
            print_findings(unusable, Format.TEXT, lang, library)
            raise typer.Exit(FOUND)
        found, broken = scripts(files)
        if update:
            _update(path, library, found, host, files)
            found, broken = scripts(files)
        outcomes = [run(library, script, host) for script in found]
        numbered = [run(library, script, host, Channel.NUMBERS) for script in found]
        _print_outcomes(outcomes, broken, lang)
        visited, said = (set[Any]().union(*parts) for parts in _passed(outcomes))
        covered = coverage(library, visited, said)
        _print_coverage(library, covered, lang)
        _print_languages(library, covered, lang)
        _print_channels({Channel.BUTTONS: outcomes, Channel.NUMBERS: numbered}, lang)
        raise typer.Exit(FOUND if broken or any(outcome.failures for outcome in [*outcomes, *numbered]) else CLEAN)

    add_publishing(app, make_host)
    add_drawing(app, make_host)
    add_translations(app)
    return app


def _update(path: Path, library: Library, found: list[Script], host: Host, files: dict[str, bytes]) -> None:
    """Write what failing transcripts expect anew, in the folder and in `files`.

    A language in which texts are missing is left alone: what comes there now is not what anybody wants.
    """
    left = unfinished(library)
    if left:
        typer.echo(
            f"not updated: what is expected in {', '.join(sorted(left))}; translate first, then give the command again"
        )
    for script in found:
        name = script.source.file
        if not run(library, script, host).failures_but(left):
            continue
        updated = update_script(library, script, host, files[name])
        if updated.changed:
            try:
                (path / name).write_bytes(updated.content)
            except OSError as error:
                refuse(f"cannot write {path / name} ({error.strerror}); nothing more was changed")
            files[name] = updated.content
            typer.echo(f"updated: {name}; look at the difference before you keep it")


def flows() -> None:
    """Look after the conversation: check, rehearse, draw and publish what is written."""


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


def _passed(outcomes: list[Outcome]) -> tuple[list[frozenset[str]], list[frozenset[tuple[str, str]]]]:
    return [outcome.visited for outcome in outcomes], [outcome.said for outcome in outcomes]


def _print_languages(library: Library, covered: Coverage, lang: Language) -> None:
    """How much of what can be said was heard in each language that the machine speaks, and where not."""
    for code, language in library.program.languages.items():
        if not language.speaks:
            continue
        heard = covered.said.get(code, frozenset())
        missed = [place for place in covered.speaking if place not in heard]
        count = f"{len(covered.speaking) - len(missed)}/{len(covered.speaking)}"
        line = f"{language.name}: {count} " + _say(lang, "bước có lời đã nghe", "speaking steps heard")
        typer.echo(line + (_say(lang, "; chưa nghe: ", "; not heard: ") + ", ".join(missed) if missed else ""))


def _print_channels(played: dict[Channel, list[Outcome]], lang: Language) -> None:
    """Every transcript once with buttons and once with numbers: what came out otherwise is said."""
    names = {Channel.BUTTONS: ("nút bấm", "buttons"), Channel.NUMBERS: ("gõ số", "numbers")}
    for channel, outcomes in played.items():
        failed = [outcome for outcome in outcomes if outcome.failures]
        line = f"{_say(lang, *names[channel])}: {len(outcomes) - len(failed)}/{len(outcomes)} "
        typer.echo(line + _say(lang, "bản đạt", "transcripts passed"))
        for outcome in failed if channel is Channel.NUMBERS else ():
            typer.echo(f"     {outcome.failures[0].in_language(lang)}")


def _say(lang: Language, vietnamese: str, english: str) -> str:
    return english if lang is Language.EN else vietnamese


def _of(flow: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(f"{flow}.")]
