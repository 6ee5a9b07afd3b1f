"""`keeping`: what is kept and for how long, the daily run, and what an order about somebody would yield."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from bot import wiring
from bot.cli.who import ByOption, actor_of, name_of
from bot.config import Config, load_config
from bot.heads import append_head
from handlers.audit_heads import SignedHead
from handlers.keeping import Overdue, Run
from handlers.order_drill import Answer, Drill, drill
from handlers.policies import Policy
from handlers.watching import KEEPING_LATE_AFTER

app = typer.Typer(help="What is kept, and how it goes.", no_args_is_help=True, rich_markup_mode=None)

T = TypeVar("T")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
]


def _with_records(config: Config, work: Callable[[wiring.Records], Awaitable[T]]) -> T:
    async def run() -> T:
        async with wiring.open_records(config) as records:
            return await work(records)

    return asyncio.run(run())


@app.command()
def run(config: ConfigOption = None, by: ByOption = None) -> None:
    """Remove now what is due and keep the audit log's head, as the service does every night. Exit: 0 nothing overdue is left, 1
    something is.
    """
    written = load_config(config)

    async def work(records: wiring.Records) -> tuple[Run, SignedHead | None]:
        done = await records.keeping.run(records.door, actor_of(by))
        return done, await records.door.run(records.signer.sign, None)

    done, head = _with_records(written, work)
    if head is not None:
        for path in written.keeping.heads:
            append_head(path, head)
    _print_run(done, written)
    if not done.clean:
        print("keeping: NOT clean; something overdue is left, run it again and look at the log")
        raise typer.Exit(1)
    print("keeping: clean, nothing overdue is left")


@app.command()
def show(
    last: Annotated[int, typer.Option("--last", min=1, max=400, help="How many of the newest runs.")] = 7,
    config: ConfigOption = None,
) -> None:
    """How long each kind is kept, the newest runs, and what is due. Exit: 0 well, 1 left over, or no clean run for 26 hours."""
    written = load_config(config)

    def look(records: wiring.Records) -> Awaitable[tuple[list[Run], dict[str, Overdue], bool]]:
        return records.door.read(
            lambda uow: (
                uow.keeping.runs(last),
                records.keeping.overdue(uow, uow.now),
                bool(uow.watch.unkept(uow.now - KEEPING_LATE_AFTER).count),
            )
        )

    runs, overdue, late = _with_records(written, look)
    for policy in written.keeping.policies:
        print(_policy_line(policy))
    print(f"{'facts':<12} for ever: figures of closed cases, nothing about anybody")
    for one in runs:
        _print_run(one, written)
    if not runs:
        print("keeping: no run yet; the service begins one a minute after its start, or run: python -m bot keeping run")
    # What came due since the last run waits for the next one: only what that run left, or a run that is missing, is trouble.
    due = ", ".join(f"{kind} {one.left}" for kind, one in overdue.items() if one.left)
    print(f"due now, for the next run: {due or 'nothing'}")
    if late or (runs and runs[0].ended_at is not None and not runs[0].clean):
        print("keeping: NOT well; the last clean run is more than 26 hours ago, or the newest one left something")
        raise typer.Exit(1)


@app.command("drill")
def drill_(
    code: Annotated[str, typer.Argument(help="A case code.")],
    by: Annotated[str, typer.Option("--by", help="Who asks; it stands in the audit log.")],
    config: ConfigOption = None,
) -> None:
    """What would an order about the person of this case yield? Counts and kinds, never content. Exit: 0 said, 1 no such case."""
    written = load_config(config)
    wish = Drill(code, name_of(by))
    answer = _with_records(written, lambda records: records.door.run(drill, wish))
    if answer is None:
        print(f"{code}: there is no such case (any more), so an order about it would yield nothing")
        raise typer.Exit(1)
    _print_answer(answer, written)


def _policy_line(policy: Policy) -> str:
    return f"{policy.kind:<12} {policy.days:>4} days after {policy.since}: {policy.what}"


def _print_run(run: Run, config: Config) -> None:
    ended = "did not end" if run.ended_at is None else "clean" if run.clean else "NOT clean"
    print(f"run of {_local(run.started_at, config)}, {ended}")
    for one in run.found:
        if one.removed or one.left or one.waiting:
            waits = f", {one.waiting} wait (somebody is just being called, or no signed head is old enough)"
            print(f"  {one.kind:<12} {one.removed} removed, {one.left} left{waits if one.waiting else ''}")


def _print_answer(answer: Answer, config: Config) -> None:
    stays = "erased" if answer.erased else f"{answer.cases} stays of this person"
    print(f"case {answer.case_code}: {stays}. An order for database, key store and secrets would yield:")
    for one in answer.kinds:
        print(f"  {one.count:>5}  {one.what} ({one.readable.value})")
    if answer.readable:
        print(f"{answer.readable} sealed records can be read by whoever holds the key store and the secret files.")
    else:
        print("Nothing sealed can be read. No name, no address and no word of hers is left here.")
    if answer.goes_at is not None:
        print(f"It goes by itself on {_local(answer.goes_at, config)}, if she does not write again.")
        print("Whoever already has her account's number could look her up with the secret files until then.")
    print(
        "Not counted: what the platform (Zalo, Telegram) keeps, and backups: they hold what was here when they were made, and"
    )
    print("are shut for everything whose key is destroyed, unless an older copy of the key store is kept beside them.")


def _local(at: datetime, config: Config) -> str:
    return f"{at.astimezone(config.zone):%Y-%m-%d %H:%M}"
