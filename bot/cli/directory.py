"""`directory`: the services that seekers are told of, in and out, checked, one field at a time, and commune boundaries.

Importing shows the difference first and takes nothing away. Exit codes: 0 done or clean, 1 findings, refused or not wanted, 2
wrong use or unreadable.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from bot import wiring
from bot.cli.csv_files import fail
from bot.cli.held import Held, read_held
from bot.cli.who import ByOption, actor_of, name_of
from bot.config import Config, load_config
from bot.worlds import load_places
from flows.loader import load
from handlers import audit, hsds
from handlers import directory_changes as changes
from handlers.command_line import note
from handlers.directory_check import check as check_directory
from handlers.directory_check import needs_asked_for
from handlers.directory_files import (
    MAX_BYTES,
    TABLES_BESIDE,
    beside_of,
    read_holidays,
    read_services,
    read_travel,
    with_commas,
    write_services,
)
from handlers.model import AuditEntry
from handlers.ports import Operation
from handlers.rules import boundaries
from handlers.rules.places import Gazetteer
from handlers.service import KINDS, Service

app = typer.Typer(help="The services that seekers are told of.", no_args_is_help=True, rich_markup_mode=None)
A = TypeVar("A")
R = TypeVar("R")

MOST_LINES = 200
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
]


class Format(StrEnum):
    """What a file of services looks like."""

    CSV = "csv"
    HSDS = "hsds"
    HOLIDAYS = "holidays"
    TRAVEL = "travel"


@app.command("export")
def export_services(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Where it goes; default: the terminal.")] = None,
    file_format: Annotated[
        Format, typer.Option("--format", help="csv for people, hsds for other directories; or holidays, travel.")
    ] = Format.CSV,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="The same as FILE.")] = None,
    staff: Annotated[
        bool, typer.Option("--staff", help="Also what only staff may know of. Keep such a file where you keep keys.")
    ] = False,
    by: ByOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the directory out; without --staff nothing that only staff may know of. Exit: 0 done, 2 cannot write."""
    to = _one_file("directory export", file, out, "--out")
    written = load_config(config)
    held = read_held(written)
    services = held.services
    left = services if staff else hsds.without_secret(services)
    match file_format:
        case Format.CSV:
            content = write_services(left)
        case Format.HSDS:
            content = hsds.to_hsds(left)
        case Format.HOLIDAYS | Format.TRAVEL:
            content, left, services = held.files.get(TABLES_BESIDE[file_format.value], b""), [], []
    if staff and services:
        _note_export(written, by, file_format, len(left))
    if to is None:
        sys.stdout.buffer.write(content)
        return
    try:
        _write(to, content, private=staff)
    except OSError as error:
        fail(2, f"directory export: cannot write {to} ({error.strerror}); choose another file")
    what = f"{len(left)} services" if file_format in (Format.CSV, Format.HSDS) else file_format.value
    typer.echo(f"directory: {what} written to {to}", err=True)
    if len(left) < len(services):
        typer.echo(
            f"directory: {len(services) - len(left)} for staff only were left out (--staff takes them in)", err=True
        )


@app.command("import")
def import_services(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A CSV as `directory export` writes it, or HSDS 3 in JSON.")
    ] = None,
    source: Annotated[Path | None, typer.Option("--in", metavar="FILE", help="The same as FILE.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write it without asking.")] = False,
    kind: Annotated[str, typer.Option("--kind", help="For HSDS services that do not say one of our kinds.")] = "",
    by: ByOption = None,
    config: ConfigOption = None,
) -> None:
    """Show what a file would change and write it after a yes; nothing is deleted. Exit: 0 done or nothing to do, 1 not
    written, 2 cannot be read.
    """
    if kind and kind not in KINDS:
        fail(2, f"directory import: --kind must be one of {', '.join(sorted(KINDS))}")
    wanted = _one_file("directory import", file, source, "--in")
    if wanted is None:
        fail(2, "directory import: give FILE, as `directory export FILE` has written it")
    written = load_config(config)
    held = read_held(written, begin=True)
    content = with_commas(_read(wanted, "directory import", MAX_BYTES))
    table = beside_of(content)
    if table:
        _import_table(written, held, wanted, content, table, yes=yes, by=by)
        return
    incoming = _incoming(wanted, content, held, kind)
    found = changes.difference(held.services, incoming)
    _say_difference(found)
    if found.empty:
        return
    if not yes:
        _ask()
    item = changes.Import(rows=found.rows, revision=held.revision, by=name_of(by))
    done = _carry_out(written, changes.import_services, item)
    typer.echo(f"directory: {done} services written")


def _one_file(command: str, given: Path | None, option: Path | None, name: str) -> Path | None:
    """The file of a command that takes it by its place or by an option, not by both."""
    if given is not None and option is not None:
        fail(2, f"{command}: give one file, as FILE or with {name}, not both")
    return given if given is not None else option


@app.command("set")
def set_field(
    service_id: Annotated[str, typer.Argument(metavar="ID")],
    field: Annotated[
        str | None, typer.Argument(metavar="[FIELD]", help=f"One of {', '.join(changes.SETTABLE)}.")
    ] = None,
    value: Annotated[str | None, typer.Argument(metavar="[VALUE]", help="Lists joined with |; '' empties it.")] = None,
    verified_by: Annotated[
        str | None, typer.Option("--verified-by", help="An office that has checked everything in this entry.")
    ] = None,
    on: Annotated[str | None, typer.Option("--on", help="The day of that check (default: today).")] = None,
    by: ByOption = None,
    config: ConfigOption = None,
) -> None:
    """Set one field of one service, or say that it was checked, or both. Exit: 0 done, 1 refused, 2 wrong use."""
    if (field is None) != (value is None) or (field is None and verified_by is None):
        fail(2, "directory set: give FIELD and VALUE, or --verified-by OFFICE, or both")
    written, who = load_config(config), name_of(by)
    read_held(written, begin=True)
    if field is not None and value is not None:
        item = changes.SetField(service_id=service_id, column=field, value=value, by=who)
        changed = _carry_out(written, changes.set_field, item)
        for column, (old, new) in changed.columns.items():
            typer.echo(f"{service_id}: {column}: {old or '-'} -> {new or '-'}")
        if changed.unproven and verified_by is None:
            typer.echo(
                f"{service_id}: its check is void now; when it is checked: directory set {service_id} --verified-by …"
            )
    if verified_by is not None:
        day = _day(on, written)
        _carry_out(
            written, changes.verify, changes.Verify(service_ids=(service_id,), on=day, office=verified_by, by=who)
        )
        typer.echo(f"{service_id}: checked by {verified_by} on {day}; good for 180 days")


@app.command()
def check(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line a finding.")] = False,
    config: ConfigOption = None,
) -> None:
    """List what is stale, unverified, unreachable or missing in the directory. Exit: 0 nothing, 1 findings."""
    written = load_config(config)
    held = read_held(written)
    library = load(held.files).library
    if library is None:
        fail(2, "directory check: the published content cannot run; see flows check")
    asked = needs_asked_for(task.errand.needs for task in library.program.tasks.values() if task.errand is not None)
    today = datetime.now(written.zone).date()
    found = check_directory(held.directory(), held.gazetteer, asked, today)
    for one in found:
        typer.echo(json.dumps({"code": one.code, "about": one.about, "text": one.text}) if as_json else str(one))
    if found:
        raise typer.Exit(1)
    if not as_json:
        typer.echo("directory: nothing to mend")


@app.command("import-boundaries")
def import_boundaries(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="GeoJSON: a polygon for each commune of today.")
    ] = None,
    code_property: Annotated[
        str, typer.Option("--code-property", help="The property that holds a commune's code.")
    ] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the loaded boundaries away.")] = False,
    by: ByOption = None,
    config: ConfigOption = None,
) -> None:
    """Load commune boundaries, so that a shared location is matched by them. Exit: 0 done, 1 refused, 2 cannot be read."""
    if (file is None) != remove:
        fail(2, "directory import-boundaries: give FILE, or --remove")
    written = load_config(config)
    rows: Mapping[str, str] = {}
    if file is not None:
        loaded, missing = _boundaries(file, load_places(written.places), code_property)
        rows = loaded.to_rows()
        typer.echo(f"{file}: {len(loaded.codes)} communes, {loaded.points():,} corners")
        if missing:
            typer.echo(
                f"without a boundary, matched by centres: {', '.join(missing[:20])}{' …' if missing[20:] else ''}"
            )
    _carry_out(written, changes.load_boundaries, changes.LoadBoundaries(rows=rows, by=name_of(by)))
    typer.echo("boundaries taken away" if remove else "boundaries loaded; a running service uses them within a second")


# --- writing -----------------------------------------------------------------------------------------------------------


def _carry_out(config: Config, operation: Operation[A, R], item: A) -> R:
    async def run() -> R:
        async with wiring.open_content(config) as door:
            return await door.run(operation, item)

    try:
        return asyncio.run(run())
    except (changes.NoSuchService, changes.NoSuchColumn, changes.WrongValue, changes.DirectoryOvertaken) as refused:
        fail(1, f"directory: {refused}")


def _note_export(config: Config, by: str | None, file_format: Format, services: int) -> None:
    """Before the file is there: nobody learns where people hide without a row that says who asked."""
    detail = {"format": file_format.value, "services": services}
    _carry_out(config, note, AuditEntry(actor=actor_of(by), action=audit.DIRECTORY_EXPORTED, detail=dict(detail)))


# --- files ---------------------------------------------------------------------------------------------------------------


def _import_table(
    config: Config, held: Held, file: Path, content: bytes, name: str, *, yes: bool, by: str | None
) -> None:
    """Holidays or travel times: a whole table takes the place of the one before; every line that goes or comes is shown."""
    try:
        read_holidays(content, file.name) if name == Format.HOLIDAYS else read_travel(content, file.name)
    except ValueError as wrong:
        fail(1, f"directory import: {file}: {wrong}; nothing was changed")
    before = held.files.get(TABLES_BESIDE[name], b"").decode("utf-8-sig").splitlines()
    after = content.decode("utf-8-sig").splitlines()
    lines = [f"+ {line}" for line in after if line not in before] + [
        f"- {line}" for line in before if line not in after
    ]
    for line in lines[:MOST_LINES]:
        typer.echo(line)
    typer.echo(f"{name}: {len(lines)} lines differ")
    if not lines:
        return
    if not yes:
        _ask()
    text = "\n".join(after) + "\n"
    _carry_out(config, changes.replace_table, changes.ReplaceTable(name=name, text=text, by=name_of(by)))
    typer.echo(f"{name} written; a running service uses it within a second")


def _incoming(file: Path, content: bytes, held: Held, kind: str) -> list[Service]:
    try:
        if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"["):
            return list(read_services(content, file.name))
        known = {service.hsds_service: service.id for service in held.services if service.hsds_service}
        found = hsds.from_hsds(content, held.gazetteer, known=known, kind=kind)
    except ValueError as wrong:
        fail(1, f"directory import: {file}: {wrong}; nothing was changed")
    for one in found:
        if one.lost:
            typer.echo(f"! {one.service.id}: not kept: {', '.join(one.lost)}")
    return [one.service for one in found]


def _boundaries(file: Path, gazetteer: Gazetteer, code_property: str) -> tuple[boundaries.Boundaries, tuple[str, ...]]:
    content = _read(file, "directory import-boundaries", boundaries.MAX_BYTES)
    centres = {code: gazetteer.centre(code) for code in gazetteer.codes}
    try:
        return boundaries.read_geojson(content, centres, code_property)
    except boundaries.Unreadable as wrong:
        fail(1, f"directory import-boundaries: {file}: {wrong}; nothing was changed")


def _write(out: Path, content: bytes, *, private: bool) -> None:
    """`private`: where people hide may stand in it, so nobody else on this machine reads it, not even while it is written."""
    with open(out, "wb", opener=lambda path, flags: os.open(path, flags, 0o600 if private else 0o666)) as file:
        if private and out.is_file():
            os.fchmod(file.fileno(), 0o600)  # it may have been there already, for everybody
        file.write(content)


def _read(file: Path, command: str, most: int) -> bytes:
    try:
        if file.stat().st_size > most:
            fail(2, f"{command}: {file} is larger than {most:,} bytes")
        return file.read_bytes()
    except OSError as error:
        fail(2, f"{command}: cannot read {file} ({error.strerror}); check the path")


# --- words ---------------------------------------------------------------------------------------------------------------


def _say_difference(found: changes.Difference) -> None:
    """`+` new, `~` changed with its fields, `=` what stays although the file does not have it."""
    lines = [f"+ {service.id}  {service.name}" for service in found.added]
    for one in found.changed:
        void = "  (its check is void: what was checked has changed)" if one.unproven else ""
        lines.append(f"~ {one.service_id}{void}")
        lines += [f"    {column}: {old or '-'} -> {new or '-'}" for column, (old, new) in one.columns.items()]
    lines += [f"= {service_id}  not in the file, kept as it is" for service_id in found.kept]
    for line in lines[:MOST_LINES]:
        typer.echo(line)
    if len(lines) > MOST_LINES:
        typer.echo(f"… and {len(lines) - MOST_LINES} lines more")
    typer.echo(
        f"{len(found.added)} new, {len(found.changed)} changed, {found.unchanged} unchanged, {len(found.kept)} not in the file"
    )


def _ask() -> None:
    if not sys.stdin.isatty():
        fail(
            1,
            "directory import: nobody is here to be asked; look at the difference and give --yes. Nothing was changed",
        )
    if not typer.confirm("Write this?"):
        typer.echo("Nothing was changed.")
        raise typer.Exit(1)


def _day(on: str | None, config: Config) -> date:
    try:
        return date.fromisoformat(on) if on else datetime.now(config.zone).date()
    except ValueError:
        fail(2, "directory set: write --on as 2026-11-23")
