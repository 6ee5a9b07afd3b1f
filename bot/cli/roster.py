"""`roster`: is somebody on duty at every minute of the next days, and is everybody in the roster known here?"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from bot import wiring
from bot.config import Config, ConfigError, load_config
from bot.roster_file import load_roster
from handlers.rules.ladder import ON_DUTY
from handlers.rules.roster import ROSTER_RUNGS, Gap, Roster

app = typer.Typer(help="The duty roster.", no_args_is_help=True, rich_markup_mode=None)
MOST_DAYS = 366


@app.callback()
def _group() -> None:
    """Keep `check` a command of its own while it is the only one."""


@app.command()
def check(
    path: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The roster (default: the configured one).")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="How many days to look ahead.")] = 30,
) -> None:
    """Say every time without anybody on duty and every name nobody here has. Exit 0: none; 1: some; 2: cannot be read."""
    settings = load_config(config)
    roster = _read(path or settings.roster, settings)
    now = datetime.now(UTC)
    findings = [*_gaps(roster, now, days), *_unknown(roster, settings)]
    for finding in findings:
        typer.echo(finding)
    if findings:
        raise typer.Exit(1)
    typer.echo(f"roster: somebody is on duty at every minute of the next {days} days")


def _read(path: Path | None, settings: Config) -> Roster:
    if path is None:
        typer.echo("roster: no roster is configured; give a file, or set `roster:` in config.yaml", err=True)
        raise typer.Exit(2)
    try:
        return load_roster(str(path), path.read_bytes(), settings.zone)
    except OSError as error:
        typer.echo(f"{path}: cannot be read ({error.strerror}); check the path", err=True)
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(problem, err=True)
    raise typer.Exit(2)


def _gaps(roster: Roster, now: datetime, days: int) -> list[str]:
    """Gaps of the first rung, and of the others where the roster uses them at all."""
    used = {ON_DUTY, *(shift.rung for shift in roster.shifts)}
    found = [gap for rung in ROSTER_RUNGS if rung in used for gap in roster.gaps(now, now + timedelta(days=days), rung)]
    return [_said(gap, roster) for gap in found]


def _said(gap: Gap, roster: Roster) -> str:
    begins, ends = (at.astimezone(roster.zone) for at in (gap.period.begins_at, gap.period.ends_at))
    return f"gap: nobody on rung {gap.rung} from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}"


def _unknown(roster: Roster, settings: Config) -> list[str]:
    """Names are compared with the staff of the installation, once there is one."""
    if settings.database.url == "" and not (settings.var / "data.db").exists():
        typer.echo("roster: names were not compared with the staff, this installation has no database yet", err=True)
        return []
    known = asyncio.run(_sign_in_names(settings))
    return [f"unknown: nobody here signs in as {name!r}; see `staff list`" for name in roster.unknown(known)]


async def _sign_in_names(settings: Config) -> list[str]:
    async with wiring.open_service(settings.model_copy(update={"roster": None}), demo=False) as service:
        staff = await service.storage.door.read(lambda uow: uow.staff.all())
    return [one.name for one in staff if one.enabled]
