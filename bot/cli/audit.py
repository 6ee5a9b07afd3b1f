"""`audit`: is the record of who did what still whole, and its signed head for keeping elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bot import wiring
from bot.cli.csv_files import fail
from bot.cli.who import ByOption, actor_of
from bot.config import load_config
from bot.heads import append_head, read_heads
from handlers.audit_flaws import Flaw, marked
from handlers.audit_heads import SignedHead
from handlers.audit_log import AT_ONCE, AuditReport, AuditRow, Known, check_log
from handlers.audit_signing import REASONS, Acknowledge
from handlers.command_line import COMMAND_LINE, is_command_line, named
from handlers.ports import UnitOfWork
from handlers.watching import audit_looked_at

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
    """Check every row of the log. Exit: 0 whole, 1 something was changed, taken out or cut off, 2 cannot be read, 3 whole but for
    what somebody has acknowledged.
    """
    kept = [head for path in anchor or [] for head in read_heads(path)]

    async def work() -> tuple[AuditReport, dict[int, str]]:
        async with wiring.open_records(load_config(config)) as records:
            report = await check_log(records.door, records.signer.keys, kept)
            return report, await _who(records, report.known)

    report, who = asyncio.run(work())
    for one in report.known:
        said = f"known since {one.head.at:%Y-%m-%d} (row {one.head.seq}, {who[one.head.seq]}, {one.head.said.why})"
        print(f"audit: {said}: {one.flaw.said}")
    for flaw in report.flaws:
        print(f"audit: {flaw.said}" + (f" [{flaw.code}]" if flaw.code else ""))
    if report.flaws:
        _say_codes(report.flaws)
        print("audit: NOT whole; keep this database as it is, and compare it with a backup")
        raise typer.Exit(1)
    but = f" but for {len(report.known)} known findings" if report.known else ""
    span = f"{report.rows} rows ({report.first_seq} to {report.head.seq})"
    print(f"audit: whole{but}, {span}, head {report.head.hash.hex()}")
    print(f"audit: {report.signed} signed heads here and {report.anchors} kept elsewhere agree with it")
    if report.keys > 1:
        print(f"audit: signed with {report.keys} keys one after the other, each handed over to the next")
    if not kept:
        print(NO_ANCHOR)
    if report.known:
        raise typer.Exit(3)


def _together(flaws: Sequence[Flaw]) -> str:
    """One code for all findings that stand there, which is another one as soon as there is one more."""
    return marked("together", *(one.mark for one in flaws)).hex()[: len(flaws[0].code)]


def _say_codes(flaws: Sequence[Flaw]) -> None:
    coded = [one for one in flaws if one.code]
    if len(coded) > 1:
        print(f"audit: all {len(coded)} findings that have a code, together [{_together(coded)}]")


async def _who(records: wiring.Records, known: Sequence[Known]) -> dict[int, str]:
    """Who acknowledged, by the row of the log that says so."""
    found = {}
    for seq in {one.head.seq for one in known}:
        rows = await records.door.read(partial(_rows_after, seq - 1, limit=1))
        found[seq] = rows[0].actor if rows else "nobody"
    return found


@app.command()
def acknowledge(
    codes: Annotated[list[str], typer.Argument(help="Codes of findings, as `audit verify` shows them in brackets.")],
    reason: Annotated[str, typer.Option("--reason", help=f"Why it is as it is: {', '.join(REASONS)}.")],
    config: ConfigOption = None,
    by: ByOption = None,
) -> None:
    """Say that somebody has looked into a finding that cannot be undone. It stays listed, and rings no more until anything there
    changes again. Exit: 0 nothing else is wrong, 1 something still is, or no finding has that code, 2 wrong use.
    """
    if reason not in REASONS:
        fail(
            2, "audit acknowledge: --reason is one of " + "; ".join(f"{one} ({says})" for one, says in REASONS.items())
        )

    async def work() -> tuple[int, AuditReport]:
        async with wiring.open_records(load_config(config)) as records:
            marks = _marks_of(codes, (await check_log(records.door, records.signer.keys)).flaws)
            await records.door.run(records.signer.acknowledge, Acknowledge(marks, reason, actor_of(by)))
            report = await check_log(records.door, records.signer.keys)
            await records.door.run(audit_looked_at, not report.flaws)
            return len(marks), report

    count, report = asyncio.run(work())
    print(f"audit: {count} acknowledged ({reason}: {REASONS[reason]}); `audit verify` goes on listing them")
    for flaw in report.flaws:
        print(f"audit: still {flaw.said}")
    if report.flaws:
        raise typer.Exit(1)


def _marks_of(codes: Sequence[str], flaws: Sequence[Flaw]) -> tuple[bytes, ...]:
    by_code = {one.code: [one.mark] for one in flaws if one.code}
    coded = [one for one in flaws if one.code]
    if len(coded) > 1:
        by_code[_together(coded)] = [one.mark for one in coded]
    for code in codes:
        if code not in by_code:
            fail(1, f"audit acknowledge: no finding has the code {code} now; look again with `audit verify`")
    return tuple(dict.fromkeys(mark for code in codes for mark in by_code[code]))


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


def _rows_after(seq: int, uow: UnitOfWork, limit: int = AT_ONCE) -> list[AuditRow]:
    return uow.audit.rows(seq, limit)


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
