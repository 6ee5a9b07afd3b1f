"""`flows init`, `publish`, `rollback`, `versions`: from a folder to what runs, with a look at the difference first."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bot import shipped, wiring
from bot.cli.flows_reading import (
    FOUND,
    Format,
    Language,
    LanguageOption,
    MakeHost,
    all_findings,
    print_findings,
    refuse,
)
from bot.cli.flows_reading import read_files as read
from bot.cli.who import ByOption, name_of
from bot.config import Config, load_config
from flows.difference import Change, difference, file_difference
from flows.findings import Finding
from flows.library import Library
from flows.loader import load
from handlers import publishing
from handlers.ports import Publication, UnitOfWork

SHORT = 12  # characters of a version that are shown

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
]
FolderArgument = Annotated[
    Path | None, typer.Argument(metavar="[DIR]", help="Folder of the content set (default: the configuration's).")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DespiteOption = Annotated[
    list[str] | None,
    typer.Option(
        "--despite", help=f"Publish in spite of findings of this code: {', '.join(sorted(publishing.DESPITE))}."
    ),
]


@dataclass(frozen=True, slots=True)
class Running:
    """What runs when a command looks: the version, its files, the library if this program can read it, who stands where."""

    version: str | None
    files: Mapping[str, bytes]
    library: Library | None
    history: Sequence[Publication]
    standing: Mapping[tuple[str, str], int]


def add_publishing(app: typer.Typer, make_host: MakeHost) -> None:
    """Register the commands."""
    app.command("init")(init)

    @app.command()
    def publish(
        folder: FolderArgument = None,
        config: ConfigOption = None,
        yes: YesOption = False,
        by: ByOption = None,
        despite: DespiteOption = None,
        lang: LanguageOption = Language.VI,
    ) -> None:
        """Make a content set what runs, after a look at the difference. Exit: 0 done, 1 findings or not wanted, 2 cannot."""
        written = load_config(config)
        files = read(folder) if folder is not None else shipped.content_files(written.content)
        _refuse_findings(make_host, files, despite or [], lang)
        asyncio.run(_publish(written, files, name_of(by), tuple(despite or ()), lang, ask=not yes))

    @app.command()
    def rollback(
        version: Annotated[str | None, typer.Argument(help="Version (default: the one before the current).")] = None,
        config: ConfigOption = None,
        by: ByOption = None,
        lang: LanguageOption = Language.VI,
    ) -> None:
        """Make an earlier version what runs, at once. Exit: 0 done, 2 there is none."""
        asyncio.run(_roll_back(load_config(config), version, name_of(by), lang, make_host))

    @app.command()
    def versions(config: ConfigOption = None, lang: LanguageOption = Language.VI) -> None:
        """List what ran since when, by whose hand, and how many people are in a conversation of each version."""
        asyncio.run(_versions(load_config(config), lang))


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")]) -> None:
    """Copy the shipped content out for editing. Exit: 0 done, 2 the folder is not empty or cannot be written."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        refuse(f"{folder} is not an empty folder; give a new one, nothing was written")
    try:
        for name, content in shipped.content_files().items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    except OSError as error:
        refuse(f"cannot write to {folder} ({error.strerror}); choose another folder")
    typer.echo(f"content: copied to {folder}; next: edit, then flows check {folder}, then flows publish {folder}")


# --- publish -------------------------------------------------------------------------------------------------------------


def _refuse_findings(make_host: MakeHost, files: dict[str, bytes], despite: Sequence[str], lang: Language) -> None:
    """Exit 1 with every finding that may not be published; those named by `despite` are printed and passed."""
    unknown = sorted(set(despite) - publishing.DESPITE)
    if unknown:
        refuse(
            f"--despite {unknown[0]}: this must be mended; only {', '.join(sorted(publishing.DESPITE))} can be passed"
        )
    library, _, findings = all_findings(make_host, files)
    left = [finding for finding in findings if finding.code not in despite]
    if left:
        print_findings(left, Format.TEXT, lang, library)
        typer.echo(_say(lang, "Chưa đăng: hãy sửa các điều trên.", "Not published: mend what is listed above."))
        raise typer.Exit(FOUND)
    _print_passed(findings, lang)


def _print_passed(findings: Sequence[Finding], lang: Language) -> None:
    for finding in findings:
        typer.echo(finding.in_language(lang))


async def _publish(
    config: Config, files: dict[str, bytes], by: str, despite: tuple[str, ...], lang: Language, *, ask: bool
) -> None:
    async with wiring.open_content(config) as door:
        running = await door.read(lambda uow: _running(uow, config))
        library = load(files).library
        assert library is not None
        if library.version == running.version:
            typer.echo(_say(lang, "Không có gì để đăng: bản này đang chạy.", "Nothing to publish: this is what runs."))
            return
        _print_difference(running, library, files, lang)
        if ask:
            _ask(lang)
        command = publishing.Publish(files=files, by=by, instead_of=running.version, despite=despite)
        done = await door.run(publishing.publish, command)
    version, who = done.version[:SHORT], by
    typer.echo(
        _say(
            lang,
            f"Đã đăng bản {version} ({who}). Dịch vụ đang chạy dùng bản mới trong vòng một giây.",
            f"Published {version} ({who}). A running service takes it over within a second.",
        )
    )


def _ask(lang: Language) -> None:
    """Wait for a yes; exit 1 otherwise."""
    if not _somebody_is_here():
        refuse("nobody is here to be asked; look at the difference and give --yes")
    if not typer.confirm(_say(lang, "Đăng bản này?", "Publish this?")):
        typer.echo(_say(lang, "Không đăng gì cả.", "Nothing was published."))
        raise typer.Exit(FOUND)


def _somebody_is_here() -> bool:
    return sys.stdin.isatty()


def _print_difference(running: Running, library: Library, files: Mapping[str, bytes], lang: Language) -> None:
    """Every change, and beside a changed or removed step how many people stand there."""
    if running.library is None:
        typer.echo(_say(lang, "Chưa có bản nào chạy được để so sánh.", "There is no readable version to compare with."))
        return
    changes = [*difference(running.library, library), *file_difference(running.files, files)]
    here = publishing.by_step(running.standing, running.version or "")
    said: set[str] = set()
    for change in changes:
        typer.echo(f"  {change.in_language(lang)}{_people(change, here, library, said, lang)}")
    total = sum(running.standing.values())
    touched = sum(here.get(place, 0) for place in {change.place for change in changes if "." in change.place})
    typer.echo(
        _say(
            lang,
            f"{len(changes)} thay đổi. {total} người đang nhắn, {touched} người đang ở bước bị đổi hoặc bỏ; "
            "ai đang nhắn thì đi tiếp trên bản cũ đến hết cuộc, trừ khi “moved” nói khác.",
            f"Changes: {len(changes)}. People talking: {total}, on a changed or removed step: {touched}; "
            "whoever is talking goes on with the old version to the end, unless `moved` says otherwise.",
        )
    )


def _people(change: Change, here: Mapping[str, int], library: Library, said: set[str], lang: Language) -> str:
    """The count behind the first change of a step, and where `moved:` takes these people."""
    count = here.get(change.place, 0)
    if not count or change.place in said:
        return ""
    said.add(change.place)
    moved = library.manifest.moved
    to = moved.get(change.place) or moved.get(change.place.partition(".")[0])
    told = _say(lang, f"  ← {count} người đang ở đây", f"  ← people here: {count}")
    return told + (_say(lang, f", chuyển sang {to}", f", they move to {to}") if to else "")


# --- rollback and versions -----------------------------------------------------------------------------------------------


async def _roll_back(config: Config, named: str | None, by: str, lang: Language, make_host: MakeHost) -> None:
    async with wiring.open_content(config) as door:
        running = await door.read(lambda uow: _running(uow, config))
        version = (
            publishing.before_current(running.history)
            if named is None
            else publishing.named_version(running.history, named)
        )
        found = await door.read(lambda uow: uow.content.get(version))
        if found is not None:
            make_host(dict(found.files))  # its danger lexicon, too, must still be readable by this program
        command = publishing.RollBack(version=version, by=by, instead_of=running.version)
        done = await door.run(publishing.roll_back, command)
    if not done.changed:
        typer.echo(_say(lang, "Bản này đang chạy.", "This is what runs."))
        return
    now, before = done.version[:SHORT], (done.before or "")[:SHORT]
    typer.echo(
        _say(lang, f"Đã quay lại bản {now} (thay bản {before}).", f"Rolled back to {now} (instead of {before}).")
    )


async def _versions(config: Config, lang: Language) -> None:
    async with wiring.open_content(config) as door:
        running = await door.read(lambda uow: _running(uow, config))
        newer = await door.read(lambda uow: publishing.is_newer(uow, shipped.version(config.content)))
    people = publishing.by_version(running.standing)
    for index, publication in enumerate(reversed(running.history)):
        at = publication.published_at.astimezone(config.zone).strftime("%Y-%m-%d %H:%M")
        mark = "*" if index == 0 else " "
        count = people.pop(publication.version, 0)  # beside the newest line of a version only
        talking = _say(lang, f"  {count} người đang nhắn", f"  people talking: {count}") if count else ""
        typer.echo(f"{mark} {publication.version[:SHORT]}  {at}  {publication.published_by}{talking}")
    if not running.history:
        typer.echo(_say(lang, "Chưa đăng bản nào.", "Nothing is published yet."))
    if newer:
        typer.echo(
            _say(
                lang,
                "Chương trình có bản nội dung mới chưa từng đăng ở đây. Xem khác nhau rồi đăng: python -m bot flows publish",
                "The program brings content that was never published here. See the difference, then publish: "
                "python -m bot flows publish",
            ),
            err=True,
        )


def _running(uow: UnitOfWork, config: Config) -> Running:
    history = uow.content.history()
    found = uow.content.get(history[-1].version) if history else None
    files = dict(found.files) if found is not None else {}
    library = load(files).library if found is not None else None
    # Whoever was silent for longer is greeted like a new person, and so stands nowhere.
    window = library.manifest.resume_within if library is not None else publishing.RESUME_WITHIN
    standing = uow.contacts.standing(uow.now - window)
    return Running(history[-1].version if history else None, files, library, history, standing)


def _say(lang: Language, vietnamese: str, english: str) -> str:
    return english if lang is Language.EN else vietnamese
