"""Who stands at the command line, and the row of the audit log that says so."""

from __future__ import annotations

import getpass
import os
from typing import Annotated

import typer

from bot import wiring
from bot.config import Config
from handlers.command_line import NOBODY, at_command_line, plain_name
from handlers.model import AuditEntry

ByOption = Annotated[
    str | None,
    typer.Option("--by", help="Who does it; it stands in the audit log (default: the name of this system account)."),
]
UNWRITTEN = (
    "warning: done, but the audit log has no row of it (database busy, away or of another version); note who did it"
)


def name_of(by: str | None = None) -> str:
    """The name given with `--by`, else whoever called `sudo`, else this system account; never fails, never empty."""
    return next(filter(None, map(plain_name, (by or "", os.environ.get("SUDO_USER", ""), _account()))), NOBODY)


def actor_of(by: str | None = None) -> str:
    """The same as the audit log has it: `command line: NAME`."""
    return at_command_line(name_of(by))


def note(config: Config, by: str | None, action: str, what: str = "", **detail: str | int | bool) -> None:
    """Write a row about what this command has just done. Where that cannot be, what is done stays done, and stderr says it."""
    if not wiring.write_row(config, AuditEntry(actor=actor_of(by), action=action, object=what, detail=dict(detail))):
        say_unwritten()


def say_unwritten() -> None:
    """On stderr: what was done left no row."""
    typer.echo(UNWRITTEN, err=True)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run under a number without a name
        return f"account {os.getuid()}"
