"""`erase CODE`: an operator erases a case and whose it is at once, where the desk cannot."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot import wiring
from bot.cli.who import name_of
from bot.config import load_config
from handlers.erasing import EraseNow, EraseReason, Erasing


def erase(
    code: Annotated[str, typer.Argument(help="The case code.")],
    reason: Annotated[EraseReason, typer.Option("--reason", help="Why; it stands in the audit log.")],
    confirm: Annotated[str, typer.Option("--confirm", help="The case code once more: there is no way back.")],
    by: Annotated[str, typer.Option("--by", help="Who does this; it stands in the audit log.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
    ] = None,
) -> None:
    """Destroy a case and everything of whoever wrote it, now. Exit: 0 done, 1 refused (and nothing erased)."""
    wish = EraseNow(case_code=code, confirm=confirm, reason=reason, command_line=name_of(by))

    async def work() -> int:
        async with wiring.open_records(load_config(config)) as records:
            gone = await records.door.run(Erasing(records.keeping.housekeeping).erase_now, wish)
            await records.keeping.tidy()
            return gone

    cases = asyncio.run(work())
    print(
        f"erased: {cases} cases of this person; the keys are destroyed, and old backups cannot be read with the keys of now"
    )
