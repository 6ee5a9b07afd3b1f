"""`audit`: is the record of who did what still whole, and its signed head for keeping elsewhere."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bot import wiring
from bot.cli.csv_files import fail
from bot.config import load_config
from bot.heads import append_head, read_heads
from handlers.audit_log import AT_ONCE, AuditReport, AuditRow, SignedHead, check_log
from handlers.command_line import COMMAND_LINE, is_command_line, named
from handlers.ports import UnitOfWork

app = typer.Typer(help="The audit log.", no_args_is_help=True, rich_markup_mode=None)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
]
NO_ANCHOR = (
    "note: somebody who may write here could write the whole log anew, signed heads included, and only a head kept elsewhere\n"
    "      would tell; keep one with `audit head --to FILE` and compare with `audit verify --anchor FILE`"
)


@app.command()
def verify(
    anchor: Annotated[
        list[Path] | None,
        typer.Option("--anchor", help="A file with signed heads that was kept elsewhere; may be given more than once."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Check every row of the log. Exit: 0 whole, 1 something was changed, taken out or cut off, 2 cannot be read."""
    kept = [head for path in anchor or [] for head in read_heads(path)]

    async def work() -> AuditReport:
        async with wiring.open_records(load_config(config)) as records:
            return await check_log(records.door, records.signer.public, kept)

    report = asyncio.run(work())
    for problem in report.problems:
        print(f"audit: {problem}")
    if report.problems:
        print("audit: NOT whole; keep this database as it is, and compare it with a backup")
        raise typer.Exit(1)
    print(f"audit: whole, {report.rows} rows ({report.first_seq} to {report.head.seq}), head {report.head.hash.hex()}")
    print(f"audit: {report.signed} signed heads here and {report.anchors} kept elsewhere agree with it")
    if not kept:
        print(NO_ANCHOR)


@app.command()
def show(
    case: Annotated[str, typer.Option("--case", help="Only what was done to this case (its code).")] = "",
    by: Annotated[
        str,
        typer.Option(
            "--by",
            help="Only what she did: a sign-in name, a name at the command line, `command line` (all there), or `system`.",
        ),
    ] = "",
    since: Annotated[str, typer.Option("--since", help="Only from this day on, such as 2026-11-28.")] = "",
    config: ConfigOption = None,
) -> None:
    """Who did what when: number, time, who, what, which case, figures; never a word of anybody. Exit: 0 said, 2 wrong use."""
    written = load_config(config)
    try:
        first = datetime.combine(date.fromisoformat(since), time(), written.zone) if since else None
    except ValueError:
        fail(2, "audit show: write --since as 2026-11-28")

    async def work() -> None:
        async with wiring.open_records(written) as records:
            names = await records.door.read(lambda uow: {one.uid: one.name for one in uow.staff.all()})
            seq = (await records.door.read(lambda uow: uow.audit.beginning())).seq
            while rows := await records.door.read(partial(_rows_after, seq)):
                seq = rows[-1].seq
                for row in rows:
                    who = names.get(row.actor, row.actor)
                    there = (named(row.actor), COMMAND_LINE) if is_command_line(row.actor) else ()
                    wanted = case.upper() in ("", row.object.upper()) and by in ("", who, *there)
                    if wanted and (first is None or row.at >= first):
                        when = row.at.astimezone(written.zone).isoformat(sep=" ", timespec="seconds")
                        print(row.seq, when, who, row.action, row.object, row.detail, sep="\t")

    asyncio.run(work())


def _rows_after(seq: int, uow: UnitOfWork) -> list[AuditRow]:
    return uow.audit.rows(seq, AT_ONCE)


@app.command()
def head(
    to: Annotated[
        Path | None, typer.Option("--to", help="Append the line to this file instead of printing it.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Sign the newest row and give one line to keep elsewhere: numbers and a hash, nothing about anybody. Exit: 0 done, 1 the
    log is empty.
    """

    async def work() -> SignedHead | None:
        async with wiring.open_records(load_config(config)) as records:
            return await records.door.run(records.signer.sign, None)

    signed = asyncio.run(work())
    if signed is None:
        typer.echo("audit: the log is empty, there is nothing to sign yet", err=True)
        raise typer.Exit(1)
    if to is None:
        print(signed.as_line())
        return
    append_head(to, signed)
    print(f"audit: head of row {signed.seq} written to {to}")
