"""`channels`: is every configured channel reachable, signed, within its quota, its webhook pointing here?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from bot import wiring
from bot.channels.pager import Pager
from bot.config import Config, load_config
from bot.observe import set_up_logs
from handlers import alarms
from handlers.ports import Finding

app = typer.Typer(help="The channels people and staff are reached on.", no_args_is_help=True, rich_markup_mode=None)

WITHIN_S = 30.0


@app.callback()
def _group() -> None:
    """Keep `check` a command of its own while it is the only one."""


@app.command()
def check(
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
    ] = None,
) -> None:
    """Ask every channel's platform, and say in words what is fine and what is not. Exit: 0 all fine, 1 something is not."""
    set_up_logs("error")
    settings = load_config(config)
    found = asyncio.run(_look(settings))
    for name, finding in found:
        mark = ("care " if finding.care else "ok   ") if finding.fine else "WRONG"
        typer.echo(f"{mark}  {name}: {finding.words}")
    if not all(finding.fine for _, finding in found):
        raise typer.Exit(1)


async def _look(settings: Config) -> list[tuple[str, Finding]]:
    async with wiring.open_service(settings, demo=False) as service:
        asked: dict[str, Callable[[], Awaitable[list[Finding]]]] = {
            name: channel.check for name, channel in service.channels.items()
        }
        for name, surface in service.surfaces.items():
            if isinstance(surface, Pager):
                asked[name] = surface.check
        looks = await asyncio.gather(*(_within(look()) for look in asked.values()))
        standing = await service.storage.door.read(alarms.ringing)
    found = [(name, finding) for name, findings in zip(asked, looks, strict=True) for finding in findings]
    return found + [
        (one.name, Finding(False, f"alarm {one.code} since {one.since_at:%Y-%m-%d %H:%M} UTC")) for one in standing
    ]


async def _within(look: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(WITHIN_S):
            return await look
    except TimeoutError:
        return [Finding(False, f"no answer within {WITHIN_S:.0f} s; check the network")]
    except Exception as error:
        return [Finding(False, f"looking failed ({type(error).__name__}); see the log of `serve`")]
